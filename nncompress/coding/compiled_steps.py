"""Code steps with the mixing predictor in one compiled function: predict, learn, and code bits.

Streams are those of :mod:`.planes`. Python, and the lock that its threads share, is needed once in
many steps; :mod:`.compiled_loop` does the same beside a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import DamagedArchiveError
from nncompress.machine.jit import inline, jit
from nncompress.mixing.kernels import begin_byte, end_plane
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.state import open_state

from .rangecoder import TOO_SHORT, WRONG, to_stream, to_words
from .rangecoder_compiled import RangeDecoder, RangeEncoder, decode_bits, encode_bits

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

Scratch = tuple[NDArray[np.int32], NDArray[np.float64]]


@inline
def code_step(s, decoding, row, lo, hi, weights, bits, ones, coder, words):
    """Code, or decode into, the bytes lo..hi-1 of a row of the table.

    False for a stream that no encoder makes. One function for both directions, since to compile the
    predictor takes long.
    """
    count, sound = hi - lo, True
    bits, ones = bits[:count], ones[:count]
    if decoding:
        row[lo:hi] = 0
    begin_byte(s, lo, hi, weights, ones)
    for plane in range(8):
        if decoding:
            sound &= decode_bits(ones, coder, words, bits)
            for lane in range(count):
                row[lo + lane] |= bits[lane] << (7 - plane)
        else:
            for lane in range(count):
                bits[lane] = (row[lo + lane] >> (7 - plane)) & 1
            encode_bits(bits, ones, coder, words)
        end_plane(s, plane, lo, hi, bits, ones)
    return sound


@jit
def _code_steps(predictor, decoding, table, first, last, lo, hi, weights, bits, ones, coder, words):
    """Code the steps first..last-1 of the lanes lo..hi-1 of a table, uint8 [steps, lanes]."""
    s, sound = open_state(predictor), True
    for step in range(first, last):
        sound &= code_step(s, decoding, table[step], lo, hi, weights, bits, ones, coder, words)
    return sound


class _Steps:
    """What both directions share: the predictor, the table, and scratch for a plane."""

    decoding: bool
    coder: RangeEncoder | RangeDecoder

    def __init__(self, predictor: Predictor, table: NDArray[np.uint8]) -> None:
        self.predictor, self.table = predictor, table
        lanes = table.shape[1]
        self.scratch: Scratch = np.empty(lanes, np.int32), np.empty(lanes)

    def code(self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        """See :meth:`.planes.PlaneEncoder.code`."""
        weights = self.predictor.take(lo, hi, prediction)
        self.reserve(8 * (last - first) * (hi - lo))
        place = self.predictor.table, self.decoding, self.table, first, last, lo, hi
        self.check(_code_steps(*place, weights, *self.scratch, self.coder.state, self.coder.words))

    def reserve(self, bits: int) -> None:
        """Make room for the words of so many bits."""

    def check(self, sound: bool) -> None:
        """Raise :class:`DamagedArchiveError` for a stream that no encoder makes."""


class CompiledEncoder(_Steps):
    """As :class:`.planes.PlaneEncoder`, for the mixing predictor."""

    decoding = False

    def __init__(self, predictor: Predictor, table: NDArray[np.uint8]) -> None:
        super().__init__(predictor, table)
        self.coder: RangeEncoder = RangeEncoder()

    def reserve(self, bits: int) -> None:
        """Make room for the words of so many bits."""
        self.coder.reserve(bits)

    def finish(self) -> bytes:
        """Return the stream so far."""
        return to_stream(self.coder.get_compressed())


class CompiledDecoder(_Steps):
    """As :class:`.planes.PlaneDecoder`, for the mixing predictor."""

    decoding = True

    def __init__(self, predictor: Predictor, table: NDArray[np.uint8], stream: bytes) -> None:
        super().__init__(predictor, table)
        self.coder: RangeDecoder = RangeDecoder(to_words(stream))

    def check(self, sound: bool) -> None:
        """Raise :class:`DamagedArchiveError` for a stream that no encoder makes."""
        if self.coder.has_read_all():
            raise DamagedArchiveError(TOO_SHORT)
        if not sound:
            raise DamagedArchiveError(WRONG)

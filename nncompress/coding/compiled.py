"""Coding steps with the mixer in one compiled function: predictions, learning and the range coder.

Streams are those of :mod:`.planes`. Python, and the lock that its threads share, is needed once a step where the
network speaks between two steps, and once in many steps where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DamagedArchiveError
from ..jit import jit
from ..mixing.kernels import begin_byte, end_plane
from ..mixing.mixer import Mixer
from ..mixing.state import opened
from .rangecoder import TOO_SHORT, WRONG, to_stream, to_words
from .rangecoder_numba import RangeDecoder, RangeEncoder, decode_bits, encode_bits

if TYPE_CHECKING:
    from ..exact.engine import Prediction


@jit
def _encode_steps(  # type: ignore[no-untyped-def]
    mixer, table, first, last, lo, hi, weights, bits, ones, coder, words
):
    """Code the steps first..last-1 of the lanes lo..hi-1 of a table, uint8 [steps, lanes]."""
    s, count = opened(mixer), hi - lo
    bits, ones = bits[:count], ones[:count]
    for step in range(first, last):
        begin_byte(s, lo, hi, weights, ones)
        for plane in range(8):
            for lane in range(count):
                bits[lane] = (table[step, lo + lane] >> (7 - plane)) & 1
            encode_bits(bits, ones, coder, words)
            end_plane(s, plane, lo, hi, bits, ones)


@jit
def _decode_steps(  # type: ignore[no-untyped-def]
    mixer, table, first, last, lo, hi, weights, bits, ones, coder, words
):
    """Undo :func:`_encode_steps`; False for a stream that no encoder makes."""
    s, count = opened(mixer), hi - lo
    bits, ones = bits[:count], ones[:count]
    sound = True
    for step in range(first, last):
        table[step, lo:hi] = 0
        begin_byte(s, lo, hi, weights, ones)
        for plane in range(8):
            sound &= decode_bits(ones, coder, words, bits)
            for lane in range(count):
                table[step, lo + lane] |= bits[lane] << (7 - plane)
            end_plane(s, plane, lo, hi, bits, ones)
    return sound


class _Steps:
    """What both directions share: the mixer, the table, and room for a plane's bits and probabilities."""

    def __init__(self, mixer: Mixer, table: NDArray[np.uint8]) -> None:
        self._mixer, self._table = mixer, table
        lanes = table.shape[1]
        self._room = np.empty(lanes, np.int32), np.empty(lanes)

    def _arguments(
        self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None
    ) -> tuple[Any, ...]:
        weights = self._mixer.take(lo, hi, prediction)
        return self._mixer.addresses, self._table, first, last, lo, hi, weights, *self._room


class CompiledEncoder(_Steps):
    """As :class:`.planes.PlaneEncoder`, for a mixer."""

    def __init__(self, mixer: Mixer, table: NDArray[np.uint8]) -> None:
        super().__init__(mixer, table)
        self._coder = RangeEncoder()

    def code(self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        """See :meth:`.planes.PlaneEncoder.code`."""
        self._coder.reserve(8 * (last - first) * (hi - lo))
        arguments = self._arguments(first, last, lo, hi, prediction)
        _encode_steps(*arguments, self._coder.state, self._coder.words)

    def finish(self) -> bytes:
        """Return the stream so far."""
        return to_stream(self._coder.get_compressed())


class CompiledDecoder(_Steps):
    """As :class:`.planes.PlaneDecoder`, for a mixer."""

    def __init__(self, mixer: Mixer, table: NDArray[np.uint8], stream: bytes) -> None:
        super().__init__(mixer, table)
        self._coder = RangeDecoder(to_words(stream))

    def code(self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        """See :meth:`.planes.PlaneDecoder.code`."""
        arguments = self._arguments(first, last, lo, hi, prediction)
        if not _decode_steps(*arguments, self._coder.state, self._coder.words):
            raise DamagedArchiveError(WRONG)
        if self._coder.has_read_all():
            raise DamagedArchiveError(TOO_SHORT)

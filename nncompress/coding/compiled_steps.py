"""Code steps with the mixing predictor in one compiled function: predict, learn, and code bits.

Streams are those of :mod:`.planes`. Python, and the lock that its threads share, is needed once in
many steps. Beside a network :mod:`.compiled_loop` calls the same machine code by its address: the
predictor takes long to compile, and so it is compiled once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import DamagedArchiveError
from nncompress.machine.calls import address_of
from nncompress.machine.jit import jit
from nncompress.machine.tables import Schema, Table
from nncompress.mixing.kernels import learn_plane, predict_plane
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.state import open_state

from .rangecoder import TOO_SHORT, WRONG, to_stream, to_words
from .rangecoder_compiled import RangeDecoder, RangeEncoder, decode_bits, encode_bits

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

Scratch = tuple[NDArray[np.int32], NDArray[np.float64]]


class Words(NamedTuple):
    """The range coder's words, uint32, which move when they need more room."""

    words: Annotated[NDArray[np.uint32], 1]


class TurnTable(NamedTuple):
    """What steps are coded with.

    Attributes:
        decoding: 1 to decode, 0 to encode.
        predictor: table of the predictor's state.
        rows: uint8 [steps, lanes], the block's bytes.
        weights: the network's for the lanes of the turn, int32 [lanes, 256]; no lanes without one.
        bits: int32 [lanes], scratch for a plane's bits.
        ones: float64 [lanes], scratch for their probabilities of being 1.
        coder: uint64 [4], the range coder's state.
        words: table of :class:`Words`.
    """

    decoding: int
    predictor: Table
    rows: Annotated[NDArray[np.uint8], 2]
    weights: Annotated[NDArray[np.int32], 2]
    bits: Annotated[NDArray[np.int32], 1]
    ones: Annotated[NDArray[np.float64], 1]
    coder: Annotated[NDArray[np.uint64], 1]
    words: Table


TURN, WORDS = Schema(TurnTable), Schema(Words)
_open_turn, open_words = TURN.opener(), WORDS.opener()


@jit
def code_steps(table, first, last, lo, hi):
    """Code, or decode, the steps first..last-1 of the lanes lo..hi-1.

    Args:
        table: address of the table of a :class:`TurnTable`.
        first: first step.
        last: one past the last step; with a network, ``first + 1``.
        lo: first lane.
        hi: one past the last lane.

    Returns:
        1, or 0 for a stream that no encoder makes.
    """
    turn = _open_turn(table)
    state, words, count, sound = open_state(turn.predictor), open_words(turn.words), hi - lo, True
    bits, ones = turn.bits[:count], turn.ones[:count]
    for step in range(first, last):
        row = turn.rows[step]
        if turn.decoding:
            row[lo:hi] = 0
        for plane in range(8):
            predict_plane(state, plane, lo, hi, turn.weights, ones)
            if turn.decoding:
                sound &= decode_bits(ones, turn.coder, words.words, bits)
                for lane in range(count):
                    row[lo + lane] |= bits[lane] << (7 - plane)
            else:
                for lane in range(count):
                    bits[lane] = (row[lo + lane] >> (7 - plane)) & 1
                encode_bits(bits, ones, turn.coder, words.words)
            learn_plane(state, plane, lo, hi, bits)
    return np.int64(sound)


class TableCoder:
    """Codes the steps of a table of bytes, uint8 [steps, lanes], with a compiled function.

    Attributes:
        table: the bytes.
        decoding: whether they are decoded, and not encoded.
        coder: the range coder.
        kernel: the function; it takes a table, and numbers as :func:`code_steps` does.
        scratch: for a plane's bits and probabilities.
    """

    decoding: bool
    coder: RangeEncoder | RangeDecoder
    kernel: ClassVar[Any]

    def __init__(self, table: NDArray[np.uint8]) -> None:
        self.table = table
        lanes = table.shape[1]
        self.scratch: Scratch = np.empty(lanes, np.int32), np.empty(lanes)

    def code(self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        """See :meth:`.planes.PlaneEncoder.code`."""
        weights = self.take(lo, hi, prediction)
        self.reserve(8 * (last - first) * (hi - lo))
        words = WORDS.fill(Words(self.coder.words))
        turn = self.turn(weights, words)
        self.check(bool(self.kernel(turn.ctypes.data, first, last, lo, hi)))

    def kernel_address(self) -> int:
        """Return where the machine code that codes steps is, for compiled callers."""
        return address_of(self.kernel, 5)

    def take(self, lo: int, hi: int, prediction: Prediction | None) -> NDArray[np.int32]:
        """Take what the network says of the lanes lo..hi-1, and return the weights for a turn.

        Raises:
            ValueError: it does not fit.
        """
        raise NotImplementedError

    def turn(self, weights: NDArray[np.int32], words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the table for the kernel with these weights and this table of words."""
        raise NotImplementedError

    @property
    def hidden(self) -> NDArray[np.int8]:
        """Where the kernel finds the network's hidden vectors, int8 [lanes, n]."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """How many numbers of a hidden vector are used, from the first on."""
        raise NotImplementedError

    def reserve(self, bits: int) -> None:
        """Make room for the words of so many bits."""

    def check(self, sound: bool) -> None:
        """Raise :class:`DamagedArchiveError` for a stream that no encoder makes."""


class TableEncoder(TableCoder):
    """Encodes the bytes of a table."""

    decoding = False

    def __init__(self, table: NDArray[np.uint8]) -> None:
        super().__init__(table)
        self.coder: RangeEncoder = RangeEncoder()

    def reserve(self, bits: int) -> None:
        """Make room for the words of so many bits."""
        self.coder.reserve(bits)

    @property
    def size(self) -> int:
        """Bytes of the stream so far, but for a few that are still open."""
        return self.coder.words.itemsize * self.coder.num_words()

    def finish(self) -> bytes:
        """Return the stream so far."""
        return to_stream(self.coder.get_compressed())


class TableDecoder(TableCoder):
    """Decodes a stream into a table."""

    decoding = True

    def __init__(self, table: NDArray[np.uint8], stream: bytes) -> None:
        super().__init__(table)
        self.coder: RangeDecoder = RangeDecoder(to_words(stream))

    def check(self, sound: bool) -> None:
        """Raise :class:`DamagedArchiveError` for a stream that no encoder makes."""
        if self.coder.has_read_all():
            raise DamagedArchiveError(TOO_SHORT)
        if not sound:
            raise DamagedArchiveError(WRONG)


class _Mixed(TableCoder):
    """Codes with the mixing predictor."""

    predictor: Predictor
    kernel = staticmethod(code_steps)

    def take(self, lo: int, hi: int, prediction: Prediction | None) -> NDArray[np.int32]:
        """See :meth:`nncompress.mixing.predictor.Predictor.take`."""
        return self.predictor.take(lo, hi, prediction)

    def turn(self, weights: NDArray[np.int32], words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the table of a :class:`TurnTable` with these weights and this table of words."""
        place = int(self.decoding), self.predictor.table, self.table, weights
        return TURN.fill(TurnTable(*place, *self.scratch, self.coder.state, words))

    @property
    def hidden(self) -> NDArray[np.int8]:
        """Where the predictor finds the hidden vectors."""
        return self.predictor.state.hidden

    @property
    def width(self) -> int:
        """How many numbers of a vector it uses."""
        return self.predictor.width


class CompiledEncoder(_Mixed, TableEncoder):
    """As :class:`.planes.PlaneEncoder`, for the mixing predictor."""

    def __init__(self, predictor: Predictor, table: NDArray[np.uint8]) -> None:
        super().__init__(table)
        self.predictor = predictor


class CompiledDecoder(_Mixed, TableDecoder):
    """As :class:`.planes.PlaneDecoder`, for the mixing predictor."""

    def __init__(self, predictor: Predictor, table: NDArray[np.uint8], stream: bytes) -> None:
        super().__init__(table, stream)
        self.predictor = predictor

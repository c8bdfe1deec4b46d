"""Code steps with the network's weights alone in one compiled function.

Streams are those of :mod:`.planes` with the predictor of :mod:`.network_predictor`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.jit import jit
from nncompress.machine.tables import Schema, Table

from .compiled_steps import TableCoder, TableDecoder, TableEncoder, open_words
from .network_predictor import accumulate, probabilities
from .rangecoder_compiled import decode_bits, encode_bits

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction


class NetworkTable(NamedTuple):
    """What steps are coded with; as in :class:`.compiled_steps.TurnTable`.

    Attributes:
        decoding: 1 to decode, 0 to encode.
        rows: uint8 [steps, lanes], the block's bytes.
        weights: the network's for the lanes of the turn, int32 [lanes, 256].
        sums: int64 [lanes, 257], scratch for their running sums.
        nodes: int64 [lanes], scratch for the bits before, after a 1.
        bits: int32 [lanes], scratch for a plane's bits.
        ones: float64 [lanes], scratch for their probabilities of being 1.
        coder: uint64 [4], the range coder's state.
        words: table of :class:`.compiled_steps.Words`.
    """

    decoding: int
    rows: Annotated[NDArray[np.uint8], 2]
    weights: Annotated[NDArray[np.int32], 2]
    sums: Annotated[NDArray[np.int64], 2]
    nodes: Annotated[NDArray[np.int64], 1]
    bits: Annotated[NDArray[np.int32], 1]
    ones: Annotated[NDArray[np.float64], 1]
    coder: Annotated[NDArray[np.uint64], 1]
    words: Table


_TABLE = Schema(NetworkTable)
_open_table = _TABLE.opener()


@jit
def code_network_steps(table, first, last, lo, hi):
    """Code, or decode, a step of the lanes lo..hi-1; arguments as for ``code_steps``.

    Returns:
        1, or 0 for a stream that no encoder makes.
    """
    turn = _open_table(table)
    words, count, sound = open_words(turn.words).words, hi - lo, True
    bits, ones, nodes, sums = (
        turn.bits[:count],
        turn.ones[:count],
        turn.nodes[:count],
        turn.sums[:count],
    )
    accumulate(turn.weights[:count], sums)
    for step in range(first, last):
        row = turn.rows[step]
        if turn.decoding:
            row[lo:hi] = 0
        for plane in range(8):
            for lane in range(count):
                nodes[lane] = (row[lo + lane] | 256) >> (8 - plane)
            probabilities(sums, nodes, plane, ones)
            if turn.decoding:
                sound &= decode_bits(ones, turn.coder, words, bits)
                for lane in range(count):
                    row[lo + lane] |= bits[lane] << (7 - plane)
            else:
                for lane in range(count):
                    bits[lane] = (row[lo + lane] >> (7 - plane)) & 1
                encode_bits(bits, ones, turn.coder, words)
    return np.int64(sound)


class _Alone(TableCoder):
    """Codes with the network's weights."""

    kernel = staticmethod(code_network_steps)

    @cached_property
    def _sums(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Scratch for running sums and for nodes."""
        lanes = self.table.shape[1]
        return np.empty((lanes, 257), np.int64), np.empty(lanes, np.int64)

    def take(self, lo: int, hi: int, prediction: Prediction | None) -> NDArray[np.int32]:
        """Return the prediction's weights."""
        lanes = self.table.shape[1]
        if (
            prediction is None
            or not 0 <= lo < hi <= lanes
            or prediction.weights.shape != (hi - lo, 256)
        ):
            raise ValueError(f"these lanes, {lo} to {hi} of {lanes}, need weights of a network")
        return np.ascontiguousarray(prediction.weights, np.int32)

    def turn(self, weights: NDArray[np.int32], words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the table of a :class:`NetworkTable` with these weights and these words."""
        given = int(self.decoding), self.table, weights, *self._sums
        return _TABLE.fill(NetworkTable(*given, *self.scratch, self.coder.state, words))

    @property
    def hidden(self) -> NDArray[np.int8]:
        """Nothing: no vector is used."""
        return np.zeros((self.table.shape[1], 0), np.int8)

    @property
    def width(self) -> int:
        """None of a vector is used."""
        return 0


class NetworkEncoder(_Alone, TableEncoder):
    """As :class:`.planes.PlaneEncoder`, for the network alone."""


class NetworkDecoder(_Alone, TableDecoder):
    """As :class:`.planes.PlaneDecoder`, for the network alone."""

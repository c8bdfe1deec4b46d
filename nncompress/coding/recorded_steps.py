"""Code steps as :mod:`.compiled_steps` does, and write down what every byte cost and why.

Streams are the same. What is written down is for showing it: ``nncompress explain`` does so.
"""

from __future__ import annotations

from collections import deque
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.lanes import MOST_GROUPS, Layout
from nncompress.machine.calls import address_of, call
from nncompress.machine.jit import jit, part
from nncompress.machine.tables import Schema, Table
from nncompress.mixing.distribution import TOP, LookAhead, find_likeliest, open_look
from nncompress.mixing.kernels import learn_bits, open_plane, predict_bits
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.state import EXPECTED, MATCHES, NETWORK, OF_MATCH, RUN, open_state

from .compiled_steps import CompiledEncoder, open_words
from .rangecoder_compiled import encode_bits

BIT_COSTS = np.concatenate([[np.inf], -np.log2(np.arange(1, 65536) / 65536)])
"""Bits that an outcome costs, by its probability in 65536ths."""


class Notes(NamedTuple):
    """What is found out about the n bytes of a block, by position.

    Attributes:
        coded: bits that each cost, float64 [n].
        network: bits that the network alone would have spent, float64 [n]; NaN without one.
        network_top: the bytes that the network held likeliest, uint8 [n, 3].
        network_chances: their probabilities, float32 [n, 3]; 0 for none.
        mixed_top: the same of the mixer.
        mixed_chances: likewise.
        matched: the byte that the longest match expected, int16 [n]; -1 without one.
        lengths: how many bytes that match had been right for, int32 [n].
    """

    coded: Annotated[NDArray[np.float64], 1]
    network: Annotated[NDArray[np.float64], 1]
    network_top: Annotated[NDArray[np.uint8], 2]
    network_chances: Annotated[NDArray[np.float32], 2]
    mixed_top: Annotated[NDArray[np.uint8], 2]
    mixed_chances: Annotated[NDArray[np.float32], 2]
    matched: Annotated[NDArray[np.int16], 1]
    lengths: Annotated[NDArray[np.int32], 1]

    @classmethod
    def empty(cls, size: int) -> Notes:
        """Make notes on ``size`` bytes of which nothing is known; each costs 8 bits."""
        return cls(
            np.full(size, 8.0),
            np.full(size, np.nan),
            np.zeros((size, TOP), np.uint8),
            np.zeros((size, TOP), np.float32),
            np.zeros((size, TOP), np.uint8),
            np.zeros((size, TOP), np.float32),
            np.full(size, -1, np.int16),
            np.zeros(size, np.int32),
        )


class RecordTable(NamedTuple):
    """What steps are coded and written down with.

    Attributes:
        rows: uint8 [steps, lanes], the block's bytes.
        starts: int64 [lanes], the positions of the lanes' first bytes.
        look: table of a :class:`~nncompress.mixing.distribution.LookTable`.
        coder: uint64 [4], the range coder's state.
        words: table of :class:`~.compiled_steps.Words`.
        notes: table of the :class:`Notes` that are filled.
        costs: float64 [65536], :data:`BIT_COSTS`.
        predict: address of :func:`~nncompress.mixing.kernels.predict_bits`.
        find: address of :func:`~nncompress.mixing.distribution.find_likeliest`.
        learn: address of :func:`~nncompress.mixing.kernels.learn_bits`.
    """

    rows: Annotated[NDArray[np.uint8], 2]
    starts: Annotated[NDArray[np.int64], 1]
    look: Table
    coder: Annotated[NDArray[np.uint64], 1]
    words: Table
    notes: Table
    costs: Annotated[NDArray[np.float64], 1]
    predict: int
    find: int
    learn: int


_RECORD, _NOTES = Schema(RecordTable), Schema(Notes)
_open_record, _open_notes = _RECORD.opener(), _NOTES.opener()


@jit
def record_steps(table, first, last, lo, hi):
    """Code the steps first..last-1 of the lanes lo..hi-1; arguments as for ``code_steps``.

    Returns 1.
    """
    record = _open_record(table)
    look, words, notes = open_look(record.look), open_words(record.words), _open_notes(record.notes)
    turn, at = open_plane(look.turn), np.int64(look.turn.ctypes.data)
    s, count, one = open_state(turn.state), hi - lo, np.int64(1)
    bits, ones = turn.bits[:count], turn.ones[:count]
    for step in range(first, last):
        row = record.rows[step]
        _note_matches(notes, record.starts[lo:hi] + step, s, lo)
        for plane in range(8):
            call(record.predict, (at, np.int64(plane), lo, hi, one))
            if plane == 0:
                call(record.find, (np.int64(record.look.ctypes.data), lo, hi))
                _note_likeliest(notes, record.starts[lo:hi] + step, s, look, lo, row)
            for lane in range(count):
                bit = (row[lo + lane] >> (7 - plane)) & 1
                bits[lane] = bit
                given = ones[lane] if bit else 1 - ones[lane]
                place = record.starts[lo + lane] + step
                notes.coded[place] += record.costs[np.int64(given * 65536)]
            encode_bits(bits, ones, record.coder, words.words)
            call(record.learn, (at, np.int64(plane), lo, hi))
    return np.int64(1)


@part
def _note_matches(notes, places, s, lo):
    """Write down what the longer of the matches expects, and begin to count bits."""
    for i in range(len(places)):
        place = places[i]
        notes.coded[place] = 0.0
        for model in range(s.config[MATCHES]):
            expected = s.lanes[lo + i, model * OF_MATCH + EXPECTED]
            run = s.lanes[lo + i, model * OF_MATCH + RUN]
            if expected >= 0 and (notes.matched[place] < 0 or run > notes.lengths[place]):
                notes.matched[place] = expected
                notes.lengths[place] = run


@part
def _note_likeliest(notes, places, s, look, lo, row):
    for i in range(len(places)):
        place = places[i]
        for k in range(TOP):
            notes.mixed_top[place, k] = look.top[lo + i, k]
            notes.mixed_chances[place, k] = look.chances[lo + i, k]
        if s.config[NETWORK]:
            _note_network(notes, place, s.sums[lo + i], np.int64(row[lo + i]))


@part
def _note_network(notes, place, sums, symbol):
    """Write down what the network says, by its cumulative weights."""
    whole = np.float64(sums[256])
    notes.network[place] = -np.log2((sums[symbol + 1] - sums[symbol]) / whole)
    top = notes.network_top[place]
    best = np.zeros(TOP, np.int32)
    for byte in range(256):
        weight = sums[byte + 1] - sums[byte]
        k = TOP
        while k > 0 and weight > best[k - 1]:
            k -= 1
        for i in range(TOP - 1, k, -1):
            best[i], top[i] = best[i - 1], top[i - 1]
        if k < TOP:
            best[k], top[k] = weight, byte
    for k in range(TOP):
        notes.network_chances[place, k] = best[k] / whole


class RecordingEncoder(CompiledEncoder):
    """As :class:`~.compiled_steps.CompiledEncoder`, and fills notes.

    Args:
        predictor: of the block.
        table: the block's bytes, uint8 [steps, lanes].
        layout: its lanes.
        notes: for as many bytes.
    """

    kernel = staticmethod(record_steps)

    def __init__(
        self, predictor: Predictor, table: NDArray[np.uint8], layout: Layout, notes: Notes
    ) -> None:
        super().__init__(predictor, table)
        self._starts, self._notes = layout.starts(), notes
        self._notes_table = _NOTES.fill(notes)
        self._looks = deque[LookAhead](maxlen=MOST_GROUPS)  # the tables of turns point to them

    def turn(self, weights: NDArray[np.int32], words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the table of a :class:`RecordTable` with these weights and this table of words."""
        look = LookAhead(self.predictor, weights)
        self._looks.append(look)
        return _RECORD.fill(
            RecordTable(
                self.table,
                self._starts,
                look.table,
                self.coder.state,
                words,
                self._notes_table,
                BIT_COSTS,
                address_of(predict_bits, 5),
                address_of(find_likeliest, 3),
                address_of(learn_bits, 4),
            )
        )

"""Look ahead for the bytes that a predictor holds likeliest, for showing them.

Coding does not use these numbers: it learns after every bit plane, so that what a byte costs
differs a little from its probability here. The predictor is left as it was. The search works on
rows of its own, and on copies of the slots that it would use, and claims none.

Of the 255 nodes where a byte's bits are decided it visits few: it goes on at the node that is
reached with the highest probability, and ends with the bytes that are asked for, or where no other
has a chance that is worth showing. The predictor is called by its address, and so not compiled
anew.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.calls import address_of, call
from nncompress.machine.intrinsics import bit_length
from nncompress.machine.jit import jit, part
from nncompress.machine.tables import Schema, Table

from .hashing import BYTE, U, mix64
from .hashtable import CHECK_SHIFT, SLOT_SIZE
from .kernels import PLANE, PlaneTable, open_plane, predict_bits
from .predictor import Predictor
from .runs import leave_runs
from .state import CONTEXTS, KEYS, NODE, SLOT, SLOT_BITS, STATE, open_state

TOP = 3
"""How many of the likeliest bytes are shown."""

LEAST_CHANCE = 0.01
"""Bytes that are less likely are not sought."""

_NODES = 256


class LookTable(NamedTuple):
    """What is asked of a predictor, and where the answers go.

    Attributes:
        turn: table of a :class:`~.kernels.PlaneTable`, the predictor's for the lanes of a turn.
        search: table of another with rows of its own, where the search goes about.
        nodes: int32 [256], nodes that can be reached from those that have been visited.
        reach: float64 [256], the probabilities of that.
        top: uint8 [lanes, count], gets each lane's likeliest bytes, the likeliest first.
        chances: float64 [lanes, count], gets their probabilities; 0 where there are no more.
        least: float64 [1], the least of them that is sought.
        predict: address of :func:`~.kernels.predict_bits`.
    """

    turn: Table
    search: Table
    nodes: Annotated[NDArray[np.int32], 1]
    reach: Annotated[NDArray[np.float64], 1]
    top: Annotated[NDArray[np.uint8], 2]
    chances: Annotated[NDArray[np.float64], 2]
    least: Annotated[NDArray[np.float64], 1]
    predict: int


LOOK = Schema(LookTable)
open_look = LOOK.opener()
"""Opens, in compiled code, the table of a :class:`LookTable`."""


class LookAhead:
    """Asks a predictor what it holds likeliest, in the lanes of one turn.

    Args:
        predictor: what is asked.
        weights: what :meth:`Predictor.take` returned for these lanes.
        count: of the likeliest bytes.
        least: the least probability that is worth finding.

    Attributes:
        turn: what the lanes' planes are predicted and learnt with.
        turn_table: of that.
        record: see :class:`LookTable`.
        table: of the record; the tables are of use as long as this object lives.
    """

    def __init__(
        self,
        predictor: Predictor,
        weights: NDArray[np.int32],
        count: int = TOP,
        least: float = LEAST_CHANCE,
    ) -> None:
        whole = predictor.state
        lanes, contexts = whole.lanes.shape[0], int(whole.config[CONTEXTS])
        search = whole._replace(
            slots=np.zeros(2 * contexts * SLOT_SIZE, whole.slots.dtype),
            lanes=whole.lanes.copy(),
            inputs=whole.inputs.copy(),
            outputs=whole.outputs.copy(),
            where=whole.where.copy(),
        )
        bits = np.empty(lanes, np.int32)
        self.turn = PlaneTable(predictor.table, weights, bits, np.empty(lanes))
        self.turn_table = PLANE.fill(self.turn)
        other = PlaneTable(STATE.fill(search), weights, bits, np.empty(1))
        self._alive = predictor, search, other
        self.record = LookTable(
            turn=self.turn_table,
            search=PLANE.fill(other),
            nodes=np.zeros(_NODES, np.int32),
            reach=np.zeros(_NODES),
            top=np.zeros((lanes, count), np.uint8),
            chances=np.zeros((lanes, count)),
            least=np.array([least]),
            predict=address_of(predict_bits, 5),
        )
        self.table = LOOK.fill(self.record)


@jit
def find_likeliest(table, lo, hi):
    """Fill ``top`` and ``chances`` of lanes lo..hi-1; returns 0.

    It is called when plane 0 has been predicted, and nothing learnt of it yet.
    """
    look = open_look(table)
    turn, other = open_plane(look.turn), open_plane(look.search)
    whole, search = open_state(turn.state), open_state(other.state)
    for lane in range(lo, hi):
        for i in range(whole.lanes.shape[1]):
            search.lanes[lane, i] = whole.lanes[lane, i]
        for i in range(whole.where.shape[1]):
            search.where[lane, i] = whole.where[lane, i]
        _copy_slots(whole, search, lane, 0)
        _search_lane(look, whole, search, lane, turn.ones[lane - lo], other.ones)
    return np.int64(0)


@part
def _search_lane(look, whole, search, lane, one, found):
    nodes, reach, at = look.nodes, look.reach, np.int64(look.search.ctypes.data)
    count, size, half = 0, 2, 0
    nodes[0], reach[0] = 3, one
    nodes[1], reach[1] = 2, 1 - one
    most = look.top.shape[1]
    while size > 0 and count < most:
        best = 0
        for i in range(1, size):
            if reach[i] > reach[best]:
                best = i
        node, chance = np.int64(nodes[best]), reach[best]
        if chance < look.least[0]:
            break
        if node >= 256:
            look.top[lane, count] = node & 255
            look.chances[lane, count] = chance
            count += 1
            size -= 1
            nodes[best], reach[best] = nodes[size], reach[size]
            continue
        plane = bit_length(node) - 1
        wanted = node >> (plane - 4) if plane >= 4 else 0
        if wanted != half:
            half = wanted
            _copy_slots(whole, search, lane, half)
        search.lanes[lane, NODE] = node
        leave_runs(search, lane, plane, node)
        call(look.predict, (at, plane, np.int64(lane), np.int64(lane + 1), np.int64(0)))
        nodes[best], reach[best] = 2 * node + 1, chance * found[0]
        nodes[size], reach[size] = 2 * node, chance * (1 - found[0])
        size += 1
    for i in range(count, most):
        look.top[lane, i] = 0
        look.chances[lane, i] = 0


@part
def _copy_slots(whole, search, lane, half):
    """Copy the slots for the upper half (0), or for the lower one that follows ``half``.

    A copy is empty where the table has no such slot. Those of the upper half are copied once for a
    lane, and stay while those of lower halves take each other's place.
    """
    n = whole.config[CONTEXTS]
    shift = U(64 - whole.config[SLOT_BITS])
    for i in range(n):
        to = (2 * i + np.int64(half != 0)) * SLOT_SIZE
        search.where[lane, SLOT + i] = to
        key = whole.keys[lane, KEYS + i]
        if half:
            key = mix64(key, U(half))
        check = np.uint8((key >> CHECK_SHIFT) & BYTE)
        at = np.int64(key >> shift) * SLOT_SIZE
        if whole.slots[at] != check:
            at ^= SLOT_SIZE
        found = whole.slots[at] == check
        for k in range(SLOT_SIZE):
            search.slots[to + k] = whole.slots[at + k] if found else 0

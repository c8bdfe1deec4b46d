"""Predict from the counters of the hashed contexts, and from maps that learn what these are worth.

Counters and maps are made of the same cells, adaptive probabilities. A cell is uint32: 22 bits of
probability, 10 of count. It moves by error / (count + 1.5), so it is an average at first and
forgets later; with p in [0, 2^22) and a rate of at most 43690 / 65536, p cannot leave that range,
and the product stays below 2^38. In the slots the probability is stored with its top bit flipped,
so that zeroed memory means 1/2, never seen.

A counter's (count, probability) selects a cell of its context's map, which learns what such a
counter really predicts (the indirection of M. Mahoney's PAQ6 and later,
http://mattmahoney.net/dc/dce.html, 4.1.3 and 4.1.4).
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import jit

from .state import CELL, CONTEXTS, NODE, SLOT
from .tables import COUNT_BUCKET, COUNT_BUCKETS, QUANTA, QUANTUM, RECIPROCAL, STRETCH

MAP_SIZE = COUNT_BUCKETS * QUANTA
"""Cells of a context's map."""

FLIP = 1 << 21
"""The top bit of a probability of 22 bits."""

COUNT = 1023
"""Mask of a cell's count."""

COUNTER_LIMIT = 250
"""Where the count of a counter ends."""

MAP_LIMIT = 1023
"""Where the count of a map's cell ends."""


@jit
def moved(value, bit, limit):
    """Return a cell after it has learnt a bit.

    Args:
        value: the cell, int64.
        bit: 0 or 1, int64.
        limit: where its count ends.
    """
    p = value >> 10
    n = value & COUNT
    p += (((bit << 22) - bit - p) * RECIPROCAL[np.uint64(n)]) >> 16
    return (p << 10) | min(n + 1, limit)


@jit
def move(cells, at, bit, limit):
    """Let the cell at an index learn a bit; see :func:`moved`."""
    place = np.uint64(at)  # spares numba's test for a negative index
    cells[place] = moved(np.int64(cells[place]), bit, limit)


@jit
def probability(cell):
    """Return the probability of a cell in 65536ths, int64, 0..65535."""
    return np.int64(cell >> np.uint32(16))


@jit
def _node_of_half(node, plane):
    """Return the number of a node within its half byte, 1..15."""
    one = 1 << (plane & 3)
    return (node & (one - 1)) | one


@jit
def predict_contexts(s, plane, lo, hi):
    """Write two inputs for each context.

    They are the probability of the context's map, stretched, and that probability less 1/2.
    """
    n = s.config[CONTEXTS]
    where, slots, cells, inputs = s.where, s.slots, s.cells, s.inputs
    for lane in range(lo, hi):
        node = _node_of_half(np.int64(s.lanes[lane, NODE]), plane)
        places, row = where[lane], inputs[lane]
        for i in range(n):
            counter = np.int64(slots[np.uint64(places[SLOT + i] + node)])
            quantum = QUANTUM[np.uint64(((counter >> 10) ^ FLIP) >> 10)]
            bucket = np.int64(COUNT_BUCKET[np.uint64(counter & COUNT)])
            cell = i * MAP_SIZE + bucket * QUANTA + quantum
            places[CELL + i] = cell
            p = probability(cells[np.uint64(cell)])
            row[2 * i] = STRETCH[np.uint64(p)]
            row[2 * i + 1] = (p - 32768) >> 2


@jit
def seen_contexts(s, lane, plane):
    """Count the contexts of a lane whose present node has been seen before."""
    node = _node_of_half(np.int64(s.lanes[lane, NODE]), plane)
    seen = 0
    for i in range(s.config[CONTEXTS]):
        seen += np.int64(s.slots[np.uint64(s.where[lane, SLOT + i] + node)] & np.uint32(COUNT) != 0)
    return seen


@jit
def update_contexts(s, plane, lo, hi, bits):
    """Let the counters, and the map cells they led to, learn the bits."""
    n = s.config[CONTEXTS]
    where, slots, cells = s.where, s.slots, s.cells
    for lane in range(lo, hi):
        node = _node_of_half(np.int64(s.lanes[lane, NODE]), plane)
        bit = np.int64(bits[lane - lo])
        places = where[lane]
        for i in range(n):
            at = np.uint64(places[SLOT + i] + node)
            counter = np.int64(slots[at]) ^ (FLIP << 10)
            slots[at] = moved(counter, bit, COUNTER_LIMIT) ^ (FLIP << 10)
            move(cells, places[CELL + i], bit, MAP_LIMIT)

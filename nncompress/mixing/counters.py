"""Predict from the bit histories of the hashed contexts, and from maps that learn what they mean.

A node's bit history (see :mod:`.bithistory`) selects a cell of its context's map. The cell is an
adaptive probability: it learns what such a history really predicts, which is the indirection of
M. Mahoney's PAQ6 and later (http://mattmahoney.net/dc/dce.html, 4.1.3 and 4.1.4).

A cell is uint32: 22 bits of probability, 10 of count. It moves by error / (count + 1.5), so it is
an average at first and forgets later; with p in [0, 2^22) and a rate of at most 43690 / 65536,
p cannot leave that range, and the product stays below 2^38.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import part

from .bithistory import NEXT_HISTORY
from .hashing import U
from .state import CELL, CONTEXTS, NODE, SLOT
from .tables import COARSE_STRETCH, RECIPROCAL

MAP_SIZE = 256
"""Cells of a context's map: one a bit history."""

COUNT = 1023
"""Mask of a cell's count."""

MAP_LIMIT = 1023
"""Where the count of a map's cell ends."""


@part
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


@part
def move(cells, at, bit, limit):
    """Let the cell at an index learn a bit; see :func:`moved`."""
    place = np.uint64(at)  # spares numba's test for a negative index
    cells[place] = moved(np.int64(cells[place]), bit, limit)


@part
def probability(cell):
    """Return the probability of a cell in 65536ths, int64, 0..65535."""
    return np.int64(cell >> np.uint32(16))


@part
def _node_of_half(node, plane):
    """Return the number of a node within its half byte, 1..15."""
    one = 1 << (plane & 3)
    return (node & (one - 1)) | one


@part
def predict_contexts(s, plane, lo, hi):
    """Write two inputs for each context.

    They are the probability of the context's map, stretched, and that probability less 1/2.
    """
    n = s.config[CONTEXTS]
    where, slots, cells, inputs = s.where, s.slots, s.cells, s.inputs
    for lane in range(lo, hi):
        node = _node_of_half(np.int64(s.lanes[lane, NODE]), plane)
        for i in range(n):
            history = np.int64(slots[U(where[lane, U(SLOT + i)] + node)])
            cell = i * MAP_SIZE + history
            where[lane, U(CELL + i)] = cell
            p = np.int64(cells[U(cell)] >> np.uint32(16))
            inputs[lane, U(2 * i)] = COARSE_STRETCH[U(p >> 4)]
            inputs[lane, U(2 * i + 1)] = (p - 32768) >> 2


@part
def seen_contexts(s, lane, plane):
    """Count the contexts of a lane whose present node has been seen before."""
    node = _node_of_half(np.int64(s.lanes[lane, NODE]), plane)
    seen = 0
    for i in range(s.config[CONTEXTS]):
        seen += np.int64(s.slots[U(s.where[lane, U(SLOT + i)] + node)] != 0)
    return seen


@part
def update_contexts(s, plane, lo, hi, bits):
    """Let the histories, and the map cells they led to, learn the bits."""
    n = s.config[CONTEXTS]
    where, slots, cells = s.where, s.slots, s.cells
    for lane in range(lo, hi):
        node = _node_of_half(np.int64(s.lanes[lane, NODE]), plane)
        bit = np.int64(bits[lane - lo])
        for i in range(n):
            at = U(where[lane, U(SLOT + i)] + node)
            slots[at] = NEXT_HISTORY[U(2 * np.int64(slots[at]) + bit)]
            move(cells, where[lane, U(CELL + i)], bit, MAP_LIMIT)

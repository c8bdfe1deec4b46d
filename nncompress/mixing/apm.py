"""Adaptive probability maps (secondary symbol estimation): a probability in a small context, corrected by experience.

A row has 25 cells at stretch -12, -11, ..., 12; the answer is interpolated and the nearer cell learns
(http://mattmahoney.net/dc/dce.html, 4.3.3).
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import jit

from .counters import move
from .hashing import BYTE, U, low_bytes, small_hash
from .state import (
    APM1,
    APM2,
    APM_BITS,
    APM_CELLS,
    CORRECTED,
    MIXED,
    NETWORK,
    NETWORK_APM1,
    NODE,
    RECENT,
)
from .tables import SQUASH, STRETCH_BITS, STRETCH_MAX, STRETCH_ONE

ROW = 25
LIMIT = 127
KNOT = 4  # cells at the ends of a row are not worth fetching early


@jit
def corrected(cells, row, x, where, column):
    """Give the 16-bit probability, 1..65535, that the map at ``row`` has for |x| < STRETCH_MAX; remember the cell."""
    x += STRETCH_MAX
    part = x & (STRETCH_ONE - 1)
    at = U(row + (x >> STRETCH_BITS))
    where[column] = at + U(part >> (STRETCH_BITS - 1))
    low = np.int64(cells[at] >> np.uint32(10))
    high = np.int64(cells[at + U(1)] >> np.uint32(10))
    p = (low * (STRETCH_ONE - part) + high * part) >> (STRETCH_BITS + 6)
    return min(max(p, 1), 65535)


@jit
def find_rows(s, lo, hi):
    """Find the rows of order 1 and order 3, well before they are read: memory is slow, and they are many."""
    bits = s.config[APM_BITS]
    first = s.config[APM_CELLS]
    second = first + (ROW << bits)
    for lane in range(lo, hi):
        node = U(s.lanes[lane, NODE])
        recent = s.keys[lane, RECENT]
        row1 = first + ROW * small_hash(node << U(8) | recent & BYTE, bits)
        row2 = second + ROW * small_hash(node << U(24) | low_bytes(recent, 3), bits)
        prefetch(s.cells, row1 + KNOT)
        prefetch(s.cells, row1 + ROW - KNOT)
        prefetch(s.cells, row2 + KNOT)
        prefetch(s.cells, row2 + ROW - KNOT)
        s.where[lane, APM1] = row1
        s.where[lane, APM2] = row2


@jit
def refine(s, lo, hi, out):
    """Write P(bit = 1): half what the mixer says, a quarter each what order 1 and order 3 make of it."""
    cells = s.cells
    said = CORRECTED if s.config[NETWORK] else MIXED
    for lane in range(lo, hi):
        where = s.where[lane]
        x = np.int64(where[said])
        p = 2 * np.int64(SQUASH[U(x + STRETCH_MAX)])
        p += corrected(cells, where[APM1], x, where, APM1)
        p += corrected(cells, where[APM2], x, where, APM2)
        out[lane - lo] = ((p + 2) >> 2) / 65536.0  # 1..65535 over a power of two: exact


@jit
def update_maps(s, lo, hi, bits):
    """Let the cells that were used see the bits."""
    first = NETWORK_APM1 if s.config[NETWORK] else APM1
    for lane in range(lo, hi):
        for column in range(first, APM2 + 1):
            move(s.cells, s.where[lane, column], np.int64(bits[lane - lo]), LIMIT)

"""Correct a probability by experience in a small context: adaptive probability maps.

They are also known as secondary symbol estimation. A row has 25 cells at stretch -12, -11, ..., 12;
the answer is interpolated between two cells, and the nearer one learns
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

APM_ROW = 25
"""Cells of a row."""

APM_LIMIT = 127
"""Where the count of a cell ends."""

EDGE = 4
"""Cells at either end of a row that are not worth fetching early."""


@jit
def corrected(cells, row, x, where, column):
    """Correct a stretched probability by a row of a map, and remember the cell that will learn.

    Args:
        cells: ``State.cells``.
        row: index of the row's first cell.
        x: the probability, stretched; |x| < STRETCH_MAX.
        where: a lane's row of ``State.where``.
        column: column of ``where`` that gets the index of the nearer cell.

    Returns:
        The corrected probability in 65536ths, int64, 1..65535.
    """
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
    """Find the rows of order 1 and order 3, and ask for their memory well before they are read.

    Memory is slow, and the rows are many.
    """
    bits = s.config[APM_BITS]
    first = s.config[APM_CELLS]
    second = first + (APM_ROW << bits)
    for lane in range(lo, hi):
        node = U(s.lanes[lane, NODE])
        recent = s.keys[lane, RECENT]
        row1 = first + APM_ROW * small_hash(node << U(8) | recent & BYTE, bits)
        row2 = second + APM_ROW * small_hash(node << U(24) | low_bytes(recent, 3), bits)
        prefetch(s.cells, row1 + EDGE)
        prefetch(s.cells, row1 + APM_ROW - EDGE)
        prefetch(s.cells, row2 + EDGE)
        prefetch(s.cells, row2 + APM_ROW - EDGE)
        s.where[lane, APM1] = row1
        s.where[lane, APM2] = row2


@jit
def refine(s, lo, hi, out):
    """Write P(bit = 1): half the mixer's probability, a quarter each its corrections by two maps.

    The maps are those of order 1 and order 3. Where there is a network, the mixer's probability is
    the one that the regression has corrected. ``out`` is float64 [hi - lo], exact multiples of
    2**-16 in (0, 1).
    """
    cells = s.cells
    column = CORRECTED if s.config[NETWORK] else MIXED
    for lane in range(lo, hi):
        where = s.where[lane]
        x = np.int64(where[column])
        p = 2 * np.int64(SQUASH[U(x + STRETCH_MAX)])
        p += corrected(cells, where[APM1], x, where, APM1)
        p += corrected(cells, where[APM2], x, where, APM2)
        out[lane - lo] = ((p + 2) >> 2) / 65536.0  # 1..65535 over a power of two: exact


@jit
def update_maps(s, lo, hi, bits):
    """Let the cells that were used learn the bits."""
    first = NETWORK_APM1 if s.config[NETWORK] else APM1
    for lane in range(lo, hi):
        for column in range(first, APM2 + 1):
            move(s.cells, s.where[lane, column], np.int64(bits[lane - lo]), APM_LIMIT)

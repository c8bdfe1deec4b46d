"""Correct a probability by experience in a small context: adaptive probability maps.

They are also known as secondary symbol estimation. A row has 25 cells at stretch -12, -11, ..., 12;
the answer is interpolated between two cells, and the nearer one learns
(http://mattmahoney.net/dc/dce.html, 4.3.3). The maps of the network's probability are made of cells
as in :mod:`.counters`. The four final maps have 16-bit probabilities at a fixed rate, so that a
row is one cache line.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import part

from .contexts import WORD_CONTEXT
from .counters import move
from .hashing import U, low_bytes, small_hash
from .matchmodel import begins_with
from .state import (
    APM1,
    APM_BITS,
    CORRECTED,
    EXPECTED,
    MATCHES,
    MIXED,
    NETWORK,
    NETWORK_APM1,
    NODE,
    OF_MATCH,
    RECENT,
    RUN,
)
from .tables import SQUASH, STRETCH_BITS, STRETCH_MAX, STRETCH_ONE

APM_ROW = 25
"""Cells of a row."""

APM_LIMIT = 127
"""Where the count of a cell ends."""

NETWORK_MAPS = 4
"""Maps that correct the network's probability."""

FINAL_SHARES = (1, 2, 1, 2)
"""Shares, in eighths, of the final maps in the end: those of order 2, order 3, the word, and the
byte that a match model expects. The mixer's own probability has the rest."""

FINAL_MAPS = len(FINAL_SHARES)
MIXED_SHARE = 8 - sum(FINAL_SHARES)
FINAL_ROW = 32
"""Numbers from one row of a final map to the next."""

FINAL_MAP_RATE = 6
"""A cell of a final map moves by 2**-FINAL_MAP_RATE of its error."""


@part
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


@part
def _final_context(s, lane, k):
    """Return the context of a final map, uint64."""
    node, recent = U(s.lanes[lane, NODE]), s.keys[lane, RECENT]
    if k == 0:
        return node << U(16) | low_bytes(recent, 2)
    if k == 1:
        return node << U(24) | low_bytes(recent, 3)
    if k == 2:
        return s.values[lane, WORD_CONTEXT] + node
    best, length = np.int64(-1), np.int64(0)
    for model in range(s.config[MATCHES]):
        expected = np.int64(s.lanes[lane, model * OF_MATCH + EXPECTED])
        run = np.int64(s.lanes[lane, model * OF_MATCH + RUN])
        if begins_with(expected, np.int64(node)) and (best < 0 or run > length):
            best, length = expected, run
    return node | U(best + 1) << U(9) | U(min(length, 31)) << U(18)


@part
def find_rows(s, lo, hi):
    """Find the rows of the final maps, and ask for their memory well before they are read.

    Memory is slow, and the rows are many.
    """
    bits = s.config[APM_BITS]
    for lane in range(lo, hi):
        for k in range(FINAL_MAPS):
            row = (k << bits) + small_hash(_final_context(s, lane, k), bits)
            prefetch(s.apms, FINAL_ROW * row)
            s.where[lane, U(APM1 + k)] = FINAL_ROW * row


@part
def _final_corrected(s, where, column, x):
    """As :func:`corrected`, for a final map; |x| < STRETCH_MAX."""
    x += STRETCH_MAX
    part = x & (STRETCH_ONE - 1)
    at = U(where[column] + (x >> STRETCH_BITS))
    where[column] = at + U(part >> (STRETCH_BITS - 1))
    low, high = np.int64(s.apms[at]), np.int64(s.apms[at + U(1)])
    return (low * (STRETCH_ONE - part) + high * part) >> STRETCH_BITS


@part
def refine(s, lo, hi, out):
    """Write P(bit = 1): a mean of the mixer's probability and its corrections by the final maps.

    Where there is a network, the mixer's probability is the one that the regression has corrected.
    ``out`` is float64 [hi - lo], exact multiples of 2**-16 in (0, 1).
    """
    column = CORRECTED if s.config[NETWORK] else MIXED
    for lane in range(lo, hi):
        where = s.where[lane]
        x = np.int64(where[column])
        p = MIXED_SHARE * np.int64(SQUASH[U(x + STRETCH_MAX)])
        for k in range(FINAL_MAPS):
            p += FINAL_SHARES[k] * _final_corrected(s, where, APM1 + k, x)
        out[lane - lo] = min(max((p + 4) >> 3, 1), 65535) / 65536.0  # a power of two: exact


@part
def update_maps(s, lo, hi, bits):
    """Let the cells that were used learn the bits."""
    for lane in range(lo, hi):
        bit = np.int64(bits[lane - lo])
        for k in range(FINAL_MAPS):
            at = U(s.where[lane, U(APM1 + k)])
            p = np.int64(s.apms[at])
            s.apms[at] = p + (
                ((bit << 16) - bit - p + (bit << (FINAL_MAP_RATE - 1))) >> FINAL_MAP_RATE
            )
        if s.config[NETWORK]:
            for column in range(NETWORK_APM1, NETWORK_APM1 + NETWORK_MAPS):
                move(s.cells, s.where[lane, U(column)], bit, APM_LIMIT)

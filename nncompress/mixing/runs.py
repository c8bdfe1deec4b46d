"""Predict, for some contexts, that the byte which followed last time follows again.

A table holds what followed each context last, and how often in a row: its *run*. A bit history
tells of half a byte, and of bits; a run tells of whole bytes, also where few values follow each
other quickly. It is the run information of PAQ8's context maps (M. Mahoney,
http://mattmahoney.net/dc/dce.html, 4.1.6).

An entry is uint32: a check of 16 bits, the byte, and the length of the run, 0 for none. While the
byte so far agrees with the run's byte, the run's length and the bit plane select a cell, the
adaptive probability that the next bit agrees too; see :mod:`.counters`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import part

from .counters import move
from .hashing import BYTE, U
from .state import (
    ACTIVE,
    ACTIVE_COUNT,
    KEYS,
    RECENT,
    RUN_AT,
    RUN_BITS,
    RUN_CELL,
    RUN_CELLS,
    RUN_FOUND,
    RUN_INPUT,
    RUNS,
)
from .tables import COARSE_STRETCH

LONGEST_RUN = 255
"""Where the length of a run stops rising."""

RUN_LEVELS = 16
"""Levels into which lengths of runs are sorted: two for each doubling."""

RUN_LIMIT = 1023
"""Where the count of a cell ends."""


def _levels() -> NDArray[np.int64]:
    """Return the level of each length, 0..255: twice its log2, and whether it is half way on."""
    lengths = range(1, LONGEST_RUN + 1)
    halves = [2 * n >> n.bit_length() - 1 & 1 for n in lengths]
    levels = [2 * n.bit_length() - 2 + half for n, half in zip(lengths, halves, strict=True)]
    return np.array([0, *levels], np.int64)


RUN_LEVEL = _levels()


@part
def find_runs(s, lo, hi):
    """Find the contexts' runs for a byte that begins: ask for their memory first, then read it.

    Those that there are make a list, from which a run is taken when the byte leaves it.
    """
    n = s.config[RUNS]
    shift = U(64 - s.config[RUN_BITS])
    keys, where, runs = s.keys, s.where, s.runs
    for lane in range(lo, hi):
        for i in range(n):
            at = np.int64(keys[lane, U(KEYS + i)] >> shift)
            prefetch(runs, at)
            where[lane, U(RUN_AT + i)] = at
    for lane in range(lo, hi):
        for i in range(n):
            entry = np.int64(runs[U(where[lane, U(RUN_AT + i)])])
            known = entry >> 16 == np.int64(keys[lane, U(KEYS + i)] & U(0xFFFF))
            where[lane, U(RUN_FOUND + i)] = entry & 0xFFFF if known else 0
        leave_runs(s, lane, 0, 1)


@part
def leave_runs(s, lane, plane, node):
    """Make the list of the runs that agree with a node, whichever was predicted at before."""
    where, first = s.where, s.config[RUN_INPUT]
    count = 0
    for i in range(s.config[RUNS]):
        run = np.int64(where[lane, U(RUN_FOUND + i)])
        s.inputs[lane, U(first + i)] = 0
        where[lane, U(ACTIVE + count)] = i
        count += np.int64((run > 0) & ((run >> 8 | 256) >> (8 - plane) == node))
    where[lane, ACTIVE_COUNT] = count


@part
def predict_runs(s, plane, lo, hi):
    """Write an input for each run that the byte has not left; the others' stay 0."""
    first, first_cell = s.config[RUN_INPUT], s.config[RUN_CELLS]
    where, cells, inputs = s.where, s.cells, s.inputs
    for lane in range(lo, hi):
        for k in range(np.int64(where[lane, ACTIVE_COUNT])):
            i = np.int64(where[lane, U(ACTIVE + k)])
            run = np.int64(where[lane, U(RUN_FOUND + i)])
            cell = first_cell + ((i * RUN_LEVELS + RUN_LEVEL[U(run & 255)]) << 3) + plane
            where[lane, U(RUN_CELL + k)] = cell
            p = np.int64(cells[U(cell)] >> np.uint32(16))
            sign = ((run >> (14 - plane)) & 2) - 1
            inputs[lane, U(first + i)] = sign * COARSE_STRETCH[U(p >> 4)]


@part
def update_runs(s, plane, lo, hi, bits):
    """Learn how often a run of such a length goes on, and leave those that do not.

    Their inputs become 0, so the mixer must have learnt before.
    """
    where, first = s.where, s.config[RUN_INPUT]
    for lane in range(lo, hi):
        bit, count = np.int64(bits[lane - lo]), 0
        for k in range(np.int64(where[lane, ACTIVE_COUNT])):
            i = np.int64(where[lane, U(ACTIVE + k)])
            expected = (np.int64(where[lane, U(RUN_FOUND + i)]) >> (15 - plane)) & 1
            agrees = np.int64(expected == bit)
            move(s.cells, np.int64(where[lane, U(RUN_CELL + k)]), agrees, RUN_LIMIT)
            where[lane, U(ACTIVE + count)] = i
            count += agrees
            s.inputs[lane, U(first + i)] *= agrees
        where[lane, ACTIVE_COUNT] = count


@part
def enter_runs(s, lo, hi):
    """Lengthen the runs that the lanes' last bytes go on with, and begin the others anew."""
    keys, where, runs = s.keys, s.where, s.runs
    for lane in range(lo, hi):
        byte = np.int64(keys[lane, RECENT] & BYTE)
        for i in range(s.config[RUNS]):
            run = np.int64(where[lane, U(RUN_FOUND + i)])
            goes_on = (run > 0) & (run >> 8 == byte)
            length = min((run & 255) + 1, LONGEST_RUN) if goes_on else 1
            check = np.int64(keys[lane, U(KEYS + i)] & U(0xFFFF))
            runs[U(where[lane, U(RUN_AT + i)])] = np.uint32(check << 16 | byte << 8 | length)

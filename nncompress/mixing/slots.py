"""The hash table of contexts: a slot of 64 bytes, one cache line, holds a check and the 15 nodes of half a byte."""

from __future__ import annotations

import numpy as np

from nncompress.jit import jit
from nncompress.mixing.hashing import U, mix64
from nncompress.mixing.state import CELL, CONTEXTS, KEYS, NODE, SLOT, SLOT_BITS, TOUCHED

SLOT_SIZE = 16
COUNT_MASK = np.uint32(1023)


@jit
def _claim(slots, at, check):  # type: ignore[no-untyped-def]
    """Find the slot with this check in its pair, or clear the one whose first node was seen less often."""
    if slots[at] == check:
        return at
    other = at ^ SLOT_SIZE
    if slots[other] == check:
        return other
    if slots[other + 1] & COUNT_MASK < slots[at + 1] & COUNT_MASK:
        at = other
    slots[at] = check
    slots[at + 1 : at + SLOT_SIZE] = 0
    return at


@jit
def find_slots(s, lo, hi, second_half):  # type: ignore[no-untyped-def]
    """Find the slots of all contexts for the upper or the lower half of the next byte.

    The first loop reads every slot without branching on what it finds, so that the cache misses overlap.
    """
    n = s.config[CONTEXTS]
    shift = U(64 - s.config[SLOT_BITS])
    keys, where, slots = s.keys, s.where, s.slots
    touched = 0
    for m in range(lo, hi):
        half = U(s.lanes[m, NODE])
        for i in range(n):
            key = keys[m, KEYS + i]
            if second_half:
                key = mix64(key, half)
            at = np.int64(key >> shift) * SLOT_SIZE
            touched += slots[at]
            where[m, SLOT + i] = at
            where[m, CELL + i] = np.int64(key & U(0x7FFFFFFF))
    s.config[TOUCHED] = touched  # keeps the loop from being optimised away
    for m in range(lo, hi):
        for i in range(n):
            check = np.uint32(where[m, CELL + i])
            where[m, SLOT + i] = _claim(slots, np.int64(where[m, SLOT + i]), check)

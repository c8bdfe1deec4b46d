"""Find the slots of contexts in a hash table.

A slot of 64 bytes, one cache line, holds a check and the counters of the 15 nodes of half a byte.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import jit

from .hashing import U, mix64
from .state import CELL, CONTEXTS, KEYS, NODE, SLOT, SLOT_BITS

SLOT_SIZE = 16
"""Numbers of 32 bits in a slot."""

COUNT_MASK = np.uint32(1023)


@jit
def _claim(slots, at, check):
    """Find the slot of a pair with this check, or clear the one whose first node was seen less."""
    other = at ^ np.uint64(SLOT_SIZE)
    # One branch in place of three that cannot be foreseen.
    here, there = slots[at] == check, slots[other] == check
    rarer = slots[other + U(1)] & COUNT_MASK < slots[at + U(1)] & COUNT_MASK
    at = other if (not here) & (there | rarer) else at
    if not (here | there):
        slots[at] = check
        for k in range(1, SLOT_SIZE):
            slots[at + U(k)] = 0
    return at


@jit
def find_slots(s, lo, hi, second_half):
    """Find the slots of all contexts for the upper or the lower half of the next byte.

    The first loop asks for the memory of every slot and its neighbour, so that the cache misses
    overlap.
    """
    n = s.config[CONTEXTS]
    shift = U(64 - s.config[SLOT_BITS])
    keys, where, slots = s.keys, s.where, s.slots
    for lane in range(lo, hi):
        half = U(s.lanes[lane, NODE])
        for i in range(n):
            key = keys[lane, KEYS + i]
            if second_half:
                key = mix64(key, half)
            at = np.int64(key >> shift) * SLOT_SIZE
            prefetch(slots, at)
            prefetch(slots, at ^ SLOT_SIZE)
            where[lane, SLOT + i] = at
            where[lane, CELL + i] = np.int64(key & U(0x7FFFFFFF))
    for lane in range(lo, hi):
        for i in range(n):
            check = np.uint32(where[lane, CELL + i])
            where[lane, SLOT + i] = _claim(slots, U(where[lane, SLOT + i]), check)

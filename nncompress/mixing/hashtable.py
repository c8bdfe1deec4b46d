"""Find the slots of contexts in a hash table.

A slot of 16 bytes holds a check and the bit histories (see :mod:`.bithistory`) of the 15 nodes of
half a byte. Two slots that may hold the same context are neighbours in one cache line.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import part

from .hashing import BYTE, U, mix64
from .state import CONTEXTS, KEYS, NODE, SLOT, SLOT_BITS

SLOT_SIZE = 16
"""Bytes of a slot."""

CHECK_SHIFT = np.uint64(16)
"""Where in a context's hash the check lies; the slot's number comes from the upper bits."""


@part
def _claim(slots, at, check):
    """Find the slot of a pair with this check, or clear the one whose first node was seen less."""
    other = at ^ U(SLOT_SIZE)
    # One branch in place of three that cannot be foreseen.
    here, there = slots[at] == check, slots[other] == check
    rarer = slots[other + U(1)] < slots[at + U(1)]
    at = other if (not here) & (there | rarer) else at
    if not (here | there):
        slots[at] = check
        for k in range(1, SLOT_SIZE):
            slots[at + U(k)] = 0
    return at


@part
def find_slots(s, plane, lo, hi):
    """Find the slots of all contexts for half a byte, which begins at plane 0 or 4.

    The first loop asks for the memory of every slot, so that the cache misses overlap.
    """
    n = s.config[CONTEXTS]
    shift = U(64 - s.config[SLOT_BITS])
    keys, where, slots, checks = s.keys, s.where, s.slots, s.checks
    for lane in range(lo, hi):
        half = U(s.lanes[lane, NODE])
        for i in range(n):
            key = keys[lane, U(KEYS + i)]
            if plane == 4:
                key = mix64(key, half)
            at = np.int64(key >> shift) * SLOT_SIZE
            prefetch(slots, at)
            where[lane, U(SLOT + i)] = at
            checks[lane, U(i)] = np.uint8((key >> CHECK_SHIFT) & BYTE)
    for lane in range(lo, hi):
        for i in range(n):
            at = U(where[lane, U(SLOT + i)])
            where[lane, U(SLOT + i)] = _claim(slots, at, checks[lane, U(i)])

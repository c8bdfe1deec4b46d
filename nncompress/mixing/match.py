"""The match model: the byte that followed the last occurrence of the lane's last bytes, anywhere in the block.

Lanes look things up in what all lanes have coded. A position enters the table one step late, so that its byte is known
to every lane that finds it, in whatever group it is coded; from then on pointer and lane advance together. A pointer
that reaches the end of its lane runs on into the next lane's start, which is coded too.
"""

from __future__ import annotations

import numpy as np

from nncompress.jit import jit
from nncompress.mixing.counters import move, probability
from nncompress.mixing.hashing import BYTE, U, low_bytes, mix64
from nncompress.mixing.prefetch import prefetch
from nncompress.mixing.state import (
    CONTEXTS,
    EXPECTED,
    MATCH_BITS,
    MATCH_BYTES,
    MATCH_CELL,
    MATCH_CELLS,
    MISSES,
    NODE,
    PENDING,
    POINTER,
    POSITION,
    RECENT,
    RUN,
    SIZE,
    START,
    STRING,
)
from nncompress.mixing.tables import STRETCH

RUN_BUCKETS = 24
MISS_LEVELS = 16
MATCH_INPUTS = 2
SURE = 16  # a run this long is not given up for another
LONGEST = 65535
LIMIT = 1023


@jit
def run_bucket(run):  # type: ignore[no-untyped-def]
    """Sort the length of a match into 0..23."""
    if run < 16:
        return run
    if run < 32:
        return 16 + ((run - 16) >> 2)
    if run < 64:
        return 20 + ((run - 32) >> 4)
    return 22 if run < 512 else 23


@jit
def predict_match(s, plane, lo, hi):  # type: ignore[no-untyped-def]
    """Put two inputs, 0 where there is no match or the byte has already left it."""
    at = 2 * s.config[CONTEXTS]
    for m in range(lo, hi):
        lane = s.lanes[m]
        expected = np.int64(lane[EXPECTED])
        if expected < 0 or ((expected | 256) >> (8 - plane)) != lane[NODE]:
            s.where[m, MATCH_CELL] = -1
            s.inputs[m, at] = 0
            s.inputs[m, at + 1] = 0
            continue
        bit = (expected >> (7 - plane)) & 1
        cell = s.config[MATCH_CELLS] + run_bucket(lane[RUN]) * MISS_LEVELS + lane[MISSES]
        s.where[m, MATCH_CELL] = 2 * cell + bit
        p = probability(s.cells[cell])
        sign = 2 * bit - 1
        s.inputs[m, at] = sign * STRETCH[p]
        s.inputs[m, at + 1] = sign * ((p - 32768) >> 2)


@jit
def update_match(s, lo, hi, bits):  # type: ignore[no-untyped-def]
    """Learn how often a match of this length, with this past, is right."""
    for m in range(lo, hi):
        at = np.int64(s.where[m, MATCH_CELL])
        if at >= 0:
            move(s.cells, at >> 1, np.int64((at & 1) == bits[m - lo]), LIMIT)


@jit
def _string_hash(s, recent):  # type: ignore[no-untyped-def]
    string = low_bytes(recent, s.config[MATCH_BYTES])
    return mix64(string, U(1)) >> U(64 - s.config[MATCH_BITS])


@jit
def _follow(s, lane, byte):  # type: ignore[no-untyped-def]
    """Move the pointer past ``byte``; a wrong one costs the run, several close together the pointer."""
    pointer = np.int64(lane[POINTER])
    if pointer == 0:
        return
    if s.history[pointer] == byte:
        lane[RUN] = min(lane[RUN] + 1, LONGEST)
        if lane[RUN] >= SURE:
            lane[MISSES] >>= 1
    else:
        lane[RUN] = 0
        lane[MISSES] = min(lane[MISSES] + 4, MISS_LEVELS - 1)
    lost = pointer + 1 >= s.config[SIZE] or lane[MISSES] == MISS_LEVELS - 1
    lane[POINTER] = 0 if lost else pointer + 1


@jit
def _common_length(history, a, b, most):  # type: ignore[no-untyped-def]
    k = 0
    while k < most and history[a - 1 - k] == history[b - 1 - k]:
        k += 1
    return k


@jit
def _search(s, lane, key):  # type: ignore[no-untyped-def]
    """Take the last occurrence of the string if it agrees for longer than the present match does."""
    position = np.int64(lane[POSITION])
    done = position - lane[START]
    least = s.config[MATCH_BYTES]
    if lane[RUN] >= SURE or done < least:
        return
    found = np.int64(s.heads[key])
    if found == 0 or found == lane[POINTER]:
        return
    run = _common_length(s.history, found, position, min(32, done, found))
    if run >= least and run > lane[RUN]:
        lane[POINTER] = found
        lane[RUN] = run
        lane[MISSES] = 0


@jit
def move_match(s, lo, hi):  # type: ignore[no-untyped-def]
    """Go on after a byte: follow or search, then enter what was coded one step ago."""
    for m in range(lo, hi):
        key = np.int64(_string_hash(s, s.keys[m, RECENT]))
        prefetch(s.heads, key)
        s.where[m, STRING] = key
    for m in range(lo, hi):
        found = np.int64(s.heads[U(s.where[m, STRING])])
        prefetch(s.history, found)
    for m in range(lo, hi):
        lane = s.lanes[m]
        _follow(s, lane, np.uint8(s.keys[m, RECENT] & BYTE))
        _search(s, lane, U(s.where[m, STRING]))
        lane[EXPECTED] = np.int32(s.history[lane[POINTER]]) if lane[POINTER] > 0 else -1
    for m in range(lo, hi):
        if s.keys[m, PENDING] != U(0):
            s.heads[np.int64(s.keys[m, PENDING])] = s.lanes[m, POSITION] - 1
        s.keys[m, PENDING] = U(s.where[m, STRING])

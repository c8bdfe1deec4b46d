"""The match model: the byte that followed the last occurrence of the lane's last bytes, anywhere in the block.

Lanes look things up in what all lanes have coded. A position enters the table one step late, so that its byte is known
to every lane that finds it, in whatever group it is coded; from then on pointer and lane advance together. A pointer
that reaches the end of its lane runs on into the next lane's start, which is coded too.

A second model, where there is one, looks for a shorter string within its own lane. What the two hold in State.lanes
lies OF_MATCH columns apart.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import jit

from .counters import move, probability
from .hashing import BYTE, U, low_bytes, mix64
from .state import (
    CONTEXTS,
    EXPECTED,
    LOCAL_MATCH_BYTES,
    LOCAL_STRING,
    MATCH_BITS,
    MATCH_BYTES,
    MATCH_CELL,
    MATCH_CELLS,
    MATCHES,
    MISSES,
    NODE,
    OF_MATCH,
    PENDING,
    POINTER,
    POSITION,
    RECENT,
    RUN,
    SIZE,
    START,
    STRING,
)
from .tables import STRETCH

RUN_BUCKETS = 24
MISS_LEVELS = 16
MATCH_INPUTS = 2
SURE = 16  # a run this long is not given up for another
LONGEST = 65535
LIMIT = 1023


@jit
def run_bucket(run):
    """Sort the length of a match into 0..23."""
    if run < 16:
        return run
    if run < 32:
        return 16 + ((run - 16) >> 2)
    if run < 64:
        return 20 + ((run - 32) >> 4)
    return 22 if run < 512 else 23


@jit
def predict_match(s, plane, lo, hi):
    """Put two inputs a model, 0 where there is no match or the byte has already left it."""
    for k in range(s.config[MATCHES]):
        _predict(s, k, plane, lo, hi)


@jit
def _predict(s, k, plane, lo, hi):
    at = 2 * s.config[CONTEXTS] + MATCH_INPUTS * k
    first = s.config[MATCH_CELLS] + k * RUN_BUCKETS * MISS_LEVELS
    own = k * OF_MATCH
    lanes, where, inputs = s.lanes, s.where, s.inputs
    for lane in range(lo, hi):
        expected = np.int64(lanes[lane, own + EXPECTED])
        if expected < 0 or ((expected | 256) >> (8 - plane)) != lanes[lane, NODE]:
            where[lane, MATCH_CELL + k] = -1
            inputs[lane, at] = 0
            inputs[lane, at + 1] = 0
            continue
        bit = (expected >> (7 - plane)) & 1
        cell = first + run_bucket(lanes[lane, own + RUN]) * MISS_LEVELS + lanes[lane, own + MISSES]
        where[lane, MATCH_CELL + k] = 2 * cell + bit
        p = probability(s.cells[cell])
        sign = 2 * bit - 1
        inputs[lane, at] = sign * STRETCH[p]
        inputs[lane, at + 1] = sign * ((p - 32768) >> 2)


@jit
def update_match(s, lo, hi, bits):
    """Learn how often a match of this length, with this past, is right."""
    for k in range(s.config[MATCHES]):
        for lane in range(lo, hi):
            at = np.int64(s.where[lane, MATCH_CELL + k])
            if at >= 0:
                move(s.cells, at >> 1, np.int64((at & 1) == bits[lane - lo]), LIMIT)


@jit
def _follow(history, size, lane_state, own, byte):
    """Move the pointer past ``byte``; a wrong one costs the run, several close together the pointer."""
    pointer = np.int64(lane_state[own + POINTER])
    if pointer == 0:
        return
    if history[pointer] == byte:
        lane_state[own + RUN] = min(lane_state[own + RUN] + 1, LONGEST)
        if lane_state[own + RUN] >= SURE:
            lane_state[own + MISSES] >>= 1
    else:
        lane_state[own + RUN] = 0
        lane_state[own + MISSES] = min(lane_state[own + MISSES] + 4, MISS_LEVELS - 1)
    lost = pointer + 1 >= size or lane_state[own + MISSES] == MISS_LEVELS - 1
    lane_state[own + POINTER] = 0 if lost else pointer + 1


@jit
def _common_length(history, a, b, most):
    k = 0
    while k < most and history[a - 1 - k] == history[b - 1 - k]:
        k += 1
    return k


@jit
def _search(history, lane_state, own, found, least):
    """Take the last occurrence of the string if it agrees for longer than the present match does."""
    position = np.int64(lane_state[POSITION])
    done = position - lane_state[START]
    run = np.int64(lane_state[own + RUN])
    if run >= SURE or done < least or found == 0 or found == lane_state[own + POINTER]:
        return
    common = _common_length(history, found, position, min(32, done, found))
    if common >= least and common > run:
        lane_state[own + POINTER] = found
        lane_state[own + RUN] = common
        lane_state[own + MISSES] = 0


@jit
def _move(s, k, least, lo, hi):
    history, heads, size = s.history, s.heads, s.config[SIZE]
    own = k * OF_MATCH
    for lane in range(lo, hi):
        lane_state = s.lanes[lane]
        _follow(history, size, lane_state, own, np.uint8(s.keys[lane, RECENT] & BYTE))
        _search(history, lane_state, own, np.int64(heads[U(s.where[lane, STRING + k])]), least)
        pointer = np.int64(lane_state[own + POINTER])
        lane_state[own + EXPECTED] = np.int32(history[pointer]) if pointer > 0 else -1


@jit
def _find_strings(s, lo, hi):
    """Find the places of the lanes' last strings; all first, for memory is slow."""
    bits, matches = s.config[MATCH_BITS], s.config[MATCHES]
    for lane in range(lo, hi):
        recent = s.keys[lane, RECENT]
        string = mix64(low_bytes(recent, s.config[MATCH_BYTES]), U(1))
        s.where[lane, STRING] = string >> U(64 - bits)
        if matches > 1:
            string = mix64(low_bytes(recent, s.config[LOCAL_MATCH_BYTES]), U(lane + 2))
            s.where[lane, LOCAL_STRING] = U(1 << bits) + (string >> U(64 - bits))
    for k in range(matches):
        for lane in range(lo, hi):
            prefetch(s.heads, np.int64(s.where[lane, STRING + k]))
        for lane in range(lo, hi):
            prefetch(s.history, np.int64(s.heads[U(s.where[lane, STRING + k])]))


@jit
def move_match(s, lo, hi):
    """Go on after a byte: follow or search, then enter what was coded one step ago, or, for the lane alone, now."""
    _find_strings(s, lo, hi)
    _move(s, 0, s.config[MATCH_BYTES], lo, hi)
    if s.config[MATCHES] > 1:
        _move(s, 1, s.config[LOCAL_MATCH_BYTES], lo, hi)
        for lane in range(lo, hi):
            s.heads[U(s.where[lane, LOCAL_STRING])] = s.lanes[lane, POSITION]
    for lane in range(lo, hi):
        if s.keys[lane, PENDING] != U(0):
            s.heads[np.int64(s.keys[lane, PENDING])] = s.lanes[lane, POSITION] - 1
        s.keys[lane, PENDING] = U(s.where[lane, STRING])

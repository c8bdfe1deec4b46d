"""Predict the byte that followed the last occurrence of a lane's last bytes, anywhere in the block.

Lanes look things up in what all lanes have coded. A position enters the table one step late, so
that its byte is known to every lane that finds it, in whatever group it is coded; from then on
pointer and lane advance together. A pointer that reaches the end of its lane runs on into the next
lane's start, which is coded too.

A second match model, where there is one, looks for a shorter string within its own lane. What the
two hold in State.lanes lies OF_MATCH columns apart; in functions here, ``model`` is 0 or 1, and
``own`` is how far the model's columns lie behind those of the first.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import bit_length, prefetch
from nncompress.machine.jit import jit, part

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
"""Buckets into which the length of a match is sorted."""

MISS_LEVELS = 16
"""Values of a match's recent misses."""

MATCH_INPUTS = 2
"""Inputs of the mixer for each match model."""

SURE = 16
"""A match this long is not given up for another."""

LONGEST = 65535
"""Where the length of a match stops rising."""

MATCH_LIMIT = 1023
"""Where the count of a match model's cell ends."""


@jit
def run_bucket(run):
    """Return the bucket, 0..23, of the length of a match."""
    if run < 16:
        return run
    if run < 32:
        return 16 + ((run - 16) >> 2)
    if run < 64:
        return 20 + ((run - 32) >> 4)
    return 22 if run < 512 else 23


@part
def begins_with(expected, node):
    """Return whether an expected byte, -1 for none, begins with the bits of a node."""
    return expected >= 0 and (expected | 256) >> (9 - bit_length(node)) == node


@part
def predict_match(s, plane, lo, hi):
    """Write two inputs for each model, 0 without a match or where the byte has already left it."""
    for model in range(s.config[MATCHES]):
        _predict(s, model, plane, lo, hi)


@part
def _predict(s, model, plane, lo, hi):
    at = 2 * s.config[CONTEXTS] + MATCH_INPUTS * model
    first = s.config[MATCH_CELLS] + model * RUN_BUCKETS * MISS_LEVELS
    own = model * OF_MATCH
    lanes, where, inputs = s.lanes, s.where, s.inputs
    for lane in range(lo, hi):
        expected = np.int64(lanes[lane, own + EXPECTED])
        if not begins_with(expected, np.int64(lanes[lane, NODE])):
            where[lane, MATCH_CELL + model] = -1
            inputs[lane, at] = 0
            inputs[lane, at + 1] = 0
            continue
        bit = (expected >> (7 - plane)) & 1
        cell = first + run_bucket(lanes[lane, own + RUN]) * MISS_LEVELS + lanes[lane, own + MISSES]
        where[lane, MATCH_CELL + model] = 2 * cell + bit
        p = probability(s.cells[cell])
        sign = 2 * bit - 1
        inputs[lane, at] = sign * STRETCH[p]
        inputs[lane, at + 1] = sign * ((p - 32768) >> 2)


@part
def update_match(s, lo, hi, bits):
    """Learn how often a match of this length, with this past, is right."""
    for model in range(s.config[MATCHES]):
        for lane in range(lo, hi):
            at = np.int64(s.where[lane, MATCH_CELL + model])
            if at >= 0:
                move(s.cells, at >> 1, np.int64((at & 1) == bits[lane - lo]), MATCH_LIMIT)


@part
def _follow(history, size, lane_state, own, byte):
    """Move the pointer past ``byte``.

    A byte that it did not predict ends the run; several close together cost the pointer too.
    """
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


@part
def _common_length(history, a, b, most):
    """Count the equal bytes before two positions, up to ``most``."""
    k = 0
    while k < most and history[a - 1 - k] == history[b - 1 - k]:
        k += 1
    return k


@part
def _search(history, lane_state, own, found, least):
    """Take the last occurrence of the string if it agrees for longer than the present match.

    Args:
        history: ``State.history``.
        lane_state: the lane's row of ``State.lanes``.
        own: see the module's docstring.
        found: position behind the last occurrence, 0 for none.
        least: bytes that must agree.
    """
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


@part
def _move(s, model, least, lo, hi):
    history, heads, size = s.history, s.heads, s.config[SIZE]
    own = model * OF_MATCH
    for lane in range(lo, hi):
        lane_state = s.lanes[lane]
        _follow(history, size, lane_state, own, np.uint8(s.keys[lane, RECENT] & BYTE))
        _search(history, lane_state, own, np.int64(heads[U(s.where[lane, STRING + model])]), least)
        pointer = np.int64(lane_state[own + POINTER])
        lane_state[own + EXPECTED] = np.int32(history[pointer]) if pointer > 0 else -1


@part
def find_strings(s, lo, hi):
    """Find where the table keeps the lanes' last strings, and ask for that memory.

    This is done for all lanes well before any of it is read, since memory is slow.
    """
    bits, matches = s.config[MATCH_BITS], s.config[MATCHES]
    for lane in range(lo, hi):
        recent = s.keys[lane, RECENT]
        string = mix64(low_bytes(recent, s.config[MATCH_BYTES]), U(1))
        s.where[lane, STRING] = string >> U(64 - bits)
        if matches > 1:
            string = mix64(low_bytes(recent, s.config[LOCAL_MATCH_BYTES]), U(lane + 2))
            s.where[lane, LOCAL_STRING] = U(1 << bits) + (string >> U(64 - bits))
    for model in range(matches):
        for lane in range(lo, hi):
            prefetch(s.heads, np.int64(s.where[lane, STRING + model]))


@part
def move_match(s, lo, hi):
    """Go on after a byte: follow the match or search for one, then enter positions into the table.

    The first model enters what was coded one step ago; the second, for the lane alone, what was
    coded now.
    """
    for model in range(s.config[MATCHES]):
        for lane in range(lo, hi):
            prefetch(s.history, np.int64(s.heads[U(s.where[lane, STRING + model])]))
    _move(s, 0, s.config[MATCH_BYTES], lo, hi)
    if s.config[MATCHES] > 1:
        _move(s, 1, s.config[LOCAL_MATCH_BYTES], lo, hi)
        for lane in range(lo, hi):
            s.heads[U(s.where[lane, LOCAL_STRING])] = s.lanes[lane, POSITION]
    for lane in range(lo, hi):
        if s.keys[lane, PENDING] != U(0):
            s.heads[np.int64(s.keys[lane, PENDING])] = s.lanes[lane, POSITION] - 1
        s.keys[lane, PENDING] = U(s.where[lane, STRING])

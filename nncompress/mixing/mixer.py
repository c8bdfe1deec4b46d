"""Mix the inputs: several sets of weight vectors, each picked by another context, then a final mix.

This is logistic mixing (see :mod:`.tables`). Inputs are int32 with |x| <= 32767 (stretch has 11
fractional bits), weights int32 with 16 fractional bits, clamped to +-2^22. A dot product of at most
64 inputs stays below 2^43: int64. An error is below 2^16 in magnitude, so input times error fits
int32, where LLVM finds vector instructions; a weight moves by at most 2^15 and is clamped again.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import shift_right
from nncompress.machine.jit import jit

from .counters import seen_contexts
from .hashing import BYTE, U
from .matchmodel import run_bucket
from .profiles import Selector
from .state import (
    BRACKET,
    CHOSEN,
    CLASSES,
    CLUSTER,
    FINAL_WEIGHTS,
    INPUTS,
    MATCH_CELL,
    MAX_CONTEXTS,
    MAX_SETS,
    MIXED,
    NODE,
    OUTPUT,
    RATE,
    RECENT,
    RUN,
    SELECTORS,
    SET_WEIGHTS,
    SETS,
)
from .tables import SQUASH, STRETCH_MAX

# Plain integers: numba compares them without boxing.
BY_NODE, BY_CLASSES, BY_MATCH = int(Selector.NODE), int(Selector.CLASSES), int(Selector.MATCH)
BY_LANE, BY_BYTE, BY_BRACKET = int(Selector.LANE), int(Selector.BYTE), int(Selector.BRACKET)
BY_CLUSTER = int(Selector.CLUSTER)

CHOICES = dict.fromkeys(Selector, 256)
"""Weight vectors that each selector picks from."""

CHOICES[Selector.MATCH] = 8 * 25
CHOICES[Selector.SEEN] = 8 * (MAX_CONTEXTS + 1)

MIXER_WEIGHT_MAX = np.int32(1 << 22)
HALF = np.int32(1 << 15)
SHIFT = np.int32(16)
FINAL_RATE = 4
"""Learning rate of the final mix; those of the sets are the profile's."""


@jit
def _dot(weights, at, inputs, lane, first, n):
    """Return the sum of n products, int64.

    Slices would cost more than the sum, and unsigned indices spare a test each.
    """
    total = np.int64(0)
    for i in range(n):
        total += np.int64(weights[U(at + i)]) * np.int64(inputs[lane, U(first + i)])
    return total


@jit
def _train(weights, at, inputs, lane, first, n, error):
    for i in range(n):
        step = shift_right(np.int32(inputs[lane, U(first + i)] * error) + HALF, SHIFT)
        weight = np.int32(weights[U(at + i)] + step)
        weights[U(at + i)] = min(max(weight, -MIXER_WEIGHT_MAX), MIXER_WEIGHT_MAX)


@jit
def _clamped(x):
    return min(max(x, 1 - STRETCH_MAX), STRETCH_MAX - 1)


@jit
def _choice(s, lane, selector, plane):
    if selector == BY_NODE:
        return np.int64(s.lanes[lane, NODE])
    if selector == BY_CLASSES:
        return np.int64(s.keys[lane, CLASSES])
    if selector == BY_MATCH:
        matched = s.where[lane, MATCH_CELL] >= 0
        return plane + 8 * (1 + run_bucket(np.int64(s.lanes[lane, RUN])) if matched else 0)
    if selector == BY_LANE:
        return np.int64(lane) & 255
    if selector == BY_BYTE:
        return np.int64(s.keys[lane, RECENT] & BYTE)
    if selector == BY_BRACKET:
        return np.int64(s.keys[lane, BRACKET])
    if selector == BY_CLUSTER:
        return np.int64(s.lanes[lane, CLUSTER])
    return plane + 8 * seen_contexts(s, lane, plane)


@jit
def _mix_set(s, j, plane, lo, hi):
    n = s.config[INPUTS]
    where, inputs, weights = s.where, s.inputs, s.weights
    for lane in range(lo, hi):
        at = s.config[SET_WEIGHTS + j] + n * _choice(s, lane, s.config[SELECTORS + j], plane)
        where[lane, CHOSEN + j] = at
        where[lane, OUTPUT + j] = _clamped(_dot(weights, at, inputs, lane, 0, n) >> 16)


@jit
def mix(s, plane, lo, hi):
    """Mix the inputs in every set, and the sets' outputs with weights picked by the node."""
    sets = s.config[SETS]
    for j in range(sets):
        _mix_set(s, j, plane, lo, hi)
    for lane in range(lo, hi):
        at = s.config[FINAL_WEIGHTS] + np.int64(s.lanes[lane, NODE]) * MAX_SETS
        s.where[lane, MIXED] = _clamped(_dot(s.weights, at, s.where, lane, OUTPUT, sets) >> 16)


@jit
def _error(x, bit):
    """Return the bit less the prediction in 65536ths."""
    return (np.int64(bit) << 16) - SQUASH[U(x + STRETCH_MAX)]


@jit
def update_mix(s, lo, hi, bits):
    """Move each lane's chosen weights down the gradient of its coding cost.

    Lanes take turns, in order, since they share weights.
    """
    n, sets, rate = s.config[INPUTS], s.config[SETS], s.config[RATE]
    where, inputs, weights = s.where, s.inputs, s.weights
    for j in range(sets):
        for lane in range(lo, hi):
            error = np.int32((_error(where[lane, OUTPUT + j], bits[lane - lo]) * rate) >> 8)
            _train(weights, np.int64(where[lane, CHOSEN + j]), inputs, lane, 0, n, error)
    for lane in range(lo, hi):
        at = s.config[FINAL_WEIGHTS] + np.int64(s.lanes[lane, NODE]) * MAX_SETS
        error = np.int32((_error(where[lane, MIXED], bits[lane - lo]) * FINAL_RATE) >> 8)
        _train(weights, at, where, lane, OUTPUT, sets, error)

"""Logistic mixing: several sets of weight vectors, each picked by another context, then a mixer over them.

Inputs are int32 with |x| <= 32767 (stretch has 11 fractional bits), weights int32 with 16 fractional bits, clamped to
+-2^22. A dot product of at most 64 inputs stays below 2^43: int64. An error is below 2^16 in magnitude, so input times
error fits int32, where LLVM finds vector instructions; a weight moves by at most 2^15 and is clamped again.
"""

from __future__ import annotations

import numpy as np

from nncompress.jit import jit
from nncompress.mixing.match import run_bucket
from nncompress.mixing.spec import Selector
from nncompress.mixing.state import (
    CHOSEN,
    CLASSES,
    FINAL_WEIGHTS,
    INPUTS,
    MATCH_CELL,
    MAX_SETS,
    MIXED,
    NODE,
    OUTPUT,
    RATE,
    RUN,
    SELECTORS,
    SET_WEIGHTS,
    SETS,
)
from nncompress.mixing.tables import SQUASH, STRETCH_MAX

BY_NODE, BY_CLASSES = int(Selector.NODE), int(Selector.CLASSES)
CHOICES = {Selector.NODE: 256, Selector.CLASSES: 256, Selector.MATCH: 8 * 25}
WEIGHT_MAX = np.int32(1 << 22)
HALF = np.int32(1 << 15)
SHIFT = np.int32(16)
FINAL_RATE = 4


@jit
def _dot(weights, inputs):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for i in range(weights.shape[0]):
        total += np.int64(weights[i]) * np.int64(inputs[i])
    return total


@jit
def _train(weights, inputs, error):  # type: ignore[no-untyped-def]
    for i in range(weights.shape[0]):
        step = np.int32(np.int32(inputs[i] * error) + HALF) >> SHIFT
        weights[i] = min(max(np.int32(weights[i] + step), -WEIGHT_MAX), WEIGHT_MAX)


@jit
def _clamped(x):  # type: ignore[no-untyped-def]
    return min(max(x, 1 - STRETCH_MAX), STRETCH_MAX - 1)


@jit
def _choice(s, m, selector, plane):  # type: ignore[no-untyped-def]
    if selector == BY_NODE:
        return np.int64(s.lanes[m, NODE])
    if selector == BY_CLASSES:
        return np.int64(s.keys[m, CLASSES])
    matched = s.where[m, MATCH_CELL] >= 0
    return plane + 8 * (1 + run_bucket(np.int64(s.lanes[m, RUN])) if matched else 0)


@jit
def _mix_set(s, j, plane, lo, hi):  # type: ignore[no-untyped-def]
    n = s.config[INPUTS]
    for m in range(lo, hi):
        at = s.config[SET_WEIGHTS + j] + n * _choice(s, m, s.config[SELECTORS + j], plane)
        s.where[m, CHOSEN + j] = at
        s.where[m, OUTPUT + j] = _clamped(_dot(s.weights[at : at + n], s.inputs[m]) >> 16)


@jit
def mix(s, plane, lo, hi):  # type: ignore[no-untyped-def]
    """Mix the inputs in every set and the sets' outputs with weights picked by the node."""
    sets = s.config[SETS]
    for j in range(sets):
        _mix_set(s, j, plane, lo, hi)
    for m in range(lo, hi):
        at = s.config[FINAL_WEIGHTS] + np.int64(s.lanes[m, NODE]) * MAX_SETS
        total = np.int64(0)
        for j in range(sets):
            total += np.int64(s.where[m, OUTPUT + j]) * np.int64(s.weights[at + j])
        s.where[m, MIXED] = _clamped(total >> 16)


@jit
def _error(x, bit):  # type: ignore[no-untyped-def]
    """Target less prediction in 65536ths."""
    return (np.int64(bit) << 16) - SQUASH[x + STRETCH_MAX]


@jit
def update_mix(s, lo, hi, bits):  # type: ignore[no-untyped-def]
    """Move each lane's chosen weights down the gradient of its coding cost, one lane after the other."""
    n, sets = s.config[INPUTS], s.config[SETS]
    for j in range(sets):
        for m in range(lo, hi):
            error = (_error(s.where[m, OUTPUT + j], bits[m - lo]) * s.config[RATE]) >> 8
            at = np.int64(s.where[m, CHOSEN + j])
            _train(s.weights[at : at + n], s.inputs[m], np.int32(error))
    for m in range(lo, hi):
        at = s.config[FINAL_WEIGHTS] + np.int64(s.lanes[m, NODE]) * MAX_SETS
        error = (_error(s.where[m, MIXED], bits[m - lo]) * FINAL_RATE) >> 8
        outputs = s.where[m, OUTPUT : OUTPUT + sets]
        _train(s.weights[at : at + sets], outputs, np.int32(error))

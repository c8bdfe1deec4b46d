"""Mix the inputs: several sets of weight vectors, each picked by another context, then a final mix.

This is logistic mixing (see :mod:`.tables`). Inputs are int16 with |x| <= 24576 (stretch has 11
fractional bits), weights int16 with 14 fractional bits, which end at the range's ends. Products are
summed in pairs, whose sum loses 8 bits, so that 128 inputs' sum stays below 2^31:
:mod:`nncompress.machine.int16`. An error in 65536ths times a rate gives a factor of 16 bits.

The rate falls from the profile's ``first_rate`` to its ``rate`` as the block goes on.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.int16 import dot, train_weights
from nncompress.machine.jit import part

from .contexts import byte_back
from .counters import seen_contexts
from .hashing import BYTE, U
from .instruction import AT_DISPLACEMENT
from .matchmodel import run_bucket
from .profiles import Selector
from .state import (
    BRACKET,
    CHOSEN,
    CLASSES,
    CLUSTER,
    FINAL_CHOSEN,
    FINAL_WEIGHTS,
    FIRST_RATE,
    IMMEDIATE,
    INPUTS,
    MATCH_CELL,
    MAX_CONTEXTS,
    MAX_SETS,
    MIXED,
    NODE,
    PERIOD,
    PHASE,
    POSITION,
    RATE,
    RECENT,
    REMAINING,
    RUN,
    SELECTORS,
    SET_WEIGHTS,
    SETS,
    SIZES,
    START,
    STEP,
    WORD_LENGTH,
)
from .tables import COARSE_BITS, COARSE_SQUASH, STRETCH_MAX

# Plain integers: numba compares them without boxing.
BY_NODE, BY_CLASSES, BY_MATCH = int(Selector.NODE), int(Selector.CLASSES), int(Selector.MATCH)
BY_LANE, BY_BYTE, BY_BRACKET = int(Selector.LANE), int(Selector.BYTE), int(Selector.BRACKET)
BY_SEEN, BY_CLUSTER, BY_BYTE2 = int(Selector.SEEN), int(Selector.CLUSTER), int(Selector.BYTE2)
BY_WORD, BY_SIZES, BY_INSTRUCTION, BY_RECORD = (
    int(selector)
    for selector in (Selector.WORD, Selector.SIZES, Selector.INSTRUCTION, Selector.RECORD)
)

CHOICES = dict.fromkeys(Selector, 256)
"""Weight vectors that each selector picks from."""

CHOICES[Selector.MATCH] = 8 * 25
CHOICES[Selector.SEEN] = 8 * 3 * (MAX_CONTEXTS + 1)
CHOICES[Selector.CLASSES] = CHOICES[Selector.BYTE] = CHOICES[Selector.WORD] = 2048
CHOICES[Selector.SIZES] = CHOICES[Selector.INSTRUCTION] = CHOICES[Selector.RECORD] = 2048

SHIFT = 6
"""What the sum of pairs (8 bits less) loses to come back to stretch's 11 fractional bits."""

LEAST_ERROR = 256
"""Smaller errors, in 65536ths, teach nothing: that is faster, and a little better."""

FALL = 1 << 14
"""Bytes after which the part of the rate that falls has fallen to a half."""

FINAL_RATE = 32
"""Learning rate of the final mix, in the units of the profile's."""


@part
def _equal_back(history, row, first, second):
    return byte_back(history, row, first) == byte_back(history, row, second)


@part
def _record_choice(s, lane):
    """Return the place in the step, the last byte's size, and whether the record repeats."""
    row, period, step = s.lanes[lane], max(s.config[PERIOD], 1), max(s.config[STEP], 1)
    place = (np.int64(row[POSITION]) - row[START]) % step & 3
    above = np.int64(_equal_back(s.history, row, period, 2 * period))
    before = np.int64(_equal_back(s.history, row, 1, period + 1))
    size = np.int64((s.keys[lane, SIZES] >> U(4)) & U(15))
    return place | size << 2 | above << 6 | before << 7


@part
def _clamped(x):
    return min(max(np.int64(x), 1 - STRETCH_MAX), STRETCH_MAX - 1)


@part
def _choice(s, lane, selector, plane):
    recent = s.keys[lane, RECENT]
    if selector == BY_NODE:
        return np.int64(s.lanes[lane, NODE])
    if selector == BY_CLASSES:
        return np.int64(s.keys[lane, CLASSES] & U(2047))
    if selector == BY_MATCH:
        matched = s.where[lane, MATCH_CELL] >= 0
        return plane + 8 * (1 + run_bucket(np.int64(s.lanes[lane, RUN])) if matched else 0)
    if selector == BY_LANE:
        return np.int64(lane) & 255
    if selector == BY_BYTE:
        return np.int64(recent & BYTE) | plane << 8
    if selector == BY_BRACKET:
        return np.int64(s.keys[lane, BRACKET])
    if selector == BY_CLUSTER:
        return np.int64(s.lanes[lane, CLUSTER])
    if selector == BY_BYTE2:
        return np.int64((recent >> U(8)) & BYTE)
    if selector == BY_SIZES:
        return np.int64(s.keys[lane, SIZES] & BYTE) << 3 | plane
    if selector == BY_INSTRUCTION:
        row = s.lanes[lane]
        rest = row[REMAINING] if row[PHASE] >= AT_DISPLACEMENT else row[IMMEDIATE]
        return plane | np.int64(row[PHASE]) << 3 | (np.int64(rest) & 15) << 7
    if selector == BY_RECORD:
        return plane | _record_choice(s, lane) << 3
    if selector == BY_WORD:
        length = min(np.int64(s.lanes[lane, WORD_LENGTH]), 15)
        return length | plane << 4 | np.int64(s.keys[lane, CLASSES] & U(15)) << 7
    matched = s.where[lane, MATCH_CELL] >= 0
    length = (2 if s.lanes[lane, RUN] >= 32 else 1) if matched else 0
    return plane + 8 * (length + 3 * seen_contexts(s, lane, plane))


@part
def _mix_set(s, j, plane, lo, hi):
    n = s.config[INPUTS]
    where, inputs, weights = s.where, s.inputs, s.weights
    for lane in range(lo, hi):
        at = s.config[SET_WEIGHTS + j] + n * _choice(s, lane, s.config[SELECTORS + j], plane)
        where[lane, CHOSEN + j] = at
        s.outputs[lane, j] = _clamped(dot(weights, at, inputs, lane * n, n) >> SHIFT)


@part
def mix(s, plane, lo, hi):
    """Mix the inputs in every set, and the sets' outputs with weights picked by node and byte."""
    for j in range(s.config[SETS]):
        _mix_set(s, j, plane, lo, hi)
    for lane in range(lo, hi):
        choice = np.int64(s.keys[lane, RECENT] & BYTE) << 8 | np.int64(s.lanes[lane, NODE])
        at = s.config[FINAL_WEIGHTS] + choice * MAX_SETS
        s.where[lane, FINAL_CHOSEN] = at
        mixed = dot(s.weights, at, s.outputs, lane * MAX_SETS, MAX_SETS) >> SHIFT
        s.where[lane, MIXED] = _clamped(mixed)


@part
def _error(x, bit):
    """Return the bit less the prediction in 65536ths."""
    return (np.int64(bit) << 16) - COARSE_SQUASH[U((x + STRETCH_MAX) >> COARSE_BITS)]


@part
def _rate(s, lane):
    """Return the present rate of the weight sets, in 2**-16 of a step of an input."""
    rate, first = s.config[RATE], s.config[FIRST_RATE]
    coded = (np.int64(s.lanes[lane, POSITION]) - s.lanes[lane, START]) * s.lanes.shape[0]
    return rate + (first - rate) * FALL // (coded + FALL)


@part
def update_mix(s, lo, hi, bits):
    """Move each lane's chosen weights down the gradient of its coding cost.

    Lanes take turns, in order, since they share weights.
    """
    n = s.config[INPUTS]
    where, inputs, weights = s.where, s.inputs, s.weights
    rate = _rate(s, lo)
    for j in range(s.config[SETS]):
        for lane in range(lo, hi):
            error = _error(np.int64(s.outputs[lane, j]), bits[lane - lo])
            if abs(error) >= LEAST_ERROR:
                at = np.int64(where[lane, CHOSEN + j])
                train_weights(weights, at, inputs, lane * n, n, (error * rate) >> 12)
    for lane in range(lo, hi):
        error = _error(where[lane, MIXED], bits[lane - lo])
        at = np.int64(where[lane, FINAL_CHOSEN])
        train_weights(weights, at, s.outputs, lane * MAX_SETS, MAX_SETS, (error * FINAL_RATE) >> 12)

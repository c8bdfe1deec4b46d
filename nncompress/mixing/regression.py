"""Correct the mixer's probability by an online logistic regression on the network's hidden vector.

The network's output layer was fitted to its training text. Here weights for each node of the byte,
all zero at first, are fitted to the block itself: x' = x + w . h, with x the mixer's stretched
probability and h the network's last hidden vector. A node's rate falls with the root of its sum of
squared errors: AdaGrad with one sum a vector (Duchi et al. 2011,
https://jmlr.org/papers/v12/duchi11a.html).

Weights are int32, |w| <= 2^29, in 2^-23 of a step of stretch. The product takes their upper bits,
|w >> 15| <= 2^14; times |h| <= 127, at most 1024 of them, that stays below 2^31. An error is below
2^16 and a rate at most 2^19, over 2^16; times h that is a step below 2^26, so that a weight and a
step fit in int32.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

from nncompress.machine.intrinsics import bit_length, shift_right
from nncompress.machine.jit import part

from .hashing import U
from .state import CORRECTED, MIXED, NODE, WIDTH
from .tables import SQUASH, STRETCH_MAX

MAX_WIDTH = 1024
"""How many numbers of the hidden vector are used, at most."""

REGRESSION_WEIGHT_MAX = np.int32(1 << 29)
USED_BITS = np.int32(15)
SCALE_BITS = 8
BASE_RATE = 1 << 20
"""Rate at an energy of 1."""

FIRST_ENERGY = 4 << 16
"""What a node's sum of squared errors begins with: 16 fractional bits, as the sum has."""

MAX_ENERGY_BITS = 48
"""A block has 2^28 bytes at most; each adds no more than 1."""


def _rate_table() -> npt.NDArray[np.int32]:
    """Compute the rate, BASE_RATE / sqrt(energy), for energies told apart by their first two bits.

    Returns:
        int32 [2 * MAX_ENERGY_BITS]; the index is twice the length of the energy in bits, plus its
        second bit.
    """
    rates = np.zeros(2 * MAX_ENERGY_BITS, np.int32)
    for index in range(2 * FIRST_ENERGY.bit_length(), len(rates)):
        least = (2 | index & 1) << (index // 2 - 2)
        rates[index] = isqrt((BASE_RATE * BASE_RATE << 16) // least)
    return rates


RATES = _rate_table()


@part
def _dot(weights, at, hidden, lane, n):
    total = np.int32(0)
    for i in range(n):
        weight = shift_right(weights[U(at + i)], USED_BITS)
        total = np.int32(total + np.int32(weight * np.int32(hidden[lane, U(i)])))
    return total


@part
def _train(weights, at, hidden, lane, n, step):
    for i in range(n):
        weight = np.int32(weights[U(at + i)] + np.int32(step * np.int32(hidden[lane, U(i)])))
        weights[U(at + i)] = min(max(weight, -REGRESSION_WEIGHT_MAX), REGRESSION_WEIGHT_MAX)


@part
def correct(s, lo, hi):
    """Correct the mixer's stretched probabilities: column MIXED of ``where``, into CORRECTED."""
    n = s.config[WIDTH]
    for lane in range(lo, hi):
        correction = _dot(s.regression, s.lanes[lane, NODE] * n, s.hidden, lane, n) >> SCALE_BITS
        x = np.int64(s.where[lane, MIXED]) + correction
        s.where[lane, CORRECTED] = min(max(x, 1 - STRETCH_MAX), STRETCH_MAX - 1)


@part
def update_correction(s, lo, hi, bits):
    """Move the weights of each lane's node down the gradient of its coding cost.

    Lanes take turns, in order, since they share weights.
    """
    n = s.config[WIDTH]
    for lane in range(lo, hi):
        node = np.int64(s.lanes[lane, NODE])
        error = (np.int64(bits[lane - lo]) << 16) - SQUASH[
            U(s.where[lane, CORRECTED] + STRETCH_MAX)
        ]
        energy = s.energies[node] + ((error * error) >> 16)
        s.energies[node] = energy
        length = bit_length(energy)
        rate = RATES[2 * length + ((energy >> (length - 2)) & 1)]
        step = np.int32((error * rate) >> 16)
        if step != 0:
            _train(s.regression, node * n, s.hidden, lane, n, step)

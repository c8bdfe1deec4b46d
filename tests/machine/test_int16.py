"""Sums and steps of 16-bit vectors are those of plain integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.machine.int16 import LENGTH, dot, train_weights
from nncompress.machine.jit import jit
from nncompress.mixing import reference_parts as reference

MOST = 24576


@jit
def _dot(weights, at, inputs, first, n):
    return dot(weights, at, inputs, first, n)


@jit
def _train(weights, at, inputs, first, n, error):
    train_weights(weights, at, inputs, first, n, error)


@given(st.integers(0, 2**32), st.integers(0, 8), st.integers(-4095, 4095), st.booleans())
def test_vectors_give_the_references_integers(seed, vectors, factor, extreme):
    random, n = np.random.default_rng(seed), LENGTH * vectors
    weights = random.integers(-(1 << 15), 1 << 15, n + 9).astype(np.int16)
    inputs = random.integers(-MOST, MOST + 1, (3, n)).astype(np.int16)
    if extreme:
        weights[:], inputs[:] = 32767, MOST
    row = inputs[1].tolist()
    if vectors < 6:  # the sum fits
        assert _dot(weights, 5, inputs, n, n) == reference.dot(weights[5 : 5 + n].tolist(), row)
    expected = weights.tolist()
    middle = expected[5 : 5 + n]
    reference.train(middle, row, factor)
    _train(weights, 5, inputs, n, n, factor)
    assert weights.tolist() == expected[:5] + middle + expected[5 + n :]


@pytest.mark.parametrize("factor", [-32768, -1, 0, 1, 32767])
def test_weights_end_at_the_ends_of_their_range(factor):
    weights = np.array([32767, -32768] * 8, np.int16)
    inputs = np.full(16, MOST, np.int16)
    expected = weights.tolist()
    reference.train(expected, inputs.tolist(), factor)
    _train(weights, 0, inputs.reshape(1, 16), 0, 16, factor)
    assert weights.tolist() == expected

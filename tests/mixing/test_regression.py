"""The regression on the network's hidden vector."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.exact.engine import Prediction
from nncompress.machine.jit import jit
from nncompress.mixing import regression
from nncompress.mixing.clusters import Clusters
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import BEST, FULL
from nncompress.mixing.regression import (
    BASE_RATE,
    MAX_ENERGY_BITS,
    MAX_WIDTH,
    RATES,
    REGRESSION_WEIGHT_MAX,
)
from nncompress.mixing.state import CORRECTED, MIXED, NODE
from nncompress.mixing.tables import SQUASH, STRETCH_MAX
from tests.mixing import blocks

correct = jit(regression.correct.py_func)
update_correction = jit(regression.update_correction.py_func)

NUMBERS = st.integers(0, 2**32)


def coded(data: bytes, hidden: np.ndarray, profile=FULL) -> float:
    """Ideal length in bytes beside a network that knows only its hidden vectors, int8 [n, d]."""
    predictor = Predictor(profile, 4, len(data), clusters=Clusters.none(hidden.shape[1]))
    planes, each = [], len(data) // 4
    for step, lo, hi, symbols in blocks.steps(data, 4, [(0, 4)]):
        out = np.empty((8, hi - lo))
        rows = hidden[np.arange(lo, hi) * each + step]
        predictor.encode_step(
            lo, hi, symbols, Prediction(np.ones((hi - lo, 256), np.int32), rows), out
        )
        planes.append((symbols, out))
    return blocks.code_length(planes)


@pytest.mark.parametrize("profile", [FULL, BEST], ids=["full", "best"])
def test_what_the_vector_tells_of_the_byte_is_used(profile):
    random = np.random.default_rng(4)
    values = random.integers(0, 256, 4000)
    bits = (values[:, None] >> np.arange(8)) & 1
    telling = (40 * (2 * bits - 1)).astype(np.int8)
    deaf = random.permutation(telling)
    data = values.astype(np.uint8).tobytes()
    assert coded(data, telling, profile) < 0.8 * coded(data, deaf, profile)


@given(seed=NUMBERS, width=st.sampled_from([1, 5, 64, 97]))
def test_it_computes_what_exact_arithmetic_does(seed, width):
    random = np.random.default_rng(seed)
    state = Predictor(FULL, 2, 100, clusters=Clusters.none(width)).state
    whole = state.hidden.shape[1]
    state.regression[:] = random.integers(
        -REGRESSION_WEIGHT_MAX, REGRESSION_WEIGHT_MAX + 1, 256 * whole
    )
    state.hidden[:] = random.integers(-127, 128, (2, whole))
    state.lanes[:, NODE] = random.integers(1, 256, 2)
    state.where[:, MIXED] = random.integers(1 - STRETCH_MAX, STRETCH_MAX, 2)
    bits = random.integers(0, 2, 2).astype(np.int32)
    weights = state.regression.reshape(256, whole).astype(object)

    correct(state, 0, 2)
    limit = STRETCH_MAX - 1
    for lane in range(2):
        hidden = state.hidden[lane].astype(object)
        product = sum((weights[state.lanes[lane, NODE]] >> 15) * hidden)
        x = int(state.where[lane, MIXED]) + (product >> 8)
        assert state.where[lane, CORRECTED] == min(max(x, -limit), limit)

    before = state.energies.copy()
    update_correction(state, 0, 2, bits)
    for lane in range(2):
        node = int(state.lanes[lane, NODE])
        x = int(state.where[lane, CORRECTED])
        error = (int(bits[lane]) << 16) - int(SQUASH[x + STRETCH_MAX])
        before[node] += error * error >> 16
        energy = int(before[node])
        length = energy.bit_length()
        step = error * int(RATES[2 * length + (energy >> length - 2 & 1)]) >> 16
        moved = weights[node] + step * state.hidden[lane].astype(object)
        weights[node] = np.clip(moved, -int(REGRESSION_WEIGHT_MAX), int(REGRESSION_WEIGHT_MAX))
    assert (state.regression.reshape(256, whole) == weights).all()
    assert (state.energies == before).all()


def test_rates_fall_with_the_root_of_the_energy():
    for index in range(38, 2 * MAX_ENERGY_BITS):
        least = Fraction((2 | index & 1) << (index // 2 - 2), 1 << 16)
        assert 0 <= Fraction(BASE_RATE**2) / least - int(RATES[index]) ** 2 <= 2 * RATES[index] + 1


def test_the_largest_numbers_stay_in_32_bits():
    state = Predictor(FULL, 1, 100, clusters=Clusters.none(2 * MAX_WIDTH)).state
    assert state.hidden.shape == (1, MAX_WIDTH)
    for sign in (1, -1):
        state.regression[:] = sign * REGRESSION_WEIGHT_MAX
        state.hidden[:] = 127
        correct(state, 0, 1)
        assert state.where[0, CORRECTED] == sign * (STRETCH_MAX - 1)
        update_correction(state, 0, 1, np.array([sign > 0], np.int32))
        assert (sign * state.regression[MAX_WIDTH : 2 * MAX_WIDTH] <= REGRESSION_WEIGHT_MAX).all()
        assert (sign * state.regression > 0).all()

"""The numba kernels and the torch kernels are the same functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    BOOM_MAX,
    CELL_MAX,
    NORM_MAX,
    STREAM_MAX,
    norm_eps,
    rsqrt_table,
    sigmoid_table,
)
from nncompress.exact.kernels import fused, reference
from nncompress.exact.kernels.attention_simd import average_rows, dot_rows
from nncompress.machine.jit import jit

# Vector instructions take whole 16s or 64s of columns, and portable loops the rest or, on other
# CPUs, everything.
DIMS = st.sampled_from([8, 24, 64, 104, 128])
EXTREME = st.sampled_from([1, 100, 1 << 12, 1 << 19])


def _stream(generator: np.random.Generator, shape: tuple[int, ...], spread: int) -> np.ndarray:
    values = generator.integers(-spread, spread + 1, shape)
    return np.clip(values, -STREAM_MAX, STREAM_MAX).astype(np.int32)


def _both(
    name: str, *arguments: object, slot: int | None = None, filled: int | None = None
) -> list[np.ndarray]:
    """Run a kernel in both forms on copies; every array must end up equal. Returns numba's.

    Numbers that change from step to step come last, in torch as tensors; that of filled slots is a
    row's own there, and the newest slot is the last of them.
    """
    arrays = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    tensors = [torch.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a for a in arguments]
    if slot is not None:
        getattr(fused, name)(*arrays, slot)
        getattr(reference, name)(*tensors, torch.tensor([slot]))
    elif filled is not None:
        rows = torch.full((len(arrays[0]),), filled, dtype=torch.int32)
        getattr(fused, name)(*arrays, filled)
        getattr(reference, name)(*tensors, torch.tensor([filled - 1]), rows)
    else:
        getattr(fused, name)(*arrays)
        getattr(reference, name)(*tensors)
    for array, tensor in zip(arrays, tensors, strict=True):
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(array, tensor.numpy())
    return [array for array in arrays if isinstance(array, np.ndarray)]


@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([8, 33, 384]), EXTREME)
@settings(max_examples=40)
def test_norm_gives_a_centred_vector_of_length_one(seed, lanes, dim, spread):
    rows, eps = _stream(np.random.default_rng(seed), (lanes, dim), spread), norm_eps(dim, 12)
    ones, zeros = np.ones(dim, np.int32), np.zeros(dim, np.int32)
    unused = np.zeros((lanes, dim), np.int8)
    out = _both("norm_split", rows, eps, ones, zeros, 0, ones, zeros, 0, unused)[0]
    assert np.abs(out).max() <= NORM_MAX
    centred = rows - np.floor(rows.mean(axis=1, keepdims=True) + 0.5)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True) + eps)
    np.testing.assert_allclose(out / 2**15, centred / length, atol=2e-3)


@pytest.mark.parametrize("dim", [8, 2048])
@pytest.mark.parametrize("value", [0, 1, STREAM_MAX])
def test_norms_hold_the_extremes(dim, value):
    rows = np.full((3, dim), value, np.int32)
    rows[1, ::2] *= -1  # half above and half below
    rows[2, 1:] *= -1  # one against all others
    ones, zeros = np.ones(dim, np.int32), np.zeros(dim, np.int32)
    out = np.zeros((3, dim), np.int8)
    _both("norm_split", rows, norm_eps(dim, 12), ones, zeros, 0, ones, zeros, 8, out)


@given(st.integers(0, 2**32), st.integers(1, 4), EXTREME)
@settings(max_examples=25)
def test_norms_are_equal(seed, lanes, spread):
    generator = np.random.default_rng(seed)
    dim = 48
    stream = _stream(generator, (lanes, dim), spread)
    gains = generator.integers(-20000, 20001, (2, dim)).astype(np.int32)
    biases = generator.integers(-(1 << 29), 1 << 29, (2, dim)).astype(np.int32)
    eps = norm_eps(dim, 12)
    out = np.zeros((lanes, dim), np.int8)
    _both("norm_to_int8", stream, eps, gains[0], biases[0], 20, out)
    _both("norm_split", stream, eps, gains[0], biases[0], 11, gains[1], biases[1], 20, out)
    memory = np.zeros((lanes, 3, dim), np.int8)
    after = _both("remember", stream, eps, gains[0], biases[0], 18, memory, slot=1)[-1]
    assert not after[:, [0, 2]].any()
    assert np.abs(after).max() <= ACTIVATION_MAX


@given(st.integers(0, 2**32), st.integers(1, 4), DIMS, st.booleans())
@settings(max_examples=25)
def test_lstm_is_equal(seed, lanes, dim, extreme):
    generator = np.random.default_rng(seed)
    reach = 1 << (30 if extreme else 22)
    recurrent, inputs = (
        generator.integers(-1000, 1001, (lanes, 4 * dim)).astype(np.int32) for _ in range(2)
    )
    multipliers = generator.integers(1, 2000, (2, 4 * dim)).astype(np.int32)
    bias = generator.integers(-reach // 2, reach // 2, 4 * dim).astype(np.int32)
    cell = generator.integers(-CELL_MAX, CELL_MAX + 1, (lanes, dim)).astype(np.int32)
    state = (cell, np.zeros((lanes, dim), np.int32), np.zeros((lanes, dim), np.int8))
    _both("lstm", inputs, multipliers[0], recurrent, multipliers[1], bias, 10, 4070, *state)
    symbols = generator.integers(0, 256, lanes).astype(np.uint8)
    table = generator.integers(-32767, 32768, (256, 4 * dim)).astype(np.int16)
    after = _both(
        "lstm_first", symbols, table, 5, recurrent, multipliers[0], bias, 10, 4070, *state
    )
    assert np.abs(after[-3]).max() <= CELL_MAX
    assert np.abs(after[-2]).max() <= 1 << 15


@given(
    st.integers(0, 2**32),
    st.integers(1, 3),
    st.integers(1, 9),
    DIMS,
    st.sampled_from([1, 30, 127]),
    st.integers(0, 24),
)
@settings(max_examples=60)
def test_attention_is_equal(seed, lanes, filled, dim, spread, score_shift):
    generator = np.random.default_rng(seed)
    window = 9
    memory = generator.integers(-spread, spread + 1, (lanes, window, dim)).astype(np.int8)
    query = generator.integers(-200_000, 200_001, (lanes, dim)).astype(np.int32)
    vectors = generator.integers(-3000, 3001, (4, dim)).astype(np.int32)
    stream = _stream(generator, (lanes, dim), 1 << 14)
    norm = (np.abs(vectors[0]) + 1, vectors[1], 4, vectors[2] * 7, vectors[3], 12)
    attention = (memory, norm_eps(dim, 12), 2122, score_shift, vectors[3], 9)
    _both("attend", query, *norm, *attention, stream, filled=filled)


@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(0, 8), DIMS)
@settings(max_examples=30)
def test_rows_attend_to_as_many_of_the_newest_vectors_as_are_their_own(seed, rows, slot, dim):
    generator = np.random.default_rng(seed)
    window = 9
    memory = generator.integers(-127, 128, (rows, window, dim)).astype(np.int8)
    query = generator.integers(-200_000, 200_001, (rows, dim)).astype(np.int32)
    vectors = generator.integers(-3000, 3001, (4, dim)).astype(np.int32)
    stream = _stream(generator, (rows, dim), 1 << 14)
    filled = generator.integers(1, window + 1, rows).astype(np.int32)
    norm = (np.abs(vectors[0]) + 1, vectors[1], 4, vectors[2] * 7, vectors[3], 12)
    rest = (norm_eps(dim, 12), 2122, 14, vectors[3], 9)

    def tensors(*arguments):
        return [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arguments]

    found = stream.copy()
    own = torch.tensor([slot]), torch.from_numpy(filled)
    reference.attend(*tensors(query, *norm, memory, *rest, found), *own)
    for row in range(rows):
        # The row's own vectors alone, where a memory that is not full has them: at its beginning.
        ages = (slot - np.arange(filled[row])) % window
        alone = np.zeros((1, window, dim), np.int8)
        alone[0, : filled[row]] = memory[row, ages]
        expected = stream[row : row + 1].copy()
        fused.attend(query[row : row + 1], *norm, alone, *rest, expected, int(filled[row]))
        np.testing.assert_array_equal(found[row], expected[0])


def test_attention_to_one_memory_returns_it():
    dim = 16
    memory = np.arange(-8, 8, dtype=np.int8).reshape(1, 1, dim) * 15
    ones, zeros = np.ones(dim, np.int32), np.zeros(dim, np.int32)
    stream = np.zeros((1, dim), np.int32)
    norm = (ones, zeros, 0, ones * 1000, zeros, 8)
    query = np.arange(dim, dtype=np.int32).reshape(1, dim)
    # A value's scale of 2**4 takes a Q8 average to 16 times the memory's Q8 value.
    attention = (memory, norm_eps(dim, 12), 1, 4, ones * 16, 0)
    after = _both("attend", query, *norm, *attention, stream, filled=1)[-1]
    np.testing.assert_allclose(after[0], memory[0, 0].astype(int) * 256 * 16, atol=64)


@given(st.integers(0, 2**32), st.integers(1, 4), DIMS, st.sampled_from([1, 4]))
@settings(max_examples=25)
def test_boom_and_outputs_are_equal(seed, lanes, dim, chunks):
    generator = np.random.default_rng(seed)
    product = generator.integers(-300_000, 300_001, (lanes, dim * chunks)).astype(np.int32)
    multiplier = generator.integers(1, 4000, dim * chunks).astype(np.int32)
    bias = generator.integers(-(1 << 28), 1 << 28, dim * chunks).astype(np.int32)
    stream = _stream(generator, (lanes, dim), STREAM_MAX)
    _both("boom", product, multiplier, bias, 14, stream)
    _both("stream_to_int8", stream, 3108, np.zeros((lanes, dim), np.int8))
    logits = generator.integers(-300_000, 300_001, (lanes, 256)).astype(np.int32)
    rows = (np.full(256, 900, np.int32), np.zeros(256, np.int32))
    weights = _both("softmax", logits, *rows, 12, np.zeros((lanes, 256), np.int32))[-1]
    assert weights.min() >= 1
    assert (weights.max(axis=1) == 1 << 20).all()


def test_boom_is_the_papers_activation():
    product = np.linspace(-60_000, 60_000, 64).astype(np.int32).reshape(1, 64)
    stream = np.zeros((1, 64), np.int32)
    ones = np.ones(64, np.int32)
    fused.boom(product, ones, ones * 0, 0, stream)
    value = product[0] / 4096
    np.testing.assert_allclose(stream[0] / 4096, value / (1 + np.exp(-1.702 * value)), atol=0.01)
    assert np.abs(product).max() < BOOM_MAX


def test_softmax_is_a_power_of_two_of_the_logits():
    logits = np.zeros((1, 256), np.int32)
    logits[0, :4] = [0, -1024, -2048, -512]
    logits[0, 4:] = -(1 << 20)
    weights = np.zeros_like(logits)
    fused.softmax(logits, np.ones(256, np.int32), np.zeros(256, np.int32), 0, weights)
    assert weights[0, :3].tolist() == [1 << 20, 1 << 19, 1 << 18]
    assert weights[0, 3] == pytest.approx(2**19.5, rel=1e-5)
    assert (weights[0, 4:] == 1).all()


def test_tables_are_what_they_claim():
    x = (np.arange(4096) - 2048) / 256
    np.testing.assert_allclose(sigmoid_table() / 2**15, 1 / (1 + np.exp(-x)), atol=2**-15)
    v = np.arange(1024, 4096) + 0.5
    np.testing.assert_allclose(rsqrt_table(), 2**20 / np.sqrt(v), atol=1)


@jit
def _vector_products(query, memory, filled, out):
    return dot_rows(query, memory, filled, out)


@jit
def _vector_sums(weights, rows, memory, out):
    return average_rows(weights, rows, weights.shape[0], memory, memory, out)


def test_gates_are_equal_at_every_entry_of_the_table_and_beyond():
    dim = 1040
    entries = np.arange(-32, 4 * dim - 32, dtype=np.int32)
    entries[[0, -1]] = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    nothing, ones = np.zeros((4, 4 * dim), np.int32), np.ones(4 * dim, np.int32)
    for rolled in (np.roll(entries, gate * dim) for gate in range(4)):
        cell = np.linspace(-CELL_MAX, CELL_MAX, 4 * dim).astype(np.int32).reshape(4, dim)
        state = (cell, np.zeros((4, dim), np.int32), np.zeros((4, dim), np.int8))
        _both("lstm", nothing, ones, nothing, ones, rolled, 0, 65535, *state)


@pytest.mark.parametrize("value", [-127, 127])
def test_vector_products_hold_the_largest_sums(value):
    dim, rows = 1024, 8
    query, memory = np.full(dim, value, np.int8), np.full((rows, dim), 127, np.int8)
    out = np.zeros(rows, np.int32)
    done = _vector_products(query, memory, rows, out)
    assert out[:done].tolist() == [127 * value * dim] * done
    assert done in (0, rows)
    total, weights = np.zeros(dim, np.int32), np.full(4096, 127, np.uint8)
    memory[:] = value
    done = _vector_sums(weights, np.arange(4096, dtype=np.int32) % rows, memory, total)
    assert total[:done].tolist() == [127 * value * 4096] * done
    assert done in (0, dim)

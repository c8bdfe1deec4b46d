"""Compute attention on the CPU: see :mod:`.fused`."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncompress.exact.fixedpoint import ATTENTION_END, STREAM_MAX, attention_table
from nncompress.machine.dot import dot_each
from nncompress.machine.intrinsics import shift_right
from nncompress.machine.jit import jit, part

from .attention_simd import ROWS_PER_TURN, average_rows, dot_rows
from .norm import Array, clip, row_to_int8

ATTENTION = attention_table().astype(np.uint8)


@jit
def remember(
    stream: Array, eps: int, gain: Array, bias: Array, shift: int, memory: Array, slot: int
) -> None:
    """Write a layer norm of the stream into a slot of each lane's memory.

    Args:
        stream: int32 [n, d].
        eps: see :func:`~nncompress.exact.fixedpoint.norm_eps`.
        gain: int32 [d].
        bias: int32 [d].
        shift: shift after gain and bias.
        memory: int8 [n, W, d].
        slot: 0 to W - 1.
    """
    for lane in range(stream.shape[0]):
        row_to_int8(stream[lane], eps, gain, bias, shift, memory[lane, slot])


@part
def _scores(query: Array, wide: Array, memory: Array, filled: int, scores: Array) -> None:
    """Compute the products of a query, int8 [d], with the vectors of its memory.

    ``wide``, int16 [d], is scratch.
    """
    rows, whole = dot_rows(query, memory, filled, scores), query.shape[0] // 64 * 64
    # The portable loops end what is left of these rows' columns, and do the other rows.
    for i in range(query.shape[0]):
        wide[i] = query[i]
    if rows > 0 and whole < query.shape[0]:
        columns = np.empty(rows, np.int32)
        dot_each(wide[whole:], memory[:rows, whole:], columns)
        for row in range(rows):
            scores[row] += columns[row]
    dot_each(wide, memory[rows:filled], scores[rows:])


@part
def _weigh(scores: Array, multiplier: int, shift: int, weights: Array, rows: Array) -> Any:
    """Write the weights, uint8, that are not 0, and the rows they belong to, int32.

    Returns:
        The number of these weights, and their sum.
    """
    # Distances beyond the end of the table are all the same, and the cut keeps the product inside
    # 64 bits.
    end = np.int32(min((ATTENTION_END << shift) // multiplier + 1, (1 << 24)))
    rounding = np.int64(1) << shift >> 1
    largest = scores[0]
    for j in range(scores.shape[0]):
        largest = max(largest, scores[j])
    for j in range(scores.shape[0]):
        distance = np.int64(min(largest - scores[j], end)) * multiplier
        scores[j] = np.int32((distance + rounding) >> shift)
    kept = 0
    for j in range(scores.shape[0]):
        rows[kept] = j
        kept += scores[j] < ATTENTION_END
    mass = np.int64(0)
    for k in range(kept):
        weight = ATTENTION[np.uint16(scores[rows[k]])]
        weights[k] = weight
        mass += weight
    return kept, mass


@part
def _average(
    weights: Array, rows: Array, kept: int, memory: Array, coming: Array, out: Array
) -> None:
    """Compute the sum of ``kept`` memory vectors times weights.

    Two products of 127 * 127 fit in 16 bits, which halves the work. The arrays of weights and rows
    have room for ``ROWS_PER_TURN`` more, which are written.
    """
    for k in range(kept, kept + ROWS_PER_TURN):
        weights[k], rows[k] = 0, 0
    whole = average_rows(
        weights,
        rows,
        (kept + ROWS_PER_TURN - 1) // ROWS_PER_TURN * ROWS_PER_TURN,
        memory,
        coming,
        out,
    )
    rest = out[whole:]
    if rest.shape[0] == 0:
        return
    rest[:] = 0
    for k in range(0, kept, 2):
        first, second = np.int16(weights[k]), np.int16(weights[k + 1])
        row, other = memory[rows[k], whole:], memory[rows[k + 1], whole:]
        for i in range(rest.shape[0]):
            pair = np.int16(first * np.int16(row[i])) + np.int16(second * np.int16(other[i]))
            rest[i] += np.int32(np.int16(pair))


@jit
def attend(
    query: Array,
    query_multiplier: Array,
    query_bias: Array,
    query_shift: int,
    gain: Array,
    bias: Array,
    shift: int,
    memory: Array,
    eps: int,
    multiplier: int,
    score_shift: int,
    value: Array,
    value_shift: int,
    stream: Array,
    filled: int,
) -> None:
    """Add every lane's attention to its memory to its stream.

    Args:
        query: int32 [n, d], the product with the query's weight.
        query_multiplier: int32 [d].
        query_bias: int32 [d].
        query_shift: shift that makes the query Q12.
        gain: int32 [d], of the query's layer norm.
        bias: int32 [d], of the query's layer norm.
        shift: shift of the query's layer norm.
        memory: int8 [n, W, d].
        eps: see :func:`~nncompress.exact.fixedpoint.norm_eps`.
        multiplier: of the scores.
        score_shift: shift that makes the scores exponents in base 2, Q4.
        value: int32 [d], the value's scale.
        value_shift: shift that makes the averages times ``value`` Q12.
        stream: int32 [n, d], Q12; updated.
        filled: how many slots of the memory, the first ones, hold vectors.
    """
    n, d = query.shape
    projected, total = np.empty(d, np.int32), np.empty(d, np.int32)
    key, wide = np.empty(d, np.int8), np.empty(d, np.int16)
    scores = np.empty(filled, np.int32)
    weights, rows = (
        np.empty(filled + ROWS_PER_TURN, np.uint8),
        np.empty(filled + ROWS_PER_TURN, np.int32),
    )
    half = np.int32(1 << value_shift >> 1)
    for lane in range(n):
        own, product = stream[lane], query[lane]
        for i in range(d):
            raw = shift_right(product[i] * query_multiplier[i] + query_bias[i], query_shift)
            projected[i] = clip(raw, np.int32(STREAM_MAX))
        row_to_int8(projected, eps, gain, bias, shift, key)
        _scores(key, wide, memory[lane], filled, scores)
        kept, mass = _weigh(scores, multiplier, score_shift, weights, rows)
        coming = memory[min(lane + 1, n - 1)]
        _average(weights, rows, kept, memory[lane], coming, total)
        inverse = np.int64(1 << 30) // mass
        for i in range(d):
            mean = np.int32((np.int64(total[i]) * inverse + (1 << 21)) >> 22)  # Q8
            part = shift_right(mean * value[i] + half, value_shift)
            own[i] = clip(own[i] + part, np.int32(STREAM_MAX))

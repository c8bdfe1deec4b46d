"""Compute attention over an int8 memory, and the layer norms of the stream that follow it.

A program of the grid takes a row. Weights depend on the largest score, and a sum of weighted
vectors cannot be scaled afterwards to a larger one without rounding. So there are two passes over
the row's memory: the first makes all scores, which stay in registers, and the second sums the
vectors whose weight is not 0. The memory of the rows that are at work at one time fits into a GPU's
cache, so that only the first pass reads it from far.

Products are tl.dot's, of int8 with sums of 32 bits: a score is below 2**24 (:mod:`~.bounds`), and a
sum of at most 2**16 vectors times weights, each at most 127 * 127, below 2**31. A product has at
least 16 rows there; here they are all the same.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nncompress.exact.fixedpoint import ACTIVATION_MAX, ATTENTION_END, STREAM_MAX

from .arithmetic import affine_of, measure_row, normal_of, saturated
from .norms import split_row

_ACTIVATION_MAX = tl.constexpr(ACTIVATION_MAX)
_STREAM_MAX = tl.constexpr(STREAM_MAX)
_END = tl.constexpr(ATTENTION_END)
_SAME_ROWS = tl.constexpr(16)
_UNSEEN = tl.constexpr(-(1 << 30))


@triton.jit
def _query_of(query, multiplier, bias, row, column, valid, SHIFT: tl.constexpr, D: tl.constexpr):
    """Return some columns of a row's query, Q12, int32; 0 outside."""
    product = tl.load(query + row * D + column, mask=valid, other=0)
    scaled = product * tl.load(multiplier + column, mask=valid, other=0)
    value = (scaled + tl.load(bias + column, mask=valid, other=0)) >> SHIFT
    return saturated(value, _STREAM_MAX)


@triton.jit
def _weights_of(
    score, seen, powers, MULTIPLIER: tl.constexpr, SHIFT: tl.constexpr, FARTHEST: tl.constexpr
):
    """Return the weights of scores, int32, 0 to 127; of what is not seen 0."""
    score = tl.where(seen, score, _UNSEEN)
    distance = tl.minimum(tl.max(score) - score, FARTHEST).to(tl.int64)
    exponent = (distance * MULTIPLIER + (1 << SHIFT >> 1)) >> SHIFT
    weight = tl.load(powers + tl.minimum(exponent, _END)).to(tl.int32)
    return tl.where(seen, weight, 0)


@triton.jit
def attend_kernel(
    query,
    query_multiplier,
    query_bias,
    gain_key,
    bias_key,
    memory,
    slot,
    filled,
    value,
    stream,
    gain_stream,
    bias_stream,
    gain,
    bias,
    out,
    rsqrt,
    powers,
    QUERY_SHIFT: tl.constexpr,
    SHIFT_KEY: tl.constexpr,
    EPS_QUERY: tl.constexpr,
    MULTIPLIER: tl.constexpr,
    SCORE_SHIFT: tl.constexpr,
    FARTHEST: tl.constexpr,
    VALUE_SHIFT: tl.constexpr,
    EPS: tl.constexpr,
    SHIFT_STREAM: tl.constexpr,
    SHIFT: tl.constexpr,
    WINDOW: tl.constexpr,
    D: tl.constexpr,
    PLACES: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Add a row's attention to its stream, and split the stream.

    The first arguments are those of :class:`nncompress.exact.stages.Attend`. ``slot``, int64 [1],
    is the place of the newest vector of all rows, and ``filled``, int32 [n], how many of the newest
    ones are a row's own. The others are as in :class:`nncompress.exact.stages.NormSplit`.
    ``FARTHEST`` is a distance of scores from which on a weight is 0, ``PLACES`` the power of two
    that holds the window, and ``CHUNK`` how many columns are worked on at a time.
    """
    row = tl.program_id(0)
    lane = tl.arange(0, CHUNK)
    total = tl.zeros((CHUNK,), tl.int64)
    square = tl.zeros((CHUNK,), tl.int64)
    for start in range(0, D, CHUNK):
        column = start + lane
        valid = column < D
        number = _query_of(query, query_multiplier, query_bias, row, column, valid, QUERY_SHIFT, D)
        wide = number.to(tl.int64)
        total += wide
        square += wide * wide
    mean, scale, shift = measure_row(tl.sum(total), tl.sum(square), EPS_QUERY, D, rsqrt)

    place = tl.arange(0, PLACES)
    age = (tl.load(slot).to(tl.int32) + WINDOW - place) % WINDOW  # meant for places in the window
    seen = (place < WINDOW) & (age < tl.load(filled + row))
    own = memory + row.to(tl.int64) * (WINDOW * D)
    scores = tl.zeros((_SAME_ROWS, PLACES), tl.int32)
    for start in range(0, D, CHUNK):
        column = start + lane
        valid = column < D
        number = _query_of(query, query_multiplier, query_bias, row, column, valid, QUERY_SHIFT, D)
        normal = normal_of(number, mean, scale, shift)
        key = affine_of(normal, gain_key, bias_key, column, valid, SHIFT_KEY, _ACTIVATION_MAX)
        keys = tl.broadcast_to(key.to(tl.int8)[None, :], (_SAME_ROWS, CHUNK))
        vectors = tl.load(
            own + place[None, :] * D + column[:, None],
            mask=seen[None, :] & valid[:, None],
            other=0,
        )
        scores = tl.dot(keys, vectors, scores, out_dtype=tl.int32)

    score = tl.max(scores, axis=0)
    weight = _weights_of(score, seen, powers, MULTIPLIER, SCORE_SHIFT, FARTHEST)
    inverse = ((1 << 30) // tl.maximum(tl.sum(weight), 1)).to(tl.int64)
    weights = tl.broadcast_to(weight.to(tl.int8)[None, :], (_SAME_ROWS, PLACES))
    total = tl.zeros((CHUNK,), tl.int64)
    square = tl.zeros((CHUNK,), tl.int64)
    for start in range(0, D, CHUNK):
        column = start + lane
        valid = column < D
        vectors = tl.load(
            own + place[:, None] * D + column[None, :],
            mask=(weight > 0)[:, None] & valid[None, :],
            other=0,
        )
        sums = tl.max(tl.dot(weights, vectors, out_dtype=tl.int32), axis=0).to(tl.int64)
        average = (sums * inverse + (1 << 21)) >> 22  # Q8
        scaled = average * tl.load(value + column, mask=valid, other=0)
        part = (scaled + (1 << VALUE_SHIFT >> 1)) >> VALUE_SHIFT
        before = tl.load(stream + row * D + column, mask=valid, other=0)
        after = saturated(before + part, _STREAM_MAX)
        tl.store(stream + row * D + column, after.to(tl.int32), mask=valid)
        total += after
        square += after * after

    mean, scale, shift = measure_row(tl.sum(total), tl.sum(square), EPS, D, rsqrt)
    tl.debug_barrier()  # threads read what others have written
    for start in range(0, D, CHUNK):
        column = start + lane
        valid = column < D
        number = tl.load(stream + row * D + column, mask=valid, other=0)
        normal = normal_of(number, mean, scale, shift)
        split_row(
            normal,
            stream,
            gain_stream,
            bias_stream,
            gain,
            bias,
            out,
            row,
            column,
            valid,
            SHIFT_STREAM,
            SHIFT,
            D,
        )

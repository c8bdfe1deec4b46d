"""Compute a Boom layer: the product, its activation, and the sum of its chunks onto the stream."""

from __future__ import annotations

import triton
import triton.language as tl

from nncompress.exact.fixedpoint import (
    BOOM_MAX,
    GELU_MULTIPLIER,
    SIGMOID_HALF,
    STREAM_MAX,
    UNIT_BITS,
)

from .arithmetic import saturated, sigmoid_at

_BOOM_MAX = tl.constexpr(BOOM_MAX)
_GELU = tl.constexpr(GELU_MULTIPLIER)
_SIGMOID_HALF = tl.constexpr(SIGMOID_HALF)
_STREAM_MAX = tl.constexpr(STREAM_MAX)
_UNIT = tl.constexpr(UNIT_BITS)
_HALF_UNIT = tl.constexpr(1 << (UNIT_BITS - 1))


@triton.jit
def _product(
    activations,
    weight,
    row,
    row_valid,
    output,
    output_valid,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Return the product of some rows, int8 [n, D], with some outputs of a weight, int8 [N, D]."""
    sums = tl.zeros((ROWS, COLUMNS), tl.int32)
    for start in range(0, D, DEPTH):
        depth = start + tl.arange(0, DEPTH)
        inside = depth < D
        given = tl.load(
            activations + row[:, None] * D + depth[None, :],
            mask=row_valid[:, None] & inside[None, :],
            other=0,
        )
        part = tl.load(
            weight + output[None, :] * D + depth[:, None],
            mask=output_valid[None, :] & inside[:, None],
            other=0,
        )
        sums = tl.dot(given, part, sums, out_dtype=tl.int32)
    return sums


@triton.jit(do_not_specialize=["n"])
def boom_kernel(
    n,
    activations,
    weight,
    multiplier,
    bias,
    stream,
    sigmoid,
    SHIFT: tl.constexpr,
    CHUNKS: tl.constexpr,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Add a Boom layer to a tile of the stream.

    ``activations`` are its inputs, int8 [n, D], and ``weight`` is int8 [CHUNKS * D, D]; the other
    arguments are as in :class:`nncompress.exact.stages.BoomSum`.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    row_valid, column_valid = row < n, column < D
    valid = row_valid[:, None] & column_valid[None, :]
    place = stream + row[:, None] * D + column[None, :]
    total = tl.load(place, mask=valid, other=0)
    for chunk in range(CHUNKS):
        output = chunk * D + column
        product = _product(
            activations, weight, row, row_valid, output, column_valid, D, ROWS, COLUMNS, DEPTH
        )
        product *= tl.load(multiplier + output, mask=column_valid, other=0)[None, :]
        product += tl.load(bias + output, mask=column_valid, other=0)[None, :]
        value = saturated(product >> SHIFT, _BOOM_MAX)
        gate = sigmoid_at(sigmoid, ((value * _GELU + (1 << 15)) >> 16) + _SIGMOID_HALF)
        # At most 65535 times 32757 and half a unit, which is below 2**31.
        total += (value * gate + _HALF_UNIT) >> _UNIT
    tl.store(place, saturated(total, _STREAM_MAX), mask=valid)

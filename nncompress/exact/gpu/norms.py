"""Compute layer norms of the stream, and with them what else needs only a row of it.

A program of the grid takes a row, which is read once.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nncompress.exact.fixedpoint import ACTIVATION_MAX, STREAM_MAX

from .arithmetic import activation_of, affine_of, measure_row, normal_of

_ACTIVATION_MAX = tl.constexpr(ACTIVATION_MAX)
_STREAM_MAX = tl.constexpr(STREAM_MAX)


@triton.jit
def _normal(number, EPS: tl.constexpr, D: tl.constexpr, rsqrt):
    """Return a row as :func:`normal_of` does; numbers outside of it must be 0."""
    wide = number.to(tl.int64)
    mean, scale, shift = measure_row(tl.sum(wide), tl.sum(wide * wide), EPS, D, rsqrt)
    return normal_of(number, mean, scale, shift)


@triton.jit
def split_row(
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
    SHIFT_STREAM: tl.constexpr,
    SHIFT: tl.constexpr,
    D: tl.constexpr,
):
    """Write columns of a row after two norms: to the stream, and as int8 to ``out``."""
    place = row * D + column
    kept = affine_of(normal, gain_stream, bias_stream, column, valid, SHIFT_STREAM, _STREAM_MAX)
    tl.store(stream + place, kept, mask=valid)
    given = affine_of(normal, gain, bias, column, valid, SHIFT, _ACTIVATION_MAX)
    tl.store(out + place, given.to(tl.int8), mask=valid)


@triton.jit
def _ended_lstm(stream, hidden, row, column, valid, HIDDEN: tl.constexpr, D: tl.constexpr):
    """Return a row of the stream, an LSTM's output, which goes as int8 to ``hidden``, too."""
    place = row * D + column
    number = tl.load(stream + place, mask=valid, other=0)
    tl.store(hidden + place, activation_of(number, HIDDEN), mask=valid)
    return number


@triton.jit
def input_norm_kernel(
    stream,
    gain,
    bias,
    out,
    rsqrt,
    EPS: tl.constexpr,
    SHIFT: tl.constexpr,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Compute a norm to int8; arguments as in :class:`nncompress.exact.stages.NormToInt8`.

    ``WIDTH`` is the power of two that holds a row.
    """
    column = tl.arange(0, WIDTH)
    valid = column < D
    place = tl.program_id(0) * D + column
    normal = _normal(tl.load(stream + place, mask=valid, other=0), EPS, D, rsqrt)
    value = affine_of(normal, gain, bias, column, valid, SHIFT, _ACTIVATION_MAX)
    tl.store(out + place, value.to(tl.int8), mask=valid)


@triton.jit
def split_kernel(
    stream,
    hidden,
    gain_stream,
    bias_stream,
    gain,
    bias,
    out,
    rsqrt,
    HIDDEN: tl.constexpr,
    EPS: tl.constexpr,
    SHIFT_STREAM: tl.constexpr,
    SHIFT: tl.constexpr,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """End an LSTM whose output the stream is, and split the stream.

    Writes the output as int8 to ``hidden``, scaled by ``HIDDEN``. The other arguments are as in
    :class:`nncompress.exact.stages.NormSplit`.
    """
    row = tl.program_id(0)
    column = tl.arange(0, WIDTH)
    valid = column < D
    number = _ended_lstm(stream, hidden, row, column, valid, HIDDEN, D)
    normal = _normal(number, EPS, D, rsqrt)
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


@triton.jit
def remember_kernel(
    stream,
    hidden,
    gain_memory,
    bias_memory,
    memory,
    slot,
    gain_stream,
    bias_stream,
    gain,
    bias,
    out,
    rsqrt,
    HIDDEN: tl.constexpr,
    EPS: tl.constexpr,
    SHIFT_MEMORY: tl.constexpr,
    SHIFT_STREAM: tl.constexpr,
    SHIFT: tl.constexpr,
    WINDOW: tl.constexpr,
    D: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """End an LSTM, write the memory's new vector, and split the stream: three norms in one.

    The arguments are those of :func:`split_kernel`, and of
    :class:`nncompress.exact.stages.Remember`; ``slot``, int64 [1], is where in the memory the
    vector goes.
    """
    row = tl.program_id(0)
    column = tl.arange(0, WIDTH)
    valid = column < D
    number = _ended_lstm(stream, hidden, row, column, valid, HIDDEN, D)
    normal = _normal(number, EPS, D, rsqrt)
    vector = affine_of(
        normal, gain_memory, bias_memory, column, valid, SHIFT_MEMORY, _ACTIVATION_MAX
    )
    line = (row.to(tl.int64) * WINDOW + tl.load(slot)) * D
    tl.store(memory + line + column, vector.to(tl.int8), mask=valid)
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

"""Hold what several kernels share: saturation, sigmoids, layer norms, and a step of the LSTM.

All of it is integer arithmetic, of 64 bits where 32 do not hold it. Triton's division cuts towards
zero, so that whatever is divided here is made positive first; its shift to the right rounds towards
minus infinity, as the network's does. Functions of one row have no masks of their own: what is
loaded outside of a row is 0.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    CELL_MAX,
    CELL_SHIFT,
    HIDDEN_SHIFT,
    SIGMOID_HALF,
    UNIT_BITS,
)

_ACTIVATION_MAX = tl.constexpr(ACTIVATION_MAX)
_CELL_MAX = tl.constexpr(CELL_MAX)
_CELL_SHIFT = tl.constexpr(CELL_SHIFT)
_CELL_ROUNDING = tl.constexpr(1 << (CELL_SHIFT - 1))
_HIDDEN_SHIFT = tl.constexpr(HIDDEN_SHIFT)
_HIDDEN_ROUNDING = tl.constexpr(1 << (HIDDEN_SHIFT - 1))
_SIGMOID_HALF = tl.constexpr(SIGMOID_HALF)
_SIGMOID_TOP = tl.constexpr(2 * SIGMOID_HALF - 1)
_UNIT = tl.constexpr(UNIT_BITS)
_ONE = tl.constexpr(1 << UNIT_BITS)
_HALF_UNIT = tl.constexpr(1 << (UNIT_BITS - 1))
_LIFT = tl.constexpr(1 << 21)  # added to it, every mean of a row is positive
_RSQRT_FIRST = tl.constexpr(1024)
_RSQRT_END = tl.constexpr(4096)


@triton.jit
def saturated(value, TOP: tl.constexpr):
    """Return ``value``, cut to the range from ``-TOP`` to ``TOP``."""
    return tl.minimum(tl.maximum(value, -TOP), TOP)


@triton.jit
def sigmoid_at(table, index):
    """Look up sigmoids, Q15, int32; ``index`` saturates at the ends of the table."""
    return tl.load(table + tl.minimum(tl.maximum(index, 0), _SIGMOID_TOP)).to(tl.int32)


@triton.jit
def activation_of(value, MULTIPLIER: tl.constexpr):
    """Turn numbers, int32, into int8 activations; see HIDDEN_SHIFT."""
    scaled = (value.to(tl.int64) * MULTIPLIER + _HIDDEN_ROUNDING) >> _HIDDEN_SHIFT
    return saturated(scaled, _ACTIVATION_MAX).to(tl.int8)


@triton.jit
def measure_row(total, square, EPS: tl.constexpr, D: tl.constexpr, rsqrt):
    """Return what :func:`normal_of` needs of a row of D numbers: mean, scale and shift, int64.

    ``total`` and ``square`` are the sums, int64, of the numbers and of their squares. The sum of
    squares of (x - mean) is that of x, less mean * (2 * total - D * mean): exact in 64 bits.
    """
    mean = (total + D // 2 + D * _LIFT) // D - _LIFT
    square += EPS - mean * (2 * total - D * mean)
    half = total * 0
    for power in tl.static_range(5):  # the least half with square >> 2 * half below the table's end
        left = square >> (2 * (half + (16 >> power) - 1))
        half += (left >= _RSQRT_END).to(tl.int64) << (4 - power)
    scale = tl.load(rsqrt + ((square >> (2 * half)) - _RSQRT_FIRST)).to(tl.int64)
    return mean, scale, half + 5


@triton.jit
def normal_of(number, mean, scale, shift):
    """Return a row's numbers, int32, centred and divided by its length: Q15, int32."""
    product = (number.to(tl.int64) - mean) * scale
    return ((product + (tl.cast(1, tl.int64) << (shift - 1))) >> shift).to(tl.int32)


@triton.jit
def affine_of(normal, gain, bias, column, valid, SHIFT: tl.constexpr, TOP: tl.constexpr):
    """Return the end of a layer norm for some columns of a row, int32."""
    scaled = normal * tl.load(gain + column, mask=valid, other=0)
    value = (scaled + tl.load(bias + column, mask=valid, other=0)) >> SHIFT
    return saturated(value, TOP)


@triton.jit
def lstm_cell(write, keep, candidate, show, cell, sigmoid):
    """Return the new cell, Q16, and the output, Q15, of gates that are indices of sigmoids."""
    kept = sigmoid_at(sigmoid, keep).to(tl.int64) * cell
    shown = 2 * sigmoid_at(sigmoid, candidate) - _ONE
    added = sigmoid_at(sigmoid, write).to(tl.int64) * shown
    new = saturated((kept + 2 * added + _HALF_UNIT) >> _UNIT, _CELL_MAX).to(tl.int32)
    tanh = 2 * sigmoid_at(sigmoid, ((new + _CELL_ROUNDING) >> _CELL_SHIFT) + _SIGMOID_HALF) - _ONE
    # Both factors are at most 2**15, so their product stays inside 32 bits.
    return new, (sigmoid_at(sigmoid, show) * tanh + _HALF_UNIT) >> _UNIT

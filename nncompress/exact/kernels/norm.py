"""Compute layer norms on the CPU: see :mod:`.fused`."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncompress.exact.fixedpoint import ACTIVATION_MAX, STREAM_MAX, rsqrt_table
from nncompress.machine.intrinsics import bit_length, shift_right
from nncompress.machine.jit import jit, part

Array = Any  # numpy arrays here; numba infers the types it compiles for

RSQRT = rsqrt_table()

_LOW = 6  # bits of a centred number that are multiplied apart, to stay inside 32 bits
_LOW_MASK = (1 << _LOW) - 1


@part
def clip(value: Any, top: Any) -> Any:
    """Return ``value``, cut to the range from ``-top`` to ``top``."""
    return min(max(value, -top), top)


@part
def _measure(row: Array, eps: int) -> Any:
    """Return what :func:`_normal` needs of a row, int32 [d] up to STREAM_MAX: mean, scale, shift.

    The sum of squares of (x - mean) is that of x, less mean * (2 * total - d * mean): exact in 64
    bits, and the row is read once.
    """
    d = row.shape[0]
    total, square = np.int64(0), np.int64(0)
    for i in range(d):
        number = np.int64(row[i])
        total += number
        square += number * number
    mean = (total + d // 2) // d
    square += eps - mean * (2 * total - d * mean)
    half = max(bit_length(square) - 11, 0) >> 1  # the least with square >> 2 * half below 4096
    scale, shift = RSQRT[(square >> (2 * half)) - 1024], half + 5
    if shift < _LOW:  # the whole row is below 2**6
        scale, shift = 2 * scale, shift + 1
    return np.int32(mean), np.int32(scale), np.int32(shift)


@part
def _normal(number: int, mean: int, scale: int, shift: int) -> Any:
    """Return (number - mean) * scale >> shift, rounded: Q15.

    This stays inside 32 bits, though the product has 36. A centred number is below 2**21 and the
    scale below 2**15. The number is taken as high * 2**6 + low: high * scale is below 2**30, and
    low * scale below 2**21; what the second leaves below 2**6 cannot change the floor.
    """
    # numba's sums of int32 have 64 bits; cut, LLVM does them in 32.
    centred = np.int32(number - mean)
    low = np.int32(np.int32(centred & np.int32(_LOW_MASK)) * scale + np.int32(1 << (shift - 1)))
    high = np.int32(shift_right(centred, _LOW) * scale)
    return shift_right(high + shift_right(low, _LOW), shift - _LOW)


@part
def _affine(normal: int, gain: int, bias: int, shift: int, top: int) -> Any:
    return clip(shift_right(normal * gain + bias, shift), np.int32(top))


@part
def row_to_int8(row: Array, eps: int, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Compute the layer norm of one row, int32 [d], to int8 [d]; see :func:`norm_to_int8`."""
    mean, scale, reach = _measure(row, eps)
    for i in range(row.shape[0]):
        normal = _normal(row[i], mean, scale, reach)
        out[i] = _affine(normal, gain[i], bias[i], shift, ACTIVATION_MAX)


@jit
def norm_to_int8(stream: Array, eps: int, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Compute a layer norm of the stream.

    Args:
        stream: int32 [n, d].
        eps: see :func:`~nncompress.exact.fixedpoint.norm_eps`.
        gain: int32 [d].
        bias: int32 [d].
        shift: shift after gain and bias.
        out: int8 [n, d], written.
    """
    for lane in range(stream.shape[0]):
        row_to_int8(stream[lane], eps, gain, bias, shift, out[lane])


@jit
def norm_split(
    stream: Array,
    eps: int,
    gain_stream: Array,
    bias_stream: Array,
    shift_stream: int,
    gain: Array,
    bias: Array,
    shift: int,
    out: Array,
) -> None:
    """Compute two layer norms of one stream, of which the first replaces it.

    Args:
        stream: int32 [n, d]; replaced, Q12.
        eps: see :func:`~nncompress.exact.fixedpoint.norm_eps`.
        gain_stream: int32 [d], of the first layer norm.
        bias_stream: int32 [d].
        shift_stream: shift after them.
        gain: int32 [d], of the other.
        bias: int32 [d].
        shift: shift after them.
        out: int8 [n, d], the other; written.
    """
    for lane in range(stream.shape[0]):
        row, given = stream[lane], out[lane]
        mean, scale, reach = _measure(row, eps)
        for i in range(row.shape[0]):
            normal = _normal(row[i], mean, scale, reach)
            row[i] = _affine(normal, gain_stream[i], bias_stream[i], shift_stream, STREAM_MAX)
            given[i] = _affine(normal, gain[i], bias[i], shift, ACTIVATION_MAX)

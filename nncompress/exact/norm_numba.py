"""Layer norms for the CPU: see :mod:`.kernels_numba`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit import jit
from .fixedpoint import ACTIVATION_MAX, STREAM_MAX, rsqrt_table
from .intrinsics import bit_length, shift_right

Array = Any  # numpy arrays here; numba infers the types it compiles for

RSQRT = rsqrt_table()

_LOW = 6  # bits of a centred number that are multiplied apart, to stay inside 32 bits


@jit
def clip(value: Any, top: Any) -> Any:
    """``value`` cut to the range from -``top`` to ``top``."""
    return min(max(value, -top), top)


@jit
def normalise(row: Array, eps: int, out: Array) -> None:
    """Centre ``row`` and divide it by its Euclidean length: int32 [d], up to STREAM_MAX, to Q15 int32 [d].

    ``out`` may be ``row``.
    """
    d = row.shape[0]
    total = np.int64(0)
    for i in range(d):
        total += row[i]
    mean = np.int32((total + d // 2) // d)
    square = np.int64(0)
    for i in range(d):
        centred = row[i] - mean
        square += np.int64(centred) * np.int64(centred)
        out[i] = centred
    square += eps
    half = max(bit_length(square) - 11, 0) >> 1  # the least with square >> 2 * half below 4096
    scale = np.int32(RSQRT[(square >> (2 * half)) - 1024])
    _divide(out, scale, np.int32(half + 5))


@jit
def _divide(row: Array, scale: int, shift: int) -> None:
    """``row * scale >> shift``, rounded, in place, inside 32 bits though the product has 36.

    A centred number is below 2**21 and the scale below 2**15. With a shift of 5 the whole row was below 2**6. Else the
    number is taken as high * 2**6 + low: high * scale is below 2**30, and low * scale below 2**21; what the second
    leaves below 2**6 cannot change the floor.
    """
    rounding = np.int32(1 << (shift - 1))
    if shift < _LOW:
        for i in range(row.shape[0]):
            row[i] = shift_right(row[i] * scale + rounding, shift)
        return
    rest = shift - np.int32(_LOW)
    for i in range(row.shape[0]):
        low = (row[i] & np.int32((1 << _LOW) - 1)) * scale + rounding
        row[i] = shift_right(shift_right(row[i], _LOW) * scale + shift_right(low, _LOW), rest)


@jit
def affine8(normal: Array, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Gain and bias of a layer norm, to the range of int8."""
    for i in range(normal.shape[0]):
        value = shift_right(normal[i] * gain[i] + bias[i], shift)
        out[i] = clip(value, np.int32(ACTIVATION_MAX))


@jit
def affine_stream(normal: Array, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Gain and bias of a layer norm, to the stream's range."""
    for i in range(normal.shape[0]):
        value = shift_right(normal[i] * gain[i] + bias[i], shift)
        out[i] = clip(value, np.int32(STREAM_MAX))


@jit
def norm_to_int8(stream: Array, eps: int, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Layer norm of the stream, int32 [n, d], to int8 [n, d]."""
    normal = np.empty(stream.shape[1], np.int32)
    for lane in range(stream.shape[0]):
        normalise(stream[lane], eps, normal)
        affine8(normal, gain, bias, shift, out[lane])


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
    """Two layer norms of one stream, int32 [n, d]: the first replaces it (Q12), the other goes to int8 [n, d]."""
    normal = np.empty(stream.shape[1], np.int32)
    for lane in range(stream.shape[0]):
        normalise(stream[lane], eps, normal)
        affine_stream(normal, gain_stream, bias_stream, shift_stream, stream[lane])
        affine8(normal, gain, bias, shift, out[lane])

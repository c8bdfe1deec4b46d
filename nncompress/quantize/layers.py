"""Round single layers to integers: a weight matrix, a linear layer, a layer norm's gain and bias.

Integers count in units: a number n that counts in 1 / ``unit`` stands for n / ``unit``, and one
that counts in ``scale`` for n * ``scale``. Everything gets the finest scale at which its sums still
fit 32 bits. A row's scale is chosen so that the integer multiplier which undoes it is exact; only
the weights are rounded, with regard to the inputs of a calibration text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from nncompress.exact.bounds import INT32_MAX
from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    HIDDEN_SHIFT,
    NORM_BITS,
    NORM_MAX,
    SIGMOID_BITS,
    WEIGHT_MAX,
)
from nncompress.exact.parts import Affine, Int8, Int32, Linear

from .gptq import Float, error_spread, round_weights

Made = TypeVar("Made")


class Matrix:
    """A weight matrix that waits for the scales of its rows.

    Args:
        weight: float64 [N, K].
        moments: sums of x x^T over many inputs x that it multiplies, [K, K].
    """

    def __init__(self, weight: Float, moments: Float) -> None:
        self._weight, self._spread = weight, error_spread(moments)
        self._peak = np.abs(weight).max(axis=1)

    def rows(self, unit: float, careful: bool) -> tuple[Int8, Int32, Float]:
        """Round the matrix so that weight * unit is nearly whole * multiplier, row by row.

        Args:
            unit: what a 1 in the weight counts as.
            careful: whether to round with regard to the inputs, which takes a second, rather than
                to the nearest.

        Returns:
            The whole weights, int8 [N, K]; each row's multiplier, int32 [N]; and the largest
            magnitude that each row's sum can reach, float64 [N].
        """
        multiplier = np.maximum(1, np.ceil(self._peak / WEIGHT_MAX * unit))
        scaled = self._weight * unit / multiplier[:, None]
        whole = round_weights(scaled, self._spread) if careful else np.rint(scaled).astype(np.int8)
        reach = np.abs(whole.astype(np.float64)).sum(axis=1) * ACTIVATION_MAX * multiplier
        return whole, to_int32(multiplier), reach


def to_int32(numbers: Float) -> Int32:
    """Convert whole numbers to int32.

    Those that do not fit are refused by what their sums reach; cutting them off keeps this defined.
    """
    return np.clip(numbers, -INT32_MAX, INT32_MAX).astype(np.int32)


def finest(shifts: range, make: Callable[[int, bool], tuple[Float, Made]]) -> Made:
    """Make a part with the first of some shifts at which its sums fit 32 bits.

    Args:
        shifts: those to try, the finest first.
        make: takes a shift, and whether to round with care; returns what the sums reach, and the
            part.

    Raises:
        ValueError: the sums fit with none of the shifts.
    """
    for shift in shifts:
        if make(shift, False)[0].max() <= INT32_MAX:
            reach, made = make(shift, True)
            if reach.max() <= INT32_MAX:
                return made
    raise ValueError("weights are too large for 32-bit sums")


def linear(weight: Float, bias: Float, moments: Float, scale: float, unit: float) -> Linear:
    """Round a linear layer.

    Args:
        weight: [N, K].
        bias: [N].
        moments: sums of x x^T over many inputs x, [K, K].
        scale: what inputs count in.
        unit: outputs count in 1 / ``unit``.

    Raises:
        ValueError: the weights are too large for 32-bit sums.
    """
    matrix = Matrix(weight, moments)

    def make(shift: int, careful: bool) -> tuple[Float, Linear]:
        whole, multiplier, reach = matrix.rows(scale * unit * 2.0**shift, careful)
        offset = np.rint(bias * unit * 2.0**shift) + (1 << shift >> 1)
        return reach + np.abs(offset), Linear(whole, multiplier, to_int32(offset), shift)

    return finest(range(30, -1, -1), make)


def affine(gain: Float, bias: Float, unit: float) -> Affine:
    """Round a layer norm's gain and bias.

    Args:
        gain: [d].
        bias: [d].
        unit: outputs count in 1 / ``unit``.

    Raises:
        ValueError: the gain is too large for 32-bit sums.
    """
    gain = gain * (math.sqrt(gain.size) * unit / (1 << NORM_BITS))
    bias = bias * unit
    for shift in range(30, -1, -1):
        whole = np.rint(gain * 2.0**shift)
        offset = np.rint(bias * 2.0**shift) + (1 << shift >> 1)
        if (np.abs(whole) * NORM_MAX + np.abs(offset)).max() <= INT32_MAX:
            return Affine(whole.astype(np.int32), offset.astype(np.int32), shift)
    raise ValueError("a layer norm's gain is too large for 32-bit sums")


def round_scale(scale: float, bits: int) -> int:
    """Return the multiplier that takes a Q``bits`` value to an int8 activation of about a scale."""
    return min(max(1, round(2.0 ** (HIDDEN_SHIFT - bits) / scale)), (1 << 16) - 1)


def real_scale(multiplier: int, bits: int) -> float:
    """Return what one step of an int8 activation stands for; undoes :func:`round_scale`."""
    return 2.0 ** (HIDDEN_SHIFT - bits) / multiplier


def gate_units(rows: int) -> Float:
    """Return what a 1 in each of an LSTM's gates counts as an argument of the sigmoid table.

    Args:
        rows: number of gates, 4d.

    Returns:
        float64 [4d].
    """
    unit = np.full(rows, float(1 << SIGMOID_BITS))
    unit[rows // 2 : rows // 4 * 3] *= 2  # tanh(x) is 2 sigmoid(2 x) - 1
    return unit

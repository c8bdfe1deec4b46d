"""Round weights so that their errors cancel, with GPTQ.

What counts is not how far a weight moves but how far a row's products with the inputs do. Columns
are rounded one after the other, and what each rounding does to the products is compensated, as far
as the inputs are correlated, in the columns that are still to come (algorithm 1; section 3.3, steps
1 and 3).

Source: E. Frantar et al. 2022, https://arxiv.org/abs/2210.17323.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.fixedpoint import WEIGHT_MAX

DAMPING = 0.01
"""This share of the mean of the moments' diagonal is added to the diagonal.

Inputs that hardly vary must not carry large corrections."""

Float = NDArray[np.float64]


def error_spread(moments: Float) -> Float:
    """Compute how the rounding error of a column is spread over the columns after it.

    Args:
        moments: sums of x x^T over many inputs x, [K, K]; all zeros spread nothing.

    Returns:
        An upper triangular matrix [K, K], for :func:`round_weights`.
    """
    count = len(moments)
    damping = DAMPING * np.trace(moments) / count or 1.0
    inverse = np.linalg.inv(moments + damping * np.eye(count))
    spread: Float = np.linalg.cholesky(inverse).T
    return spread


def round_weights(weights: Float, spread: Float) -> NDArray[np.int8]:
    """Round weights to whole numbers.

    Args:
        weights: [N, K]; inputs are multiplied by its rows.
        spread: what :func:`error_spread` made of the inputs' moments, [K, K].

    Returns:
        int8 [N, K], each -``WEIGHT_MAX`` to ``WEIGHT_MAX``.
    """
    left, whole = weights.copy(), np.empty(weights.shape, np.int8)
    for column in range(weights.shape[1]):
        rounded = np.clip(np.rint(left[:, column]), -WEIGHT_MAX, WEIGHT_MAX)
        error = (left[:, column] - rounded) / spread[column, column]
        left[:, column + 1 :] -= error[:, None] * spread[column, column + 1 :]
        whole[:, column] = rounded
    return whole

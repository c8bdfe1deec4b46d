"""Rounding of weights so that their errors cancel: GPTQ (Frantar et al. 2022, https://arxiv.org/abs/2210.17323).

What counts is not how far a weight moves but how far a row's products with the inputs do. Columns are rounded one after
the other, and what each rounding does to the products is made good, as far as the inputs go together, in the columns
that are still to come (algorithm 1; section 3.3, steps 1 and 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.fixedpoint import WEIGHT_MAX

DAMPING = 0.01
"""Of the mean of the moments' diagonal, added to it: inputs that hardly vary must not carry large corrections."""

Float = NDArray[np.float64]


def error_spread(moments: Float) -> Float:
    """How the error of a column is spread over those after it, upper triangular [K, K].

    moments: sums of x x^T over many inputs x, [K, K]; all zeros spread nothing.
    """
    count = len(moments)
    damping = DAMPING * np.trace(moments) / count or 1.0
    inverse = np.linalg.inv(moments + damping * np.eye(count))
    spread: Float = np.linalg.cholesky(inverse).T
    return spread


def round_weights(weights: Float, spread: Float) -> NDArray[np.int8]:
    """Whole numbers of at most ``WEIGHT_MAX`` for weights, [N, K], by whose rows the inputs are multiplied."""
    left, whole = weights.copy(), np.empty(weights.shape, np.int8)
    for column in range(weights.shape[1]):
        rounded = np.clip(np.rint(left[:, column]), -WEIGHT_MAX, WEIGHT_MAX)
        error = (left[:, column] - rounded) / spread[column, column]
        left[:, column + 1 :] -= error[:, None] * spread[column, column + 1 :]
        whole[:, column] = rounded
    return whole

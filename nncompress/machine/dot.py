"""Multiply a vector by rows that change from step to step, on any CPU.

Such rows are not worth packing as :mod:`.int8` packs weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import part


@part
def dot_each(vector: Any, rows: Any, out: Any) -> None:
    """Compute the products of a vector with each row of a matrix.

    With more in the inner loop LLVM loses the instruction that it finds for this on x86, vpmaddwd.

    Args:
        vector: int16 [K].
        rows: int8 [N, K].
        out: int32 [N], written.
    """
    for j in range(rows.shape[0]):
        row = rows[j]
        total = np.int32(0)
        for i in range(vector.shape[0]):
            total += np.int32(vector[i]) * np.int32(row[i])
        out[j] = total

"""Products of a vector with rows that change from step to step, so that there is nothing to pack; on any CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import jit


@jit
def dot_each(vector: Any, rows: Any, out: Any) -> None:
    """Products of a vector, int16 [K], with each row of an int8 matrix [N, K], to int32 [N].

    With more in the inner loop LLVM loses the instruction that it finds for this on x86, vpmaddwd.
    """
    for j in range(rows.shape[0]):
        row = rows[j]
        total = np.int32(0)
        for i in range(vector.shape[0]):
            total += np.int32(vector[i]) * np.int32(row[i])
        out[j] = total

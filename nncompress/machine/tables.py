"""Arrays that compiled functions find by their addresses.

To unpack an array at every call costs numba 0.3 us. A function that is called often is therefore given one table of
addresses and lengths, and opens what it names itself. Nothing checks types or bounds there, and a table is of use as
long as the arrays live.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.np.numpy_support import carray

from .intrinsics import pointer
from .jit import inline

COLUMNS = 4
"""Of a table: an address, and the lengths of up to three axes. A number stands in the first."""


def describe(values: Iterable[npt.NDArray[Any] | int]) -> npt.NDArray[np.int64]:
    """Return the table of arrays and numbers, int64 [values, COLUMNS]; ``ValueError`` for an array with gaps."""
    rows = []
    for value in values:
        row = [value]
        if isinstance(value, np.ndarray):
            if not value.flags.c_contiguous or value.ndim >= COLUMNS:
                raise ValueError("only whole arrays of up to three axes have one address")
            row = [value.ctypes.data, *value.shape]
        rows.append(row + [0] * (COLUMNS - len(row)))
    return np.array(rows, np.int64)


@inline
def vector(table, row, dtype):
    """Open an array of one axis."""
    return carray(pointer(table[row, 0]), (table[row, 1],), dtype)


@inline
def matrix(table, row, dtype):
    """Open an array of two axes."""
    return carray(pointer(table[row, 0]), (table[row, 1], table[row, 2]), dtype)


@inline
def cube(table, row, dtype):
    """Open an array of three axes."""
    return carray(pointer(table[row, 0]), (table[row, 1], table[row, 2], table[row, 3]), dtype)

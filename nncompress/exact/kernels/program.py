"""The stages of :mod:`.stages`, compiled: a whole step of the network is one call of a compiled function.

A thread that calls every kernel from Python takes Python's lock some 35 times a step, and to unpack what they are given
takes longer than some of them. Here all of it is a table of addresses: a page a stage, whose first row has the stage's
number, and the others its arguments in the order of :mod:`.stages`, products as those of
:func:`~nncompress.machine.int8.multiply`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.stages import Recipe
from nncompress.machine.int8 import multiply
from nncompress.machine.jit import inline, jit
from nncompress.machine.tables import COLUMNS, cube, describe, matrix, vector

from . import fused as kernels

STAGES = ("recur_first", "recur", "attend", "widen", "predict")
RECUR_FIRST, RECUR, ATTEND, WIDEN, PREDICT = range(len(STAGES))

Page = Any  # int64 [arguments, COLUMNS]; numba infers the types it compiles for


class Program:
    """A recipe as a table, int64 [stages, rows, COLUMNS]; calling it takes a step."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe  # keeps the arrays alive
        pages = [describe([STAGES.index(name), *_flat(values)]) for name, values in recipe]
        self.table = np.zeros((len(pages), max(map(len, pages)), COLUMNS), np.int64)
        for own, page in zip(self.table, pages, strict=True):
            own[: len(page)] = page

    def __call__(self, slot: int, filled: int) -> None:
        """Take a step; the numbers are those of :func:`run`."""
        run(self.table, slot, filled)


def _flat(values: Any) -> Iterator[NDArray[Any] | int]:
    for value in values:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


@inline
def _product(page: Page, row: int) -> None:
    multiply(
        matrix(page, row, np.int8),
        vector(page, row + 1, np.uint8),
        vector(page, row + 2, np.int32),
        matrix(page, row + 3, np.int32),
        page[row + 4, 0],
    )


@inline
def _affine(page: Page, row: int) -> Any:
    """Return gain or multiplier, bias and shift."""
    return vector(page, row, np.int32), vector(page, row + 1, np.int32), page[row + 2, 0]


@inline
def _cell(page: Page, row: int) -> Any:
    """Return what both kinds of LSTM end with."""
    multiplier, bias, shift = _affine(page, row + 1)
    return (
        matrix(page, row, np.int32),
        multiplier,
        bias,
        shift,
        page[row + 4, 0],
        matrix(page, row + 5, np.int32),
        matrix(page, row + 6, np.int32),
        matrix(page, row + 7, np.int8),
    )


@inline
def _recur_first(page: Page) -> None:
    _product(page, 0)
    symbols, table = vector(page, 5, np.uint8), matrix(page, 6, np.int16)
    kernels.lstm_first(symbols, table, page[7, 0], *_cell(page, 8))


@inline
def _recur(page: Page) -> None:
    stream, out = matrix(page, 0, np.int32), matrix(page, 5, np.int8)
    kernels.norm_to_int8(stream, page[1, 0], *_affine(page, 2), out)
    _product(page, 6)
    _product(page, 11)
    inputs, multiplier = matrix(page, 16, np.int32), vector(page, 17, np.int32)
    kernels.lstm(inputs, multiplier, *_cell(page, 18))


@inline
def _norm_split(page: Page, row: int) -> None:
    stream, out = matrix(page, row, np.int32), matrix(page, row + 8, np.int8)
    first, second = _affine(page, row + 2), _affine(page, row + 5)
    kernels.norm_split(stream, page[row + 1, 0], *first, *second, out)


@inline
def _attend(page: Page, slot: int, filled: int) -> None:
    stream, memory = matrix(page, 0, np.int32), cube(page, 5, np.int8)
    kernels.remember(stream, page[1, 0], *_affine(page, 2), memory, slot)
    _norm_split(page, 6)
    _product(page, 15)
    kernels.attend(
        matrix(page, 20, np.int32),
        *_affine(page, 21),
        *_affine(page, 24),
        memory,
        page[28, 0],
        page[29, 0],
        page[30, 0],
        vector(page, 31, np.int32),
        page[32, 0],
        stream,
        filled,
    )


@inline
def _widen(page: Page) -> None:
    _norm_split(page, 0)
    _product(page, 9)
    wide, stream = matrix(page, 14, np.int32), matrix(page, 18, np.int32)
    kernels.boom(wide, *_affine(page, 15), stream)


@inline
def _predict(page: Page) -> None:
    kernels.stream_to_int8(matrix(page, 0, np.int32), page[1, 0], matrix(page, 2, np.int8))
    _product(page, 3)
    product, weights = matrix(page, 8, np.int32), matrix(page, 12, np.int32)
    kernels.softmax(product, *_affine(page, 9), weights)


@jit
def run(table: Any, slot: int, filled: int) -> None:
    """Take a step: the memories have ``filled`` vectors, with the one of this step in ``slot``."""
    for stage in range(table.shape[0]):
        kind, page = table[stage, 0, 0], table[stage, 1:]
        if kind == RECUR_FIRST:
            _recur_first(page)
        elif kind == RECUR:
            _recur(page)
        elif kind == ATTEND:
            _attend(page, slot, filled)
        elif kind == WIDEN:
            _widen(page)
        else:
            _predict(page)

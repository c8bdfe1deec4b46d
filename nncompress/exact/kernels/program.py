"""Run a whole step of the network as one call of a compiled function.

A thread that calls every kernel from Python takes Python's lock some 35 times a step, and to unpack
their arguments takes longer than some of them. Here the stages of :mod:`nncompress.exact.stages`
are tables of addresses (:mod:`nncompress.machine.tables`), one page a stage: the page's first row
holds the stage's number, the rows after it the stage's table.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.stages import (
    STAGES,
    AttendStage,
    BoomStage,
    PredictStage,
    Recipe,
    RecurFirstStage,
    RecurStage,
)
from nncompress.machine.calls import address_of
from nncompress.machine.int8 import multiply
from nncompress.machine.jit import inline, jit
from nncompress.machine.tables import COLUMNS, Schema

from . import fused

Page = Any  # int64 [rows, COLUMNS]; numba infers the types it compiles for

SCHEMAS = {stage: Schema(cast(Any, stage)) for stage in STAGES}
RECUR_FIRST, RECUR, ATTEND, BOOM, PREDICT = range(len(STAGES))

_open_recur_first = SCHEMAS[RecurFirstStage].opener()
_open_recur = SCHEMAS[RecurStage].opener()
_open_attend = SCHEMAS[AttendStage].opener()
_open_boom = SCHEMAS[BoomStage].opener()
_open_predict = SCHEMAS[PredictStage].opener()


class Pages(NamedTuple):
    """The tables of a recipe's stages, int64 [stages, rows, COLUMNS]."""

    pages: Annotated[NDArray[np.int64], 3]


PAGES = Schema(Pages)
_open_pages = PAGES.opener()


class Program:
    """A recipe as tables; calling it takes a step.

    Attributes:
        table: of :class:`Pages`, int64 [1, COLUMNS].
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe  # keeps the arrays alive
        tables = [SCHEMAS[type(stage)].fill(cast(Any, stage)) for stage in recipe]
        self._pages = np.zeros((len(tables), 1 + max(map(len, tables)), COLUMNS), np.int64)
        for page, stage, table in zip(self._pages, recipe, tables, strict=True):
            page[0, 0] = STAGES.index(type(stage))
            page[1 : 1 + len(table)] = table
        self.table = PAGES.fill(Pages(self._pages))

    def __call__(self, slot: int, filled: int) -> None:
        """Take a step; the numbers are those of :func:`run_program`."""
        run_program(self.table.ctypes.data, slot, filled)


def address_of_run_program() -> int:
    """Return where the machine code of :func:`run_program` is, for compiled callers."""
    return address_of(run_program, 3)


@inline
def _recur_first(page: Page) -> None:
    stage = _open_recur_first(page)
    multiply(*stage.recurrent)
    fused.lstm_first(*stage.lstm)


@inline
def _recur(page: Page) -> None:
    stage = _open_recur(page)
    fused.norm_to_int8(*stage.norm)
    multiply(*stage.inputs)
    multiply(*stage.recurrent)
    fused.lstm(*stage.lstm)


@inline
def _attend(page: Page, slot: int, filled: int) -> None:
    stage = _open_attend(page)
    fused.remember(*stage.remember, slot)
    fused.norm_split(*stage.norm)
    multiply(*stage.query)
    fused.attend(*stage.attend, filled)


@inline
def _boom(page: Page) -> None:
    stage = _open_boom(page)
    fused.norm_split(*stage.norm)
    multiply(*stage.product)
    fused.boom(*stage.boom)


@inline
def _predict(page: Page) -> None:
    stage = _open_predict(page)
    fused.stream_to_int8(*stage.norm)
    multiply(*stage.product)
    fused.softmax(*stage.softmax)


@jit
def run_program(table: int, slot: int, filled: int) -> Any:
    """Take a step: what :func:`nncompress.exact.stages.run_stages` does, compiled.

    Args:
        table: address of the table of a :class:`Program`.
        slot: where in the memories this step's vector goes.
        filled: how many vectors the memories hold then.

    Returns:
        1.
    """
    pages = _open_pages(table).pages
    for number in range(pages.shape[0]):
        stage, page = pages[number, 0, 0], pages[number, 1:]
        if stage == RECUR_FIRST:
            _recur_first(page)
        elif stage == RECUR:
            _recur(page)
        elif stage == ATTEND:
            _attend(page, slot, filled)
        elif stage == BOOM:
            _boom(page)
        else:
            _predict(page)
    return np.int64(1)

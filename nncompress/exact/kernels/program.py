"""Run a whole step of the network as one call of a compiled function.

A thread that calls every kernel from Python takes Python's lock some 35 times a step, and to unpack
their arguments takes longer than some of them. Here the stages of :mod:`nncompress.exact.stages`
are tables of addresses (:mod:`nncompress.machine.tables`), one page a stage: the page's first row
holds the stage's number, the rows after it the stage's table.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from nncompress.exact.stages import (
    STAGES,
    AttendStage,
    BoomStage,
    PredictStage,
    Recipe,
    RecurFirstStage,
    RecurStage,
)
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


class Program:
    """A recipe as tables; calling it takes a step.

    Attributes:
        pages: int64 [stages, rows, COLUMNS].
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe  # keeps the arrays alive
        tables = [SCHEMAS[type(stage)].fill(cast(Any, stage)) for stage in recipe]
        self.pages = np.zeros((len(tables), 1 + max(map(len, tables)), COLUMNS), np.int64)
        for page, stage, table in zip(self.pages, recipe, tables, strict=True):
            page[0, 0] = STAGES.index(type(stage))
            page[1 : 1 + len(table)] = table

    def __call__(self, slot: int, filled: int) -> None:
        """Take a step; the numbers are those of :func:`run_program`."""
        run_program(self.pages, slot, filled)


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
def run_program(pages: Any, slot: int, filled: int) -> None:
    """Take a step: what :func:`nncompress.exact.stages.run_stages` does, compiled.

    Args:
        pages: those of a :class:`Program`.
        slot: where in the memories this step's vector goes.
        filled: how many vectors the memories hold then.
    """
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

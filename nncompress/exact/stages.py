"""Describe the stages of a step of the integer network, and run them the plain way.

A stage is a named tuple of the arguments of its kernels (see :mod:`.kernels`) and of its products
of int8 matrices. :func:`run_stages` calls the kernels of any backend one after the other, and a
product is a function without arguments there. :mod:`.kernels.program` does the same in one compiled
function: the annotations below are the schema of its tables (:mod:`nncompress.machine.tables`), and
a product is its operands.

Arrays are NumPy's, or torch's for the backend of that name. ``n`` is the number of lanes, ``d`` the
width of the network, ``W`` the window of attention. Formats of numbers: docs/exactness.md.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.int8 import Operands

ByteVector = Annotated[NDArray[np.uint8], 1]
Int32Vector = Annotated[NDArray[np.int32], 1]
Int32Matrix = Annotated[NDArray[np.int32], 2]
Int16Matrix = Annotated[NDArray[np.int16], 2]
Int8Matrix = Annotated[NDArray[np.int8], 2]
Int8Cube = Annotated[NDArray[np.int8], 3]


class NormToInt8(NamedTuple):
    """Arguments of ``norm_to_int8``: a layer norm of the stream [n, d] to int8 [n, d]."""

    stream: Int32Matrix
    eps: int
    gain: Int32Vector
    bias: Int32Vector
    shift: int
    out: Int8Matrix


class NormSplit(NamedTuple):
    """Arguments of ``norm_split``: two layer norms of one stream, which the first replaces."""

    stream: Int32Matrix
    eps: int
    gain_stream: Int32Vector
    bias_stream: Int32Vector
    shift_stream: int
    gain: Int32Vector
    bias: Int32Vector
    shift: int
    out: Int8Matrix


class LSTMFirst(NamedTuple):
    """Arguments of ``lstm_first``; its input is a row of ``table`` [256, 4d] for each byte."""

    symbols: ByteVector
    table: Int16Matrix
    table_shift: int
    recurrent: Int32Matrix
    multiplier: Int32Vector
    bias: Int32Vector
    shift: int
    hidden_multiplier: int
    cell: Int32Matrix
    stream: Int32Matrix
    hidden: Int8Matrix


class LSTMLater(NamedTuple):
    """Arguments of ``lstm``; inputs and recurrent are products, int32 [n, 4d]."""

    inputs: Int32Matrix
    multiplier_inputs: Int32Vector
    recurrent: Int32Matrix
    multiplier: Int32Vector
    bias: Int32Vector
    shift: int
    hidden_multiplier: int
    cell: Int32Matrix
    stream: Int32Matrix
    hidden: Int8Matrix


class Remember(NamedTuple):
    """Arguments of ``remember`` but for the slot of the memory [n, W, d] that it writes."""

    stream: Int32Matrix
    eps: int
    gain: Int32Vector
    bias: Int32Vector
    shift: int
    memory: Int8Cube


class Attend(NamedTuple):
    """Arguments of ``attend`` but for what says which slots hold vectors."""

    query: Int32Matrix
    query_multiplier: Int32Vector
    query_bias: Int32Vector
    query_shift: int
    gain: Int32Vector
    bias: Int32Vector
    shift: int
    memory: Int8Cube
    eps: int
    multiplier: int
    score_shift: int
    value: Int32Vector
    value_shift: int
    stream: Int32Matrix


class BoomSum(NamedTuple):
    """Arguments of ``boom``; the product is int32 [n, boom]."""

    product: Int32Matrix
    multiplier: Int32Vector
    bias: Int32Vector
    shift: int
    stream: Int32Matrix


class StreamToInt8(NamedTuple):
    """Arguments of ``stream_to_int8``."""

    stream: Int32Matrix
    multiplier: int
    out: Int8Matrix


class Softmax(NamedTuple):
    """Arguments of ``softmax``; product and weights are int32 [n, 256]."""

    product: Int32Matrix
    multiplier: Int32Vector
    bias: Int32Vector
    shift: int
    weights: Int32Matrix


class RecurFirstStage(NamedTuple):
    """The LSTM of the first block."""

    recurrent: Operands
    lstm: LSTMFirst


class RecurStage(NamedTuple):
    """The LSTM of another block."""

    norm: NormToInt8
    inputs: Operands
    recurrent: Operands
    lstm: LSTMLater


class AttendStage(NamedTuple):
    """A block's attention."""

    remember: Remember
    norm: NormSplit
    query: Operands
    attend: Attend


class BoomStage(NamedTuple):
    """A block's Boom layer."""

    norm: NormSplit
    product: Operands
    boom: BoomSum


class PredictStage(NamedTuple):
    """The output layer."""

    norm: StreamToInt8
    product: Operands
    softmax: Softmax


Stage = RecurFirstStage | RecurStage | AttendStage | BoomStage | PredictStage
STAGES = (RecurFirstStage, RecurStage, AttendStage, BoomStage, PredictStage)
"""Their places here are the numbers that compiled code knows them by."""

Recipe = list[Stage]
"""The stages of a step, in order."""


def run_stages(kernels: ModuleType, recipe: Recipe, slot: Any, filled: Any) -> None:
    """Take a step; products are functions.

    Args:
        kernels: a module with the kernels of a backend.
        recipe: the stages.
        slot: where in the memories this step's vectors go, as the kernels take it.
        filled: how many of the newest vectors are a row's own, as the kernels take it.
    """
    for stage in recipe:
        _RUN[type(stage)](kernels, stage, slot, filled)


def _recur_first(kernels: Any, stage: Any, slot: Any, filled: Any) -> None:
    stage.recurrent()
    kernels.lstm_first(*stage.lstm)


def _recur(kernels: Any, stage: Any, slot: Any, filled: Any) -> None:
    kernels.norm_to_int8(*stage.norm)
    stage.inputs()
    stage.recurrent()
    kernels.lstm(*stage.lstm)


def _attend(kernels: Any, stage: Any, slot: Any, filled: Any) -> None:
    kernels.remember(*stage.remember, slot)
    kernels.norm_split(*stage.norm)
    stage.query()
    kernels.attend(*stage.attend, slot, filled)


def _boom(kernels: Any, stage: Any, slot: Any, filled: Any) -> None:
    kernels.norm_split(*stage.norm)
    stage.product()
    kernels.boom(*stage.boom)


def _predict(kernels: Any, stage: Any, slot: Any, filled: Any) -> None:
    kernels.stream_to_int8(*stage.norm)
    stage.product()
    kernels.softmax(*stage.softmax)


_RUN: dict[Any, Callable[..., None]] = dict(
    zip(STAGES, (_recur_first, _recur, _attend, _boom, _predict), strict=True)
)

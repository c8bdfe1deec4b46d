"""Turn the stages of a step into launches of kernels.

A launch stands for neighbouring stages whose numbers pass from one to the next without leaving the
kernel: the LSTM's products and its gates; the norms of one stream, and before them the LSTM's
output as int8; attention and the norms after it; Boom's product and its activation; the output
layer. The query's product alone is torch's: attention needs all of its columns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nncompress.exact.fixedpoint import (
    ATTENTION_END,
    attention_table,
    exp2_table,
    rsqrt_table,
    sigmoid_table,
)
from nncompress.exact.stages import (
    AttendStage,
    BoomStage,
    NormSplit,
    PredictStage,
    Recipe,
    RecurFirstStage,
    RecurStage,
)

from .attention import attend_kernel
from .boom import boom_kernel
from .norms import input_norm_kernel, remember_kernel, split_kernel
from .output import output_kernel
from .recur import first_gates_kernel, later_gates_kernel

_TILE = 1 << 14
"""Numbers of a memory that attention works on at a time."""

_ROWS, _OUTPUT_ROWS = 64, 16
"""Rows of a tile of a product, and of the output layer's. Whatever the number of rows, the machine
code is the same, so that what a model's known answer has proved is what codes."""

_GATE_COLUMNS, _BOOM_COLUMNS = 32, 64
"""Columns of a tile; the gates' have four numbers each."""


class Product(NamedTuple):
    """A product with a weight, in the form in which the stages of a recipe have it here."""

    activations: Tensor
    weight: Tensor
    out: Tensor
    multiply: Callable[[], None]


class Launch(NamedTuple):
    """A launch of a kernel.

    Attributes:
        kernel: it; a function without arguments where it is not one of Triton's.
        grid: how many programs it has, along each axis.
        arguments: all that it takes but for ``of_step``.
        of_step: names of those arguments of a step that it takes.
    """

    kernel: Any
    grid: tuple[int, ...]
    arguments: dict[str, Any]
    of_step: tuple[str, ...] = ()

    def run(self, slot: Tensor, filled: Tensor) -> None:
        """Launch it; the arguments are those of a :class:`TritonProgram`."""
        if not self.grid:
            self.kernel()
            return
        given = {"slot": slot, "filled": filled}
        own = {name: given[name] for name in self.of_step}
        # There are no floats to fuse; without the option Triton warns of its default.
        self.kernel[self.grid](**self.arguments, **own, enable_fp_fusion=False)


class TritonProgram:
    """A recipe as launches; calling it takes a step.

    Args:
        recipe: the stages, whose products are :class:`Product`; an LSTM is followed by attention or
            Boom, and attention by Boom.

    Attributes:
        launches: in their order.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.launches: list[Launch] = []
        neighbours = zip([None, *recipe[:-1]], recipe, [*recipe[1:], None], strict=True)
        for before, stage, after in neighbours:
            self.launches += _launches(before, stage, after)

    def __call__(self, slot: Tensor, filled: Tensor) -> None:
        """Take a step.

        Args:
            slot: int64 [1], where in the memories this step's vectors go.
            filled: int32 [n], how many of a memory's newest vectors, this step's included, are the
                row's own.
        """
        for launch in self.launches:
            launch.run(slot, filled)


def _launches(before: Any, stage: Any, after: Any) -> list[Launch]:
    """Return the launches for a stage, given those beside it."""
    if isinstance(stage, RecurFirstStage):
        return [_first_gates(stage)]
    if isinstance(stage, RecurStage):
        return [_input_norm(stage.norm), _later_gates(stage)]
    if isinstance(stage, AttendStage):
        query: Any = stage.query
        operands = query._asdict()
        multiply = operands.pop("multiply")
        remember = _remember(before.lstm, stage)
        return [remember, Launch(multiply, (), operands), _attention(stage.attend, after.norm)]
    if isinstance(stage, BoomStage):
        attends = isinstance(before, AttendStage)  # whose last launch has done the norms
        return [_boom(stage)] if attends else [_split(before.lstm, stage.norm), _boom(stage)]
    return [_output(stage)]


@cache
def _tables(device: torch.device) -> dict[str, Tensor]:
    """Return the tables of the network's numbers, as arguments of kernels."""
    tables = {
        "sigmoid": sigmoid_table(),
        "exp2": exp2_table(),
        "powers": attention_table(),
        "rsqrt": rsqrt_table(),
    }
    return {name: torch.from_numpy(np.array(table)).to(device) for name, table in tables.items()}


def _power(number: int, least: int, most: int) -> int:
    """Return the power of two that holds a number, between two that are its limits."""
    return min(max(1 << (number - 1).bit_length(), least), most)


def _tiles(stream: Any, columns: int) -> tuple[tuple[int, int], dict[str, int]]:
    """Return the grid of a product with a row for each of the stream's, and the sizes of a tile."""
    n, d = stream.shape
    sizes = {"n": n, "D": d, "ROWS": _ROWS, "COLUMNS": columns, "DEPTH": _power(d, 32, 128)}
    return (-(-n // _ROWS), -(-d // columns)), sizes


def _gates(lstm: Any, recurrent: Any) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return the grid and the arguments that both kinds of LSTM have."""
    grid, sizes = _tiles(lstm.stream, _GATE_COLUMNS)
    return grid, sizes | {
        "hidden": lstm.hidden,
        "weight": recurrent.weight,
        "multiplier": lstm.multiplier,
        "bias": lstm.bias,
        "cell": lstm.cell,
        "stream": lstm.stream,
        "sigmoid": _tables(lstm.stream.device)["sigmoid"],
        "SHIFT": lstm.shift,
    }


def _first_gates(stage: RecurFirstStage) -> Launch:
    lstm = stage.lstm
    grid, arguments = _gates(lstm, stage.recurrent)
    own = {"symbols": lstm.symbols, "table": lstm.table, "TABLE_SHIFT": lstm.table_shift}
    return Launch(first_gates_kernel, grid, arguments | own)


def _later_gates(stage: RecurStage) -> Launch:
    inputs: Any = stage.inputs
    grid, arguments = _gates(stage.lstm, stage.recurrent)
    own = {
        "activations": inputs.activations,
        "weight_inputs": inputs.weight,
        "multiplier_inputs": stage.lstm.multiplier_inputs,
    }
    return Launch(later_gates_kernel, grid, arguments | own)


def _row(stream: Any) -> dict[str, Any]:
    """Return the arguments of kernels that take the whole of a row at once."""
    d = stream.shape[1]
    rsqrt = _tables(stream.device)["rsqrt"]
    return {"rsqrt": rsqrt, "D": d, "WIDTH": _power(d, 32, 1 << 14)}


def _input_norm(norm: Any) -> Launch:
    own = {
        "stream": norm.stream,
        "gain": norm.gain,
        "bias": norm.bias,
        "out": norm.out,
        "EPS": norm.eps,
        "SHIFT": norm.shift,
    }
    return Launch(input_norm_kernel, norm.stream.shape[:1], own | _row(norm.stream))


def _split_arguments(norm: Any) -> dict[str, Any]:
    return {
        "stream": norm.stream,
        "gain_stream": norm.gain_stream,
        "bias_stream": norm.bias_stream,
        "gain": norm.gain,
        "bias": norm.bias,
        "out": norm.out,
        "EPS": norm.eps,
        "SHIFT_STREAM": norm.shift_stream,
        "SHIFT": norm.shift,
    }


def _split(lstm: Any, norm: NormSplit) -> Launch:
    ended = {"hidden": lstm.hidden, "HIDDEN": lstm.hidden_multiplier}
    arguments = _split_arguments(norm) | ended | _row(norm.stream)
    return Launch(split_kernel, norm.stream.shape[:1], arguments)


def _remember(lstm: Any, stage: AttendStage) -> Launch:
    remember = stage.remember
    own = {
        "memory": remember.memory,
        "gain_memory": remember.gain,
        "bias_memory": remember.bias,
        "SHIFT_MEMORY": remember.shift,
        "WINDOW": remember.memory.shape[1],
    }
    grid, arguments = _split(lstm, stage.norm)[1:3]
    return Launch(remember_kernel, grid, arguments | own, ("slot",))


def _attention(attend: Any, after: NormSplit) -> Launch:
    n, window, d = attend.memory.shape
    places = _power(window, 32, 1 << 14)
    tables = _tables(attend.memory.device)
    own = {
        "query": attend.query,
        "query_multiplier": attend.query_multiplier,
        "query_bias": attend.query_bias,
        "gain_key": attend.gain,
        "bias_key": attend.bias,
        "memory": attend.memory,
        "value": attend.value,
        "rsqrt": tables["rsqrt"],
        "powers": tables["powers"],
        "QUERY_SHIFT": attend.query_shift,
        "SHIFT_KEY": attend.shift,
        "EPS_QUERY": attend.eps,
        "MULTIPLIER": attend.multiplier,
        "SCORE_SHIFT": attend.score_shift,
        # As in the reference: it keeps the product with the multiplier inside 64 bits.
        "FARTHEST": min((ATTENTION_END << attend.score_shift) // attend.multiplier + 1, 1 << 24),
        "VALUE_SHIFT": attend.value_shift,
        "WINDOW": window,
        "D": d,
        "PLACES": places,
        "CHUNK": _power(min(d, _TILE // places), 32, 128),
    }
    return Launch(attend_kernel, (n,), _split_arguments(after) | own, ("slot", "filled"))


def _boom(stage: BoomStage) -> Launch:
    boom = stage.boom
    product: Any = stage.product
    grid, sizes = _tiles(boom.stream, _BOOM_COLUMNS)
    arguments = sizes | {
        "activations": product.activations,
        "weight": product.weight,
        "multiplier": boom.multiplier,
        "bias": boom.bias,
        "stream": boom.stream,
        "sigmoid": _tables(product.out.device)["sigmoid"],
        "SHIFT": boom.shift,
        "CHUNKS": product.weight.shape[0] // boom.stream.shape[1],
    }
    return Launch(boom_kernel, grid, arguments)


def _output(stage: PredictStage) -> Launch:
    norm, softmax = stage.norm, stage.softmax
    product: Any = stage.product
    n, d = norm.stream.shape
    arguments = {
        "n": n,
        "stream": norm.stream,
        "activations": norm.out,
        "weight": product.weight,
        "multiplier": softmax.multiplier,
        "bias": softmax.bias,
        "weights": softmax.weights,
        "exp2": _tables(product.out.device)["exp2"],
        "SCALE": norm.multiplier,
        "SHIFT": softmax.shift,
        "D": d,
        "ROWS": _OUTPUT_ROWS,
        "DEPTH": _power(d, 32, 128),
    }
    return Launch(output_kernel, (-(-n // _OUTPUT_ROWS),), arguments)

"""What the integer network consists of, and the bounds that keep its sums inside 32 bits.

Shapes use d = ``config.dim``. Every ``shift`` is a whole number from 0 to 31, and every ``bias`` already holds the half
unit that turns the shift after it into rounding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import ModelError

from .config import SYMBOLS, SHARNNConfig
from .fixedpoint import ACTIVATION_MAX, NORM_MAX, WEIGHT_MAX

Int8 = NDArray[np.int8]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]

INT32_MAX = (1 << 31) - 1
FLOAT32_EXACT = 1 << 24
"""Whole numbers up to here are exact in float32, whatever the order of a sum."""


@dataclass(frozen=True)
class Linear:
    """Output r is (weight[r] . x * multiplier[r] + bias[r]) >> shift for an int8 vector x.

    weight: int8 [N, K] in [-63, 63]. multiplier: int32 [N], positive. bias: int32 [N].
    """

    weight: Int8
    multiplier: Int32
    bias: Int32
    shift: int


@dataclass(frozen=True)
class Affine:
    """The gain and bias of a layer norm: (n * gain + bias) >> shift for n, Q15, of Euclidean length one.

    gain, bias: int32 [d]. The square root of d is in the gain.
    """

    gain: Int32
    bias: Int32
    shift: int


@dataclass(frozen=True)
class Cell:
    """The LSTM's gates as indices into the sigmoid table, order input, forget, cell, output.

    recurrent: int8 [4d, d] and multiplier_recurrent: int32 [4d] for the output before; bias: int32 [4d]. In the first
    block, ``table`` int16 [256, 4d] gives what the input byte adds, to be shifted left by ``table_shift``; in the
    others the int8 input has ``inputs`` int8 [4d, d] and ``multiplier_inputs`` int32 [4d]. The sum is shifted right by
    ``shift``. ``hidden`` is the multiplier that makes the Q15 output an int8 activation.
    """

    recurrent: Int8
    multiplier_recurrent: Int32
    bias: Int32
    shift: int
    hidden: int
    table: Int16 | None = None
    table_shift: int = 0
    inputs: Int8 | None = None
    multiplier_inputs: Int32 | None = None


@dataclass(frozen=True)
class Attention:
    """Single-headed attention over a memory of int8 vectors.

    memory, query_input: to int8. stream: to Q12. query: int8 to Q12. query_norm: to int8, with the scales of query and
    key and 1/sqrt(d) apart. (score * multiplier) >> shift is the exponent in base 2, Q4. value: int32 [d], the value's
    scale; (Q8 average of memory * value) >> value_shift is Q12.
    """

    memory: Affine
    stream: Affine
    query_input: Affine
    query: Linear
    query_norm: Affine
    multiplier: int
    shift: int
    value: Int32
    value_shift: int


@dataclass(frozen=True)
class Block:
    """One block. ``norm_lstm`` (to int8) is absent in the first, whose table holds it."""

    cell: Cell
    norm_stream: Affine
    norm_boom: Affine
    boom: Linear
    norm_lstm: Affine | None = None
    attention: Attention | None = None


@dataclass(frozen=True)
class Parameters:
    """The whole network. ``output_scale``: multiplier that makes the Q12 stream int8, shift HIDDEN_SHIFT."""

    config: SHARNNConfig
    blocks: tuple[Block, ...]
    output_scale: int
    output: Linear

    def __post_init__(self) -> None:
        _Checker(self.config.dim).network(self)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Every number of the network, by dotted name; single numbers are int32 arrays of shape []."""
        found: dict[str, NDArray[Any]] = {}
        _flatten("", {"output_scale": self.output_scale, "output": self.output}, found)
        for index, block in enumerate(self.blocks):
            _flatten(f"blocks.{index}.", _fields(block), found)
        return found

    def memory_bytes(self, lanes: int) -> int:
        """Return about how many bytes the weights and the state and buffers of ``lanes`` lanes take."""
        config = self.config
        buffers = 4 * (2 * 4 * config.dim + config.boom + 4 * config.dim + 2 * SYMBOLS)
        state = config.layers * (5 * config.dim + buffers)
        memory = len(config.attention) * config.window * config.dim
        weights = sum(array.nbytes for array in self.tensors().values())
        return 2 * weights + lanes * (state + memory)

    @classmethod
    def from_tensors(cls, config: SHARNNConfig, tensors: Mapping[str, NDArray[Any]]) -> Parameters:
        """Rebuild from :meth:`tensors`; raises :class:`ModelError` where one is missing, left over or unsound."""
        taker = _Taker(tensors)
        blocks = tuple(_block(taker, config, index) for index in range(config.layers))
        network = cls(config, blocks, taker.integer("output_scale"), _linear(taker, "output."))
        taker.finish()
        return network


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _flatten(prefix: str, fields: Mapping[str, Any], found: dict[str, NDArray[Any]]) -> None:
    for name, value in fields.items():
        if dataclasses.is_dataclass(value):
            _flatten(f"{prefix}{name}.", _fields(value), found)
        elif isinstance(value, int):
            found[prefix + name] = np.array(value, dtype=np.int32)
        elif value is not None:
            found[prefix + name] = value


class _Taker:
    """Hands out tensors by name and notices what is missing and what was never asked for."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.left = dict(tensors)

    def array(self, name: str) -> NDArray[Any]:
        if name not in self.left:
            raise ModelError(f"the model lacks the tensor {name!r}")
        return np.ascontiguousarray(self.left.pop(name))

    def integer(self, name: str) -> int:
        value = self.array(name)
        if value.size != 1 or value.dtype != np.int32:
            raise ModelError(f"the model's {name!r} must be one int32")
        return int(value.reshape(-1)[0])

    def finish(self) -> None:
        if self.left:
            raise ModelError(
                f"the model has a tensor that its config does not explain: {sorted(self.left)[0]!r}"
            )


def _linear(take: _Taker, prefix: str) -> Linear:
    array = take.array
    return Linear(
        array(prefix + "weight"),
        array(prefix + "multiplier"),
        array(prefix + "bias"),
        take.integer(prefix + "shift"),
    )


def _affine(take: _Taker, prefix: str) -> Affine:
    return Affine(
        take.array(prefix + "gain"), take.array(prefix + "bias"), take.integer(prefix + "shift")
    )


def _cell(take: _Taker, prefix: str, first: bool) -> Cell:
    common = (
        take.array(prefix + "recurrent"),
        take.array(prefix + "multiplier_recurrent"),
        take.array(prefix + "bias"),
        take.integer(prefix + "shift"),
        take.integer(prefix + "hidden"),
    )
    table_shift = take.integer(prefix + "table_shift")
    if first:
        return Cell(*common, table=take.array(prefix + "table"), table_shift=table_shift)
    inputs, multiplier = take.array(prefix + "inputs"), take.array(prefix + "multiplier_inputs")
    return Cell(*common, table_shift=table_shift, inputs=inputs, multiplier_inputs=multiplier)


def _attention(take: _Taker, prefix: str) -> Attention:
    return Attention(
        memory=_affine(take, prefix + "memory."),
        stream=_affine(take, prefix + "stream."),
        query_input=_affine(take, prefix + "query_input."),
        query=_linear(take, prefix + "query."),
        query_norm=_affine(take, prefix + "query_norm."),
        multiplier=take.integer(prefix + "multiplier"),
        shift=take.integer(prefix + "shift"),
        value=take.array(prefix + "value"),
        value_shift=take.integer(prefix + "value_shift"),
    )


def _block(take: _Taker, config: SHARNNConfig, index: int) -> Block:
    prefix = f"blocks.{index}."
    return Block(
        cell=_cell(take, prefix + "cell.", index == 0),
        norm_stream=_affine(take, prefix + "norm_stream."),
        norm_boom=_affine(take, prefix + "norm_boom."),
        boom=_linear(take, prefix + "boom."),
        norm_lstm=_affine(take, prefix + "norm_lstm.") if index else None,
        attention=_attention(take, prefix + "attention.") if index in config.attention else None,
    )


class _Checker:
    """Refuses a network whose shapes are off or whose sums could leave 32 bits (or float32's exact integers)."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def network(self, net: Parameters) -> None:
        if net.config.heads != 1:
            raise ModelError(
                "the integer network has one attention head a block; this model's config asks for more"
            )
        for index, block in enumerate(net.blocks):
            self.block(f"blocks.{index}", block, net.config)
        self.multiplier("output_scale", net.output_scale, 1 << 16)
        self.linear("output", net.output, SYMBOLS)

    def block(self, name: str, block: Block, config: SHARNNConfig) -> None:
        self.cell(f"{name}.cell", block.cell)
        affines: dict[str, Affine | None] = {
            "norm_stream": block.norm_stream,
            "norm_boom": block.norm_boom,
            "norm_lstm": block.norm_lstm,
        }
        self.linear(f"{name}.boom", block.boom, config.boom)
        if block.attention is not None:
            part = block.attention
            affines |= {
                "memory": part.memory,
                "stream": part.stream,
                "query_input": part.query_input,
                "query_norm": part.query_norm,
            }
            self.linear(f"{name}.query", part.query, self.dim)
            self.array(f"{name}.value", part.value, np.int32, (self.dim,))
            self.bound(f"{name}.value", np.abs(part.value.astype(np.int64)) * (ACTIVATION_MAX << 8))
            self.shift(f"{name}.value_shift", part.value_shift)
            self.multiplier(f"{name}.multiplier", part.multiplier, 1 << 20)
            self.shift(f"{name}.shift", part.shift)
        for part_name, affine in affines.items():
            if affine is not None:
                self.affine(f"{name}.{part_name}", affine)

    def cell(self, name: str, cell: Cell) -> None:
        rows = 4 * self.dim
        total = self.weight(f"{name}.recurrent", cell.recurrent, cell.multiplier_recurrent, rows)
        self.shift(f"{name}.shift", cell.shift)
        self.shift(f"{name}.table_shift", cell.table_shift)
        self.multiplier(f"{name}.hidden", cell.hidden, 1 << 16)
        if cell.table is not None:
            self.array(f"{name}.table", cell.table, np.int16, (SYMBOLS, rows))
            total = total + (np.abs(cell.table.astype(np.int64)).max(axis=0) << cell.table_shift)
        else:
            assert cell.inputs is not None
            assert cell.multiplier_inputs is not None
            total = total + self.weight(f"{name}.inputs", cell.inputs, cell.multiplier_inputs, rows)
        self.array(f"{name}.bias", cell.bias, np.int32, (rows,))
        self.bound(name, total + np.abs(cell.bias.astype(np.int64)))

    def linear(self, name: str, part: Linear, rows: int) -> None:
        total = self.weight(name, part.weight, part.multiplier, rows)
        self.array(f"{name}.bias", part.bias, np.int32, (rows,))
        self.bound(name, total + np.abs(part.bias.astype(np.int64)))
        self.shift(f"{name}.shift", part.shift)

    def affine(self, name: str, part: Affine) -> None:
        self.array(f"{name}.gain", part.gain, np.int32, (self.dim,))
        self.array(f"{name}.bias", part.bias, np.int32, (self.dim,))
        gain, bias = (np.abs(a.astype(np.int64)) for a in (part.gain, part.bias))
        self.bound(name, gain * NORM_MAX + bias)
        self.shift(f"{name}.shift", part.shift)

    def weight(self, name: str, weight: Int8, multiplier: Int32, rows: int) -> NDArray[np.int64]:
        """Check a matrix; returns the largest magnitude, int64 [rows], that each row times its multiplier can reach."""
        self.array(name, weight, np.int8, (rows, self.dim))
        self.array(f"{name}.multiplier", multiplier, np.int32, (rows,))
        if np.abs(weight.astype(np.int16)).max() > WEIGHT_MAX or multiplier.min() < 1:
            raise ModelError(f"the model's {name!r} is out of range")
        reach = np.abs(weight.astype(np.int64)).sum(axis=1) * ACTIVATION_MAX
        if reach.max() >= FLOAT32_EXACT:
            raise ModelError(f"the model's {name!r} has sums that float32 would round")
        total: NDArray[np.int64] = reach * multiplier.astype(np.int64)
        return total

    def array(
        self, name: str, array: NDArray[Any], dtype: type[np.generic], shape: tuple[int, ...]
    ) -> None:
        if array.dtype != dtype or array.shape != shape:
            wanted = f"{np.dtype(dtype)} {list(shape)}"
            raise ModelError(
                f"the model's {name!r} is {array.dtype} {list(array.shape)}, not {wanted}"
            )

    def bound(self, name: str, largest: NDArray[np.int64]) -> None:
        if int(largest.max()) > INT32_MAX:
            raise ModelError(f"the model's {name!r} has sums that leave 32 bits")

    def multiplier(self, name: str, value: int, top: int) -> None:
        if not 1 <= value < top:
            raise ModelError(f"the model's {name!r} is {value}, not from 1 to {top - 1}")

    def shift(self, name: str, value: int) -> None:
        if not 0 <= value <= 31:
            raise ModelError(f"the model's {name!r} is {value}, not from 0 to 31")

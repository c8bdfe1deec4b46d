"""Hold everything that an integer network consists of, and turn it into named tensors and back.

:mod:`.parts` says what the parts are, :mod:`.bounds` what keeps its sums inside 32 bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import ModelError

from .bounds import check_bounds
from .config import SYMBOLS, SHARNNConfig
from .parts import Affine, Cell, IntegerAttention, IntegerBlock, Linear


@dataclass(frozen=True)
class Parameters:
    """The whole network; it is checked when it is made.

    Attributes:
        config: the network's shape.
        blocks: its blocks, as many as ``config.layers``.
        output_scale: multiplier that makes the Q12 stream int8, with a shift of HIDDEN_SHIFT.
        output: the output layer, to logits in base 2, Q10.

    Raises:
        ModelError: see :func:`~.bounds.check_bounds`.
    """

    config: SHARNNConfig
    blocks: tuple[IntegerBlock, ...]
    output_scale: int
    output: Linear

    def __post_init__(self) -> None:
        check_bounds(self.config, self.blocks, self.output_scale, self.output)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return every number of the network, by dotted name.

        Single numbers are int32 arrays of shape [].
        """
        # These names are bytes, too: see tests/structure/test_names_that_are_bytes.py
        found: dict[str, NDArray[Any]] = {}
        _flatten("", {"output_scale": self.output_scale, "output": self.output}, found)
        for index, block in enumerate(self.blocks):
            _flatten(f"blocks.{index}.", _fields(block), found)
        return found

    def memory_bytes(self, lanes: int) -> int:
        """Return about how many bytes the weights, and state and buffers of some lanes, take."""
        config = self.config
        buffers = 4 * (2 * 4 * config.dim + config.boom + 4 * config.dim + 2 * SYMBOLS)
        state = config.layers * (5 * config.dim + buffers)
        memory = len(config.attention) * config.window * config.dim
        weights = sum(array.nbytes for array in self.tensors().values())
        return 2 * weights + lanes * (state + memory)

    @classmethod
    def from_tensors(cls, config: SHARNNConfig, tensors: Mapping[str, NDArray[Any]]) -> Parameters:
        """Build a network from what :meth:`tensors` returns.

        Raises:
            ModelError: a tensor is missing, left over or unsound.
        """
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
    """Hands out tensors by name, and refuses what is missing and what was never asked for."""

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


def _attention(take: _Taker, prefix: str) -> IntegerAttention:
    return IntegerAttention(
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


def _block(take: _Taker, config: SHARNNConfig, index: int) -> IntegerBlock:
    prefix = f"blocks.{index}."
    return IntegerBlock(
        cell=_cell(take, prefix + "cell.", index == 0),
        norm_stream=_affine(take, prefix + "norm_stream."),
        norm_boom=_affine(take, prefix + "norm_boom."),
        boom=_linear(take, prefix + "boom."),
        norm_lstm=_affine(take, prefix + "norm_lstm.") if index else None,
        attention=_attention(take, prefix + "attention.") if index in config.attention else None,
    )

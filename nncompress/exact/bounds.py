"""Check that an integer network's shapes fit, and that its sums stay inside 32 bits.

Products of int8 matrices must also stay below 2**24, so that float32 can compute them exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import ModelError

from .config import SYMBOLS, SHARNNConfig
from .fixedpoint import ACTIVATION_MAX, BOOM_MAX, NORM_MAX, STREAM_MAX, WEIGHT_MAX
from .parts import Affine, Cell, Int8, Int32, IntegerBlock, Linear

INT32_MAX = (1 << 31) - 1
FLOAT32_EXACT = 1 << 24
"""Whole numbers up to here are exact in float32, whatever the order of a sum."""


def check_bounds(
    config: SHARNNConfig, blocks: Sequence[IntegerBlock], output_scale: int, output: Linear
) -> None:
    """Check the parameters of a network; the arguments are the fields of ``Parameters``.

    Raises:
        ModelError: an array has another dtype or shape, a number is out of range, or a sum could
            leave 32 bits or the whole numbers that float32 holds exactly.
    """
    if config.heads != 1:
        raise ModelError(
            "the integer network has one attention head a block; this model's config asks for more"
        )
    if config.boom // config.dim * BOOM_MAX + STREAM_MAX > INT32_MAX:  # chunks onto the stream
        raise ModelError("the model's Boom has so many chunks that their sums leave 32 bits")
    if config.attention and config.dim * ACTIVATION_MAX**2 >= FLOAT32_EXACT:  # a vector's score
        raise ModelError("the model's attention is so wide that float32 would round its scores")
    check = _Checker(config.dim)
    for index, block in enumerate(blocks):
        check.block(f"blocks.{index}", block, config)
    check.multiplier("output_scale", output_scale, 1 << 16)
    check.linear("output", output, SYMBOLS)


class _Checker:
    """Checks the parts of a network of width ``dim``; names are those of their tensors."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def block(self, name: str, block: IntegerBlock, config: SHARNNConfig) -> None:
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
            self.shift(f"{name}.value_shift", part.value_shift)
            # A mean of the memory is Q8, and half a unit is added before the shift.
            half = 1 << part.value_shift >> 1
            reach = np.abs(part.value.astype(np.int64)) * (ACTIVATION_MAX << 8)
            self.bound(f"{name}.value", reach + half)
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
        """Check a matrix; return the largest that each row times its multiplier can reach.

        Returns:
            Magnitudes, int64 [rows].
        """
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

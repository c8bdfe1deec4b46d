"""Multiply int8 matrices on any CPU, row by row, with no instruction that some CPUs lack.

:mod:`.int8` does so where a weight cannot be packed or the CPU has no sums of products of bytes.
Products of 16 numbers are written as operations on whole vectors, two products to a sum, which LLVM
turns into pmaddwd on x86, into its like on ARM, or into plain code. A whole sum is at most
128 * 128 * K, inside 32 bits for K up to 2**16.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .intrinsics import call_llvm
from .jit import part
from .simd import I8, I32, CodeWriter, splat

VECTOR = 16
"""Numbers that are multiplied at a time."""

ROWS_AT_ONCE = 4
"""Rows of activations that share what is read of the weight."""

_BYTES, _NUMBERS = ir.VectorType(I8, VECTOR), ir.VectorType(I32, VECTOR)
_SUMS = ir.VectorType(I32, VECTOR // 2)


def _row_tile(
    typing_context: Any,
    activations: Any,
    row: Any,
    weight: Any,
    column: Any,
    out: Any,
    rows: Any,
) -> Any:
    """Multiply ``rows`` rows of activations, from ``row`` on, by one row of the weight.

    ``column`` is that row's number. ``rows`` is a constant of the compiled code. The arrays are
    those of :func:`multiply_plain`.
    """
    if not isinstance(rows, types.IntegerLiteral):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        writer = CodeWriter(context, builder, signature, arguments)
        _write_tile(writer, rows.literal_value)
        return context.get_dummy_value()

    return types.void(activations, row, weight, column, out, rows), generate


row_tile: Any = intrinsic(prefer_literal=True)(_row_tile)


def _write_tile(writer: CodeWriter, rows: int) -> None:
    builder, count = writer.builder, writer.count
    activations, row, weight, column, out, _ = writer.arguments
    depth, columns = (builder.extract_value(a.shape, 1) for a in (activations, out))
    numbers = [builder.add(row, count(index)) for index in range(rows)]
    starts = [writer.address(activations, builder.mul(number, depth)) for number in numbers]
    shared = writer.address(weight, builder.mul(column, depth))
    sums = [writer.variable(splat(_SUMS, 0)) for _ in numbers]
    whole = writer.whole(depth, VECTOR)
    with writer.loop(whole, VECTOR) as index:
        right = _load(writer, shared, index, _BYTES, _NUMBERS)
        for start, total in zip(starts, sums, strict=True):
            products = builder.mul(_load(writer, start, index, _BYTES, _NUMBERS), right)
            builder.store(builder.add(builder.load(total), _pairs(writer, products)), total)
    name = f"llvm.vector.reduce.add.v{_SUMS.count}i32"
    totals = [
        writer.variable(call_llvm(builder, name, I32, [builder.load(total)])) for total in sums
    ]
    with writer.loop(builder.sub(depth, whole), 1) as index:
        place = builder.add(whole, index)
        right = _load(writer, shared, place, I8, I32)
        for start, total in zip(starts, totals, strict=True):
            product = builder.mul(_load(writer, start, place, I8, I32), right)
            builder.store(builder.add(builder.load(total), product), total)
    for number, total in zip(numbers, totals, strict=True):
        place = builder.add(builder.mul(number, columns), column)
        writer.store(builder.load(total), writer.address(out, builder.mul(place, count(4))))


def _load(writer: CodeWriter, start: Any, index: Any, kind: Any, wide: Any) -> Any:
    """Read signed bytes as numbers of 32 bits."""
    place = writer.builder.gep(start, [index])
    return writer.builder.sext(writer.load(place, kind), wide)


def _pairs(writer: CodeWriter, products: Any) -> Any:
    """Return the sums of each two neighbours."""
    empty = ir.Constant(_NUMBERS, ir.Undefined)
    even, odd = (writer.shuffle(products, empty, range(first, VECTOR, 2)) for first in (0, 1))
    return writer.builder.add(even, odd)


@part
def multiply_plain(activations: Any, weight: Any, out: Any) -> None:
    """Compute ``out = activations @ weight.T``.

    Args:
        activations: int8 [n, K].
        weight: the bits of int8 [N, K], as uint8 [N * K].
        out: int32 [n, N], written.
    """
    rows = activations.shape[0]
    whole = rows - rows % ROWS_AT_ONCE
    for column in range(out.shape[1]):  # a weight that is read once takes the least memory traffic
        for row in range(0, whole, ROWS_AT_ONCE):
            row_tile(activations, row, weight, column, out, ROWS_AT_ONCE)
        for row in range(whole, rows):
            row_tile(activations, row, weight, column, out, 1)

"""Write attention's products in vector instructions of x86.

See :mod:`nncompress.machine.simd` for how, and :mod:`.attention` for what else attention is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba import types
from numba.extending import intrinsic

from nncompress.machine.simd import (
    BYTE_VECTOR,
    I32,
    INT_VECTOR,
    VNNI,
    CodeWriter,
    splat,
    vector_loop,
)

ROWS_PER_TURN = 4
"""Rows of memory that one turn of a loop takes."""

PREFETCH_LINES = 2
"""Cache lines of the next lane's memory that a turn of the averaging loop asks for.

That loop has its own data in a near cache."""

PREFETCH_AHEAD = 6144
"""How many bytes before their use those of the memory are asked for.

The memories of all lanes do not stay in a cache, and a CPU by itself does not look over the end of
a page, nor from a lane to the next."""


def add_products(writer: CodeWriter, total: Any, unsigned: Any, signed: Any) -> Any:
    """Add to each of 16 sums, int32, 4 products of a uint8 with an int8.

    The instruction is vpdpbusd.

    Args:
        writer: writes the code.
        total: the sums, 16 int32.
        unsigned: 64 uint8, in a vector of any type.
        signed: 64 int8, in a vector of any type.
    """
    first, second = (writer.builder.bitcast(value, INT_VECTOR) for value in (unsigned, signed))
    return writer.call("llvm.x86.avx512.vpdpbusd.512", INT_VECTOR, total, first, second)


def interleave(writer: CodeWriter, first: Any, second: Any, unit: int) -> tuple[Any, Any]:
    """Interleave two vectors of 64 bytes in each 16 bytes, ``unit`` elements by turns.

    The instructions are vpunpckl* and vpunpckh*.

    Returns:
        A vector made of the first halves of each 16 bytes of both, and one of the second halves.
    """
    count = first.type.count
    width = 16 * count // 64  # elements in 16 bytes
    halves = []
    for half in (0, width // 2):
        order = [
            start + half + piece + which * count + i
            for start in range(0, count, width)
            for piece in range(0, width // 2, unit)
            for which in (0, 1)
            for i in range(unit)
        ]
        halves.append(writer.shuffle(first, second, order))
    return halves[0], halves[1]


def _write_dot_rows(writer: CodeWriter) -> Any:
    query, memory, filled, out = writer.arguments
    builder = writer.builder
    d = writer.length(query)
    columns, rows = writer.whole(d, 64), writer.whole(filled, ROWS_PER_TURN)
    sign = splat(BYTE_VECTOR, -128)
    # Memory goes in as unsigned, plus 128: begin with what that adds, to be taken off.
    excess = writer.variable(splat(INT_VECTOR, 0))
    with writer.loop(columns, 64) as column:
        part = writer.load(writer.address(query, column), BYTE_VECTOR)
        builder.store(add_products(writer, builder.load(excess), sign, part), excess)
    start = builder.neg(builder.load(excess))
    with writer.loop(rows, ROWS_PER_TURN) as row:
        totals = [writer.variable(start) for _ in range(ROWS_PER_TURN)]
        first = [builder.mul(builder.add(row, writer.count(i)), d) for i in range(ROWS_PER_TURN)]
        with writer.loop(columns, 64) as column:
            part = writer.load(writer.address(query, column), BYTE_VECTOR)
            for total, offset in zip(totals, first, strict=True):
                address = writer.address(memory, builder.add(offset, column))
                writer.prefetch(builder.gep(address, [writer.count(PREFETCH_AHEAD)]))
                vector = builder.xor(writer.load(address, BYTE_VECTOR), sign)
                builder.store(add_products(writer, builder.load(total), vector, part), total)
        sums = _sum_each(writer, [builder.load(total) for total in totals])
        writer.store(sums, writer.address(out, builder.mul(row, writer.count(4))))
    return rows


def _sum_each(writer: CodeWriter, vectors: Sequence[Any]) -> Any:
    """Return the sums of four vectors of 16, as a vector of 4."""
    add = writer.builder.add
    first, second = (add(*interleave(writer, vectors[i], vectors[i + 1], 1)) for i in (0, 2))
    quarters = add(*interleave(writer, first, second, 2))
    for half in (8, 4):
        low, high = range(half), range(half, 2 * half)
        quarters = add(
            writer.shuffle(quarters, quarters, low), writer.shuffle(quarters, quarters, high)
        )
    return quarters


def _dot_rows(typing_context: Any, query: Any, memory: Any, filled: Any, out: Any) -> Any:
    """Compute the products of a query with the first rows of a memory.

    Of their columns those up to a multiple of 64 are taken. -128 is allowed in neither operand's
    sum beyond 2**16 columns; the network's bounds are far below.

    Args:
        typing_context: numba's.
        query: int8 [d].
        memory: int8 [W, d].
        filled: how many rows hold vectors.
        out: int32 [filled], written up to the number of rows that is returned.

    Returns:
        In compiled code, how many rows are done.
    """
    return vector_loop(VNNI, _write_dot_rows, types.intp(query, memory, filled, out))


dot_rows: Any = intrinsic(_dot_rows)


def _write_average_rows(writer: CodeWriter) -> Any:
    weights, rows, count, memory, coming, out = writer.arguments
    builder = writer.builder
    d = writer.length(out)
    columns = writer.whole(d, 64)
    asked = writer.variable(
        writer.count(PREFETCH_AHEAD)
    )  # what comes before dot_rows has asked for
    with writer.loop(columns, 64) as column:
        totals = [writer.variable(splat(INT_VECTOR, 0)) for _ in range(4)]
        start = writer.address(memory, column)
        with writer.loop(count, ROWS_PER_TURN) as index:
            kept = writer.load(writer.address(weights, index), I32)
            weight = writer.broadcast(kept)
            place = writer.address(rows, builder.mul(index, writer.count(4)))
            for _ in range(PREFETCH_LINES):
                byte = builder.load(asked)
                writer.prefetch(writer.address(coming, byte), level=2)
                builder.store(builder.add(byte, writer.count(64)), asked)
            vectors = []
            for i in range(ROWS_PER_TURN):
                row = writer.load(builder.gep(place, [writer.count(4 * i)]), I32)
                offset = builder.mul(builder.zext(row, writer.size), d)
                vectors.append(writer.load(builder.gep(start, [offset]), BYTE_VECTOR))
            pairs = [interleave(writer, vectors[i], vectors[i + 1], 1) for i in (0, 2)]
            fours = [
                vector
                for first, second in zip(*pairs, strict=True)
                for vector in interleave(writer, first, second, 2)
            ]
            for total, vector in zip(totals, fours, strict=True):
                builder.store(add_products(writer, builder.load(total), weight, vector), total)
        # Each 16 columns of the memory are spread over four vectors, four columns to each.
        halves = [builder.load(total) for total in totals]
        for quarter in range(4):
            first, second = (
                writer.shuffle(
                    halves[i],
                    halves[i + 1],
                    [
                        *range(4 * quarter, 4 * quarter + 4),
                        *range(16 + 4 * quarter, 20 + 4 * quarter),
                    ],
                )
                for i in (0, 2)
            )
            whole = writer.shuffle(first, second, range(16))
            place = builder.mul(builder.add(column, writer.count(16 * quarter)), writer.count(4))
            writer.store(whole, writer.address(out, place))
    return columns


def _average_rows(
    typing_context: Any, weights: Any, rows: Any, count: Any, memory: Any, coming: Any, out: Any
) -> Any:
    """Compute the sum of rows of a memory times weights.

    Args:
        typing_context: numba's.
        weights: uint8 [count], below 128.
        rows: int32 [count], the rows that the weights belong to.
        count: a multiple of ``ROWS_PER_TURN``.
        memory: int8 [W, d].
        coming: the memory that will be read next, of which a part is asked for meanwhile.
        out: int32 [d], written up to the number of columns that is returned.

    Returns:
        In compiled code, how many columns are done.
    """
    return vector_loop(
        VNNI, _write_average_rows, types.intp(weights, rows, count, memory, coming, out)
    )


average_rows: Any = intrinsic(_average_rows)

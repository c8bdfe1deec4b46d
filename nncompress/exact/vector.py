"""Vector instructions of x86 for what LLVM does not find by itself, written in its intermediate language.

Each function does the part of a loop that fills whole vectors and returns how far it came; the caller's portable loop
does the rest. Where the CPU that numba compiles for lacks the instructions (or is no x86) it does nothing, returns 0,
and the portable loop does everything. Both ways give the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic

from .fixedpoint import (
    SIGMOID_CUBIC_SHIFTS,
    SIGMOID_CUBICS,
    SIGMOID_HALF,
    SIGMOID_SEGMENT,
    UNIT_BITS,
)

cgutils: Any = _cgutils  # it has no type hints

_I8, _I32 = ir.IntType(8), ir.IntType(32)
_BYTES, _INTS = ir.VectorType(_I8, 64), ir.VectorType(_I32, 16)

ROWS = 4
"""Rows of memory that one turn of a loop takes."""

_AVX512 = ("avx512f",)
_VNNI = ("avx512f", "avx512vnni")


def _has(context: Any, features: Sequence[str]) -> bool:
    """Whether the CPU that numba compiles for (the host, or NUMBA_CPU_FEATURES) has all ``features``."""
    triple, _, known = context.codegen().magic_tuple()
    return triple.startswith("x86_64") and {"+" + name for name in features} <= set(
        known.split(",")
    )


class _Writer:
    """Writes loops and vector instructions for arrays that a numba function was given."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.context, self.builder = context, builder
        self.size = context.get_value_type(types.intp)
        self.arguments = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else context.cast(builder, value, kind, types.intp)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

    def count(self, number: int) -> Any:
        return ir.Constant(self.size, number)

    def address(self, array: Any, byte: Any) -> Any:
        base = self.builder.bitcast(array.data, _I8.as_pointer())
        return self.builder.gep(base, [byte])

    def load(self, address: Any, kind: Any) -> Any:
        loaded = self.builder.load(self.builder.bitcast(address, kind.as_pointer()))
        loaded.align = 1
        return loaded

    def store(self, value: Any, address: Any) -> None:
        stored = self.builder.store(value, self.builder.bitcast(address, value.type.as_pointer()))
        stored.align = 1

    def variable(self, value: Any) -> Any:
        """A variable that LLVM keeps in a register."""
        slot = cgutils.alloca_once(self.builder, value.type)
        self.builder.store(value, slot)
        return slot

    @contextmanager
    def loop(self, stop: Any, step: int) -> Any:
        """Count from 0 up to below ``stop``."""
        with cgutils.for_range_slice(
            self.builder, self.count(0), stop, self.count(step), self.size
        ) as (index, _):
            yield index

    def whole(self, number: Any, of: int) -> Any:
        """``number`` down to a multiple of ``of``, a power of two."""
        return self.builder.and_(number, self.count(-of))

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [value.type for value in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, arguments)

    def add_products(self, total: Any, unsigned: Any, signed: Any) -> Any:
        """vpdpbusd: to each of 16 sums, int32, the sum of 4 products of a uint8 with an int8."""
        cast = self.builder.bitcast
        return self.call(
            "llvm.x86.avx512.vpdpbusd.512", _INTS, total, cast(unsigned, _INTS), cast(signed, _INTS)
        )

    def broadcast(self, value: Any) -> Any:
        """An int32 in each of 16 places."""
        empty = ir.Constant(_INTS, ir.Undefined)
        single = self.builder.insert_element(empty, value, ir.Constant(_I32, 0))
        return self.shuffle(single, empty, [0] * 16)

    def shuffle(self, first: Any, second: Any, order: Sequence[int]) -> Any:
        mask = ir.Constant(ir.VectorType(_I32, len(order)), list(order))
        return self.builder.shuffle_vector(first, second, mask)

    def pick(self, index: Any, entries: Sequence[int]) -> Any:
        """vpermi2d: from 32 numbers those at the indices, of which the last 5 bits count."""
        low, high = (ir.Constant(_INTS, list(entries[start : start + 16])) for start in (0, 16))
        return self.call("llvm.x86.avx512.vpermi2var.d.512", _INTS, low, index, high)

    def interleave(self, first: Any, second: Any, unit: int) -> tuple[Any, Any]:
        """vpunpckl*, vpunpckh*: in each 16 bytes, the first (second) halves of both, ``unit`` elements by turns."""
        lanes = first.type.count
        width = 16 * lanes // 64  # elements in 16 bytes
        halves = []
        for half in (0, width // 2):
            order = [
                start + half + piece + which * lanes + i
                for start in range(0, lanes, width)
                for piece in range(0, width // 2, unit)
                for which in (0, 1)
                for i in range(unit)
            ]
            halves.append(self.shuffle(first, second, order))
        return halves[0], halves[1]


def _splat(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _vector_loop(features: Sequence[str], write: Callable[[_Writer], Any]) -> Callable[..., Any]:
    """The code generator of an intrinsic that returns how far it came."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not _has(context, features):
            return ir.Constant(context.get_value_type(types.intp), 0)
        return write(_Writer(context, builder, signature, arguments))

    return generate


def _write_dot_rows(writer: _Writer) -> Any:
    query, memory, filled, out = writer.arguments
    builder = writer.builder
    d = builder.extract_value(query.shape, 0)
    columns, rows = writer.whole(d, 64), writer.whole(filled, ROWS)
    sign = _splat(_BYTES, -128)
    # Memory goes in as unsigned, plus 128: begin with what that adds, to be taken off.
    excess = writer.variable(_splat(_INTS, 0))
    with writer.loop(columns, 64) as column:
        part = writer.load(writer.address(query, column), _BYTES)
        builder.store(writer.add_products(builder.load(excess), sign, part), excess)
    start = builder.neg(builder.load(excess))
    with writer.loop(rows, ROWS) as row:
        totals = [writer.variable(start) for _ in range(ROWS)]
        first = [builder.mul(builder.add(row, writer.count(i)), d) for i in range(ROWS)]
        with writer.loop(columns, 64) as column:
            part = writer.load(writer.address(query, column), _BYTES)
            for total, offset in zip(totals, first, strict=True):
                address = writer.address(memory, builder.add(offset, column))
                vector = builder.xor(writer.load(address, _BYTES), sign)
                builder.store(writer.add_products(builder.load(total), vector, part), total)
        sums = _sum_each(writer, [builder.load(total) for total in totals])
        writer.store(sums, writer.address(out, builder.mul(row, writer.count(4))))
    return rows


def _sum_each(writer: _Writer, vectors: Sequence[Any]) -> Any:
    """The sums of four vectors of 16, as a vector of 4."""
    add = writer.builder.add
    first, second = (add(*writer.interleave(vectors[i], vectors[i + 1], 1)) for i in (0, 2))
    quarters = add(*writer.interleave(first, second, 2))
    for half in (8, 4):
        low, high = range(half), range(half, 2 * half)
        quarters = add(
            writer.shuffle(quarters, quarters, low), writer.shuffle(quarters, quarters, high)
        )
    return quarters


def _dot_rows(typing_context: Any, query: Any, memory: Any, filled: Any, out: Any) -> Any:
    """Products of ``query``, int8 [d], with the columns up to a multiple of 64 of memory's first rows, int8 [W, d].

    out: int32 [filled], written up to the number of rows that is returned. -128 is allowed in neither operand's sum
    beyond 2**16 columns; the network's bounds are far below.
    """
    return types.intp(query, memory, filled, out), _vector_loop(_VNNI, _write_dot_rows)


dot_rows: Any = intrinsic(_dot_rows)


def _write_average_rows(writer: _Writer) -> Any:
    weights, rows, count, memory, out = writer.arguments
    builder = writer.builder
    d = builder.extract_value(out.shape, 0)
    columns = writer.whole(d, 64)
    with writer.loop(columns, 64) as column:
        totals = [writer.variable(_splat(_INTS, 0)) for _ in range(4)]
        start = writer.address(memory, column)
        with writer.loop(count, ROWS) as index:
            kept = writer.load(writer.address(weights, index), _I32)
            weight = writer.broadcast(kept)
            place = writer.address(rows, builder.mul(index, writer.count(4)))
            vectors = []
            for i in range(ROWS):
                row = writer.load(builder.gep(place, [writer.count(4 * i)]), _I32)
                offset = builder.mul(builder.zext(row, writer.size), d)
                vectors.append(writer.load(builder.gep(start, [offset]), _BYTES))
            pairs = [writer.interleave(vectors[i], vectors[i + 1], 1) for i in (0, 2)]
            fours = [
                vector
                for first, second in zip(*pairs, strict=True)
                for vector in writer.interleave(first, second, 2)
            ]
            for total, vector in zip(totals, fours, strict=True):
                builder.store(writer.add_products(builder.load(total), weight, vector), total)
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
    typing_context: Any, weights: Any, rows: Any, count: Any, memory: Any, out: Any
) -> Any:
    """Sums of rows of memory, int8 [W, d], times weights, to ``out``, int32 [d]; returns how many columns.

    weights: uint8, below 128; rows: int32; both ``count`` long, a multiple of ``ROWS``.
    """
    signature = types.intp(weights, rows, count, memory, out)
    return signature, _vector_loop(_VNNI, _write_average_rows)


average_rows: Any = intrinsic(_average_rows)


def _write_sigmoids(writer: _Writer) -> Any:
    (numbers,) = writer.arguments
    builder = writer.builder
    half, middle = _splat(_INTS, 1 << (UNIT_BITS - 1)), _splat(_INTS, SIGMOID_HALF)
    first, last = _splat(_INTS, 1), _splat(_INTS, 2 * SIGMOID_HALF - 1)
    within = _splat(_INTS, SIGMOID_SEGMENT - 1)
    segment_bits = _splat(_INTS, SIGMOID_SEGMENT.bit_length() - 1)
    inner, outer = (_splat(_INTS, bits) for bits in SIGMOID_CUBIC_SHIFTS)
    whole = writer.whole(builder.extract_value(numbers.shape, 0), 16)
    with writer.loop(whole, 16) as index:
        place = writer.address(numbers, builder.mul(index, writer.count(4)))
        entry = writer.load(place, _INTS)
        # The table's entry 0 is entry 1 again.
        entry = builder.select(builder.icmp_signed("<", entry, first), first, entry)
        entry = builder.select(builder.icmp_signed("<", entry, last), entry, last)
        negative = builder.icmp_signed("<", entry, middle)
        size = builder.sub(entry, middle)
        size = builder.select(negative, builder.neg(size), size)
        segment, x = builder.lshr(size, segment_bits), builder.and_(size, within)
        c0, c1, c2, c3 = (
            writer.pick(segment, [row[i] for row in SIGMOID_CUBICS]) for i in range(4)
        )
        total = builder.mul(builder.add(builder.mul(c3, x), c2), x)
        total = builder.mul(builder.add(builder.ashr(total, inner), c1), x)
        total = builder.lshr(builder.add(total, c0), outer)
        above, below = builder.add(half, total), builder.sub(half, total)
        writer.store(builder.select(negative, below, above), place)
    return whole


def _sigmoids(typing_context: Any, numbers: Any) -> Any:
    """Replace indices of the sigmoid table, int32 [n], by its entries, Q15, beyond its ends by the last."""
    return types.intp(numbers), _vector_loop(_AVX512, _write_sigmoids)


sigmoids: Any = intrinsic(_sigmoids)

"""Write vector instructions of x86 for loops that LLVM does not vectorise well by itself.

They are written in LLVM's intermediate language. What is written with a :class:`CodeWriter` does
the part of a loop that fills whole vectors and returns how far it came; the caller's portable loop
does the rest. Where the CPU that numba compiles for lacks the instructions (or is no x86) it does
nothing, returns 0, and the portable loop does everything. Both ways give the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types

from .features import cpu_features
from .intrinsics import call_llvm, cgutils, write_prefetch

I8, I32 = (ir.IntType(bits) for bits in (8, 32))
VECTOR_LENGTH = 16
"""Numbers of 32 bits in a vector."""

BYTE_VECTOR, INT_VECTOR = ir.VectorType(I8, 4 * VECTOR_LENGTH), ir.VectorType(I32, VECTOR_LENGTH)

AVX512 = ("avx512f",)
VNNI = ("avx512f", "avx512vnni")
"""Features that the code of :func:`vector_loop` can need, by the names that LLVM has for them."""


def splat(kind: Any, value: int) -> Any:
    """Return a constant vector of equal numbers."""
    return ir.Constant(kind, [value] * kind.count)


class CodeWriter:
    """Writes loops and vector instructions of an intrinsic; takes what numba gives an intrinsic.

    Attributes:
        builder: llvmlite's.
        size: the LLVM type of offsets and counts, intp.
        arguments: the intrinsic's: arrays, and numbers as intp.
    """

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.builder = builder
        self.size = context.get_value_type(types.intp)
        self.arguments = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else context.cast(builder, value, kind, types.intp)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

    def count(self, number: int) -> Any:
        """Return a constant for offsets and counts."""
        return ir.Constant(self.size, number)

    def length(self, array: Any) -> Any:
        """Return the size of an array's first axis."""
        return self.builder.extract_value(array.shape, 0)

    def address(self, array: Any, byte: Any) -> Any:
        """Return the address of a byte of an array."""
        return self.builder.gep(self.builder.bitcast(array.data, I8.as_pointer()), [byte])

    def load(self, address: Any, kind: Any) -> Any:
        """Read a value from any address."""
        return self.builder.load(self.builder.bitcast(address, kind.as_pointer()), align=1)

    def store(self, value: Any, address: Any) -> None:
        """Write a value to any address."""
        place = self.builder.bitcast(address, value.type.as_pointer())
        self.builder.store(value, place, align=1)

    def variable(self, value: Any) -> Any:
        """Return a variable, which LLVM keeps in a register."""
        slot = cgutils.alloca_once(self.builder, value.type)
        self.builder.store(value, slot)
        return slot

    @contextmanager
    def loop(self, stop: Any, step: Any) -> Iterator[Any]:
        """Write a loop that counts from 0 up to below ``stop``, around what is written inside."""
        step = self.count(step) if isinstance(step, int) else step
        counter = cgutils.for_range_slice(self.builder, self.count(0), stop, step, self.size)
        with counter as (index, _):
            yield index

    def whole(self, number: Any, of: int) -> Any:
        """Return ``number`` down to a multiple of ``of``, a power of two."""
        return self.builder.and_(number, self.count(-of))

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call an intrinsic of LLVM."""
        return call_llvm(self.builder, name, result, arguments)

    def prefetch(self, address: Any, level: int = 3) -> None:
        """See :func:`~nncompress.machine.intrinsics.write_prefetch`."""
        write_prefetch(self.builder, address, level)

    def broadcast(self, value: Any, kind: Any = INT_VECTOR) -> Any:
        """Return an int32 in every place of a vector."""
        empty = ir.Constant(kind, ir.Undefined)
        single = self.builder.insert_element(empty, value, ir.Constant(I32, 0))
        return self.shuffle(single, empty, [0] * kind.count)

    def shuffle(self, first: Any, second: Any, order: Sequence[int]) -> Any:
        """Return the elements of two vectors at fixed places.

        Those of the second are counted after those of the first.
        """
        mask = ir.Constant(ir.VectorType(I32, len(order)), list(order))
        return self.builder.shuffle_vector(first, second, mask)


class Numbers:
    """A vector of 16 int32 with Python's operators, which write code.

    An int as the other operand stands for itself in every place.
    """

    def __init__(self, writer: CodeWriter, value: Any) -> None:
        self.writer, self.builder, self.value = writer, writer.builder, value

    @classmethod
    def read(cls, writer: CodeWriter, array: Any, index: Any, bits: int = 32) -> Numbers:
        """Take 16 integers of ``bits`` bits from an array, from ``index`` on."""
        address = writer.address(array, writer.builder.mul(index, writer.count(bits // 8)))
        value = writer.load(address, ir.VectorType(ir.IntType(bits), VECTOR_LENGTH))
        return cls(writer, value if bits == 32 else writer.builder.sext(value, INT_VECTOR))

    @classmethod
    def same(cls, writer: CodeWriter, number: Any) -> Numbers:
        """Return a number (intp, cut to 32 bits) in every place."""
        return cls(writer, writer.broadcast(writer.builder.trunc(number, I32)))

    def write(self, array: Any, index: Any, bits: int = 32) -> None:
        """Put the numbers, cut to ``bits`` bits, into an array, from ``index`` on."""
        writer, value = self.writer, self.value
        if bits < 32:
            value = self.builder.trunc(value, ir.VectorType(ir.IntType(bits), VECTOR_LENGTH))
        address = writer.address(array, self.builder.mul(index, writer.count(bits // 8)))
        writer.store(value, address)

    def __add__(self, other: Numbers | int) -> Numbers:
        return self._apply(self.builder.add, other)

    def __sub__(self, other: Numbers | int) -> Numbers:
        return self._apply(self.builder.sub, other)

    def __mul__(self, other: Numbers | int) -> Numbers:
        return self._apply(self.builder.mul, other)

    def __and__(self, other: Numbers | int) -> Numbers:
        return self._apply(self.builder.and_, other)

    def __lshift__(self, other: Numbers | int) -> Numbers:
        return self._apply(self.builder.shl, other)

    def __rshift__(self, other: Numbers | int) -> Numbers:
        return self._apply(self.builder.ashr, other)

    def unsigned_shift(self, bits: int) -> Numbers:
        """Shift to the right as numbers without a sign."""
        return self._apply(self.builder.lshr, bits)

    def clip(self, low: int, high: int) -> Numbers:
        """Cut to the range from ``low`` to ``high``."""
        raised = self._choose("<", low, splat(INT_VECTOR, low), self.value)
        return raised._choose(">", high, splat(INT_VECTOR, high), raised.value)

    def flip(self, other: Numbers) -> Numbers:
        """Turn the sign where ``other`` is negative."""
        return other._choose("<", 0, self.builder.neg(self.value), self.value)

    def pick(self, entries: Sequence[int]) -> Numbers:
        """Look these numbers up in a table of 32; of each the last 5 bits count.

        The instruction is vpermi2d.
        """
        low, high = (
            ir.Constant(INT_VECTOR, list(entries[start : start + VECTOR_LENGTH]))
            for start in (0, VECTOR_LENGTH)
        )
        name = "llvm.x86.avx512.vpermi2var.d.512"
        return Numbers(self.writer, self.writer.call(name, INT_VECTOR, low, self.value, high))

    def _choose(self, relation: str, bound: int, then: Any, otherwise: Any) -> Numbers:
        holds = self.builder.icmp_signed(relation, self.value, splat(INT_VECTOR, bound))
        return Numbers(self.writer, self.builder.select(holds, then, otherwise))

    def _apply(self, operation: Callable[[Any, Any], Any], other: Numbers | int) -> Numbers:
        second = splat(INT_VECTOR, other) if isinstance(other, int) else other.value
        return Numbers(self.writer, operation(self.value, second))


def vector_loop(
    features: Sequence[str], write: Callable[[CodeWriter], Any], signature: Any
) -> tuple[Any, Any]:
    """Return what the typing function of an intrinsic must: a signature, and what writes its code.

    Args:
        features: what the CPU must have; where it has not, the code does nothing and returns 0.
        write: writes the code, and returns the value that says how far it came.
        signature: numba's.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not has_features(context, features):
            return ir.Constant(context.get_value_type(types.intp), 0)
        return write(CodeWriter(context, builder, signature, arguments))

    return signature, generate


def has_features(context: Any, features: Sequence[str]) -> bool:
    """Return whether the CPU that numba compiles for has all of the features."""
    return {"+" + name for name in features} <= cpu_features(context)

"""Give kernels operations that numba lacks.

Some of them it has, but does in 64 bits, which halves what a vector instruction does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic

cgutils: Any = _cgutils  # it has no type hints


def call_llvm(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    """Write a call of an intrinsic of LLVM.

    Args:
        builder: llvmlite's, which writes the code.
        name: the intrinsic's.
        result: LLVM type of what it returns.
        arguments: LLVM values.
    """
    kind = ir.FunctionType(result, [value.type for value in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def write_address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Write the address of an array's element; take the arguments that numba gives an intrinsic.

    The first two arguments of ``signature`` must be a contiguous array and an index.
    """
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


def _shift_right(typing_context: Any, value: Any, bits: Any) -> Any:
    """Return ``value >> bits`` in int32 (arithmetic), for ``bits`` from 0 to 31.

    ``value`` is cut to 32 bits first.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        narrow = [
            context.cast(builder, argument, kind, types.int32)
            for argument, kind in zip(arguments, signature.args, strict=True)
        ]
        return builder.ashr(*narrow)

    return types.int32(value, bits), generate


shift_right: Any = intrinsic(_shift_right)


def _bit_length(typing_context: Any, value: Any) -> Any:
    """Return how many bits a number needs, as ``int.bit_length`` does.

    ``value`` is taken as 64 bits without a sign.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = context.cast(builder, arguments[0], signature.args[0], types.int64)
        zeros = builder.ctlz(wide, ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(wide.type, 64), zeros)

    return types.int64(value), generate


bit_length: Any = intrinsic(_bit_length)


def write_prefetch(builder: Any, address: Any, level: int = 3) -> None:
    """Write a request for the cache line of an address, which need not be one of any memory.

    Args:
        builder: llvmlite's, which writes the code.
        address: pointer to bytes.
        level: 3 to have the line brought into the first-level cache, 2 into the second.
    """
    number = ir.IntType(32)
    choices = [number(choice) for choice in (0, level, 1)]  # read, data
    call_llvm(builder, "llvm.prefetch", ir.VoidType(), [address, *choices])


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line that holds ``array[index]``; the array is contiguous.

    This changes nothing but time.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = write_address(context, builder, signature, arguments)
        write_prefetch(builder, builder.bitcast(place, ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


prefetch: Any = intrinsic(_prefetch)


def _copy_bytes(
    typing_context: Any, target: Any, at: Any, source: Any, start: Any, size: Any
) -> Any:
    """Copy ``size`` bytes of ``source`` from ``start`` on to ``target`` from ``at`` on.

    Both are contiguous arrays of bytes, and the places do not overlap.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, at, source, start, size = arguments
        kinds = signature.args
        to, place = (
            write_address(context, builder, types.void(*kinds[first : first + 2]), pair)
            for first, pair in ((0, (target, at)), (2, (source, start)))
        )
        cgutils.raw_memcpy(builder, to, place, size, 1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64, types.int64), generate


copy_bytes: Any = intrinsic(_copy_bytes)


def _pointer(typing_context: Any, address: Any) -> Any:
    """Return an address, int64, as a pointer for :func:`numba.carray`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


pointer: Any = intrinsic(_pointer)

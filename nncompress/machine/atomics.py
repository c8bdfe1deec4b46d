"""Read and write numbers that several threads share, in kernels that run without Python's lock.

All operations are sequentially consistent (LLVM Language Reference, "Atomic Memory Ordering
Constraints", https://llvm.org/docs/LangRef.html): what a thread wrote before it set a number,
another thread sees once it has read that number. Arrays are int64 [n], contiguous. The functions
:func:`get`, :func:`put`, :func:`add` and :func:`pause` are for compiled code.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .intrinsics import call_llvm, write_address

_ORDERING = "seq_cst"
_PAUSES = {"x86_64": ("llvm.x86.sse2.pause", ()), "aarch64": ("llvm.aarch64.hint", (1,))}
"""The instruction that tells a CPU that a loop waits, so that what shares its core goes on."""


def _get(typing_context: Any, array: Any, index: Any) -> Any:
    """Read ``array[index]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = write_address(context, builder, signature, arguments)
        return builder.load_atomic(place, _ORDERING, 8)

    return types.int64(array, types.int64), generate


def _put(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write ``array[index]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = write_address(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], place, _ORDERING, 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


def _add(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Add to ``array[index]`` and return what it was before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = write_address(context, builder, signature, arguments)
        return builder.atomic_rmw("add", place, arguments[2], _ORDERING)

    return types.int64(array, types.int64, types.int64), generate


def _pause(typing_context: Any) -> Any:
    """Spend a moment of waiting."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        machine = context.codegen().magic_tuple()[0].split("-")[0].replace("arm64", "aarch64")
        name, values = _PAUSES.get(machine, ("", ()))
        if name:
            numbers = [ir.Constant(ir.IntType(32), value) for value in values]
            call_llvm(builder, name, ir.VoidType(), numbers)
        return context.get_dummy_value()

    return types.void(), generate


get: Any = intrinsic(_get)
put: Any = intrinsic(_put)
add: Any = intrinsic(_add)
pause: Any = intrinsic(_pause)

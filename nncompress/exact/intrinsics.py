"""Operations on integers that numba lacks, or does in 64 bits, which halves what a vector instruction does."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _shift_right(typing_context: Any, value: Any, bits: Any) -> Any:
    """``value >> bits`` in int32 (arithmetic), for ``bits`` from 0 to 31; ``value`` is cut to 32 bits first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        narrow = [
            context.cast(builder, argument, kind, types.int32)
            for argument, kind in zip(arguments, signature.args, strict=True)
        ]
        return builder.ashr(*narrow)

    return types.int32(value, bits), generate


shift_right: Any = intrinsic(_shift_right)


def _bit_length(typing_context: Any, value: Any) -> Any:
    """How many bits a number needs, as ``int.bit_length``; ``value`` is taken as 64 bits without a sign."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = context.cast(builder, arguments[0], signature.args[0], types.int64)
        zeros = builder.ctlz(wide, ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(wide.type, 64), zeros)

    return types.int64(value), generate


bit_length: Any = intrinsic(_bit_length)

"""32-bit shifts for numba, whose own ``>>`` widens to 64 bits and so halves what a vector instruction does."""

from __future__ import annotations

from typing import Any

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

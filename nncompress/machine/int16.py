"""Multiply and add vectors of 16-bit integers, with the instructions that CPUs have for it.

numba widens every number to 64 bits, and LLVM finds no vector instruction in such loops. These
functions are written as operations on whole vectors, which LLVM turns into what the CPU has
(pmaddwd, pmulhrsw and paddsw on x86, their like on ARM) or into plain code; the integers are the
same everywhere: ``dot`` and ``train`` of :mod:`nncompress.mixing.reference_parts` say what they
compute.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .intrinsics import call_llvm
from .simd import I32, CodeWriter, has_features, splat

_I16 = ir.IntType(16)
LENGTH = 16
"""Numbers in a vector; arrays are padded to multiples of it."""

AVX2 = ("avx2",)
PAIR_SHIFT = 8
"""Bits that the sum of two products loses, so that the whole sum fits in 32 bits."""

_SHORT, _WIDE = ir.VectorType(_I16, LENGTH), ir.VectorType(I32, LENGTH)


def _products(writer: CodeWriter, left: Any, right: Any) -> Any:
    builder = writer.builder
    return builder.mul(builder.sext(left, _WIDE), builder.sext(right, _WIDE))


def _place(writer: CodeWriter, array: Any, first: Any, index: Any) -> Any:
    number = writer.builder.add(first, index)
    return writer.address(array, writer.builder.mul(number, writer.count(2)))


def _dot(typing_context: Any, weights: Any, at: Any, inputs: Any, first: Any, n: Any) -> Any:
    """Sum the products of ``n`` weights and inputs, the sum of each two shifted; int32.

    ``weights`` from ``at`` on, ``inputs`` from ``first`` on, counted through all rows; int16,
    contiguous, ``n`` a multiple of LENGTH.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        writer = CodeWriter(context, builder, signature, arguments)
        weights, at, inputs, first, n = writer.arguments
        half = ir.VectorType(I32, LENGTH // 2)
        total = writer.variable(splat(half, 0))
        with writer.loop(n, LENGTH) as index:
            left = writer.load(_place(writer, weights, at, index), _SHORT)
            right = writer.load(_place(writer, inputs, first, index), _SHORT)
            products = _products(writer, left, right)
            empty = ir.Constant(_WIDE, ir.Undefined)
            even = writer.shuffle(products, empty, range(0, LENGTH, 2))
            odd = writer.shuffle(products, empty, range(1, LENGTH, 2))
            pairs = builder.ashr(builder.add(even, odd), splat(half, PAIR_SHIFT))
            builder.store(builder.add(builder.load(total), pairs), total)
        name = f"llvm.vector.reduce.add.v{half.count}i32"
        return call_llvm(builder, name, I32, [builder.load(total)])

    return types.int32(weights, at, inputs, first, n), generate


def _steps(context: Any, writer: CodeWriter, inputs: Any, factor: Any) -> Any:
    """Return ``(inputs * factor + 2**14) >> 15``, 16 bits each, for |inputs| below 2**15."""
    builder = writer.builder
    if has_features(context, AVX2):  # LLVM does not see pmulhrsw where the factor is hoisted
        return writer.call("llvm.x86.avx2.pmul.hr.sw", _SHORT, inputs, factor)
    products = builder.lshr(_products(writer, inputs, factor), splat(_WIDE, 14))
    rounded = builder.lshr(builder.add(products, splat(_WIDE, 1)), splat(_WIDE, 1))
    return builder.trunc(rounded, _SHORT)


def _train(
    typing_context: Any, weights: Any, at: Any, inputs: Any, first: Any, n: Any, error: Any
) -> Any:
    """Add inputs times ``error``, in 2**-15 and rounded, to weights; they end at the range's ends.

    Arguments as those of :func:`_dot`; ``error`` fits in 16 bits.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        writer = CodeWriter(context, builder, signature, arguments)
        weights, at, inputs, first, n, error = writer.arguments
        factor = writer.broadcast(builder.trunc(error, _I16), _SHORT)
        with writer.loop(n, LENGTH) as index:
            place = _place(writer, weights, at, index)
            right = writer.load(_place(writer, inputs, first, index), _SHORT)
            step = _steps(context, writer, right, factor)
            name = f"llvm.sadd.sat.v{LENGTH}i16"
            writer.store(
                call_llvm(builder, name, _SHORT, [writer.load(place, _SHORT), step]), place
            )
        return context.get_dummy_value()

    return types.void(weights, at, inputs, first, n, error), generate


dot: Any = intrinsic(_dot)
train_weights: Any = intrinsic(_train)

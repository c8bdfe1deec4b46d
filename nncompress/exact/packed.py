"""Products of int8 matrices for x86 CPUs: weights packed once, sums kept in registers.

torch's product packs the weights anew at every call, which costs most where there are few lanes. Here they are packed
when the network is loaded, in the order in which the CPU's instructions want them. Those multiply unsigned bytes by
signed ones (Intel Intrinsics Guide): with VNNI, ``vpdpbusd`` multiplies four of each and adds the products to 32 bits;
with AVX2 alone, ``vpmaddubsw`` adds two products in 16 bits, ``vpmaddwd`` two of those sums in 32.

The unsigned side is the weight plus 64, 1 to 127 for the 7-bit weights; the excess, 64 times the sum of a row of
activations, is what a row's sums start below zero with. Two products are at most 2 * 127 * 128 = 32512, so 16 bits do
not saturate; a whole sum is at most 127 * 128 * K, inside 32 bits for K up to 2**16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.core import config
from numba.core.codegen import get_host_cpu_features as _get_host_cpu_features
from numba.extending import intrinsic
from numpy.typing import NDArray

from ..jit import jit

# They have no type hints.
cgutils: Any = _cgutils
get_host_cpu_features: Any = _get_host_cpu_features


def _choose_instructions() -> str | None:
    """Name the best instructions that the machine code of numba may use; None where there are none for this."""
    chosen = config.CPU_FEATURES  # type: ignore[attr-defined]
    features = str(get_host_cpu_features() if chosen is None else chosen).split(",")
    for feature, name in (("avx512vnni", "vnni512"), ("avxvnni", "vnni256"), ("avx2", "avx2")):
        if f"+{feature}" in features:
            return name
    return None


# Constants of the compiled code; numba's cache tells CPUs of different features apart.
INSTRUCTIONS = _choose_instructions()
BIAS = 64
"""What is added to a weight so that it has no sign."""

DEPTH = 4
"""How many products go into each sum at a time."""

LANES = 16 if INSTRUCTIONS == "vnni512" else 8
"""How many sums of 32 bits a register holds."""

ROWS = 4
WIDE = 4 if INSTRUCTIONS == "vnni512" else 2
"""A tile's rows, and its columns in registers: the sums fill half of the registers, and hide each other's latency."""

_INT64 = ir.IntType(64)
_INT32 = ir.IntType(32)
_BYTES = ir.IntType(8).as_pointer()
_REGISTER = ir.VectorType(_INT32, LANES)


def fits(weight: NDArray[np.int8]) -> bool:
    """Whether there are instructions for it, and the shape of a weight, int8 [N, K], can be packed."""
    rows, columns = weight.shape
    return INSTRUCTIONS is not None and bool(rows % LANES == 0 and columns % DEPTH == 0)


def pack(weight: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Bring a weight, int8 [N, K] in [-63, 63], into the order of the tiles: uint8 [N * K], on a cache line."""
    rows, columns = weight.shape
    panel = _panel(rows) * LANES
    biased = (weight.astype(np.int16) + BIAS).astype(np.uint8)
    ordered = biased.reshape(rows // panel, panel, columns // DEPTH, DEPTH).transpose(0, 2, 1, 3)
    raw = np.empty(weight.size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    packed = raw[start : start + weight.size]
    packed[:] = ordered.reshape(-1)
    return packed


def _panel(rows: int) -> int:
    """Registers across a panel of the packed weight."""
    return WIDE if rows % (WIDE * LANES) == 0 else 1


def operands(
    activations: NDArray[np.int8], packed: NDArray[np.uint8], out: NDArray[np.int32]
) -> tuple[Any, ...]:
    """Return the arguments of :func:`multiply` for the product of fixed buffers.

    activations: int8 [n, K]. packed: what :func:`pack` made of the weight, int8 [N, K]. out: int32 [n, N].
    """
    return activations, packed, np.zeros(len(activations), np.int32), out, _panel(out.shape[1])


def _tile(
    typing_context: Any,
    activations: Any,
    row: Any,
    packed: Any,
    panel: Any,
    start: Any,
    out: Any,
    rows: Any,
    width: Any,
) -> Any:
    """Multiply ``rows`` rows from ``row`` on by the panel of that number, ``width`` registers across.

    Both numbers are constants of the compiled code. The arrays are those of :func:`multiply`.
    """
    if not isinstance(rows, types.IntegerLiteral) or not isinstance(width, types.IntegerLiteral):
        return None
    signature = types.void(activations, row, packed, panel, start, out, rows, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile = _Tile(context, builder, signature.args, arguments, width.literal_value)
        tile.generate(rows.literal_value)
        return context.get_dummy_value()

    return signature, generate


tile: Any = intrinsic(prefer_literal=True)(_tile)


class _Tile:
    """Writes a tile's instructions as LLVM's intermediate code."""

    def __init__(self, context: Any, builder: Any, kinds: Any, arguments: Any, width: int) -> None:
        self.builder, self.width = builder, width

        def array(index: int) -> Any:
            return context.make_array(kinds[index])(context, builder, arguments[index])

        def number(index: int) -> Any:
            return context.cast(builder, arguments[index], kinds[index], types.int64)

        row, panel = number(1), number(3)
        self.depth = cgutils.unpack_tuple(builder, array(0).shape)[1]
        self.out_bytes = self.times(cgutils.unpack_tuple(builder, array(5).shape)[1], 4)
        self.activations = self.at(array(0), builder.mul(row, self.depth))
        self.panel = self.at(array(2), self.times(builder.mul(panel, self.depth), LANES * width))
        self.start = self.at(array(4), self.times(row, 4))
        place = builder.add(builder.mul(row, self.out_bytes), self.times(panel, 4 * LANES * width))
        self.out = self.at(array(5), place)

    def generate(self, rows: int) -> None:
        builder, columns = self.builder, range(self.width)
        sums = [[cgutils.alloca_once(builder, _REGISTER) for _ in columns] for _ in range(rows)]
        for row, registers in enumerate(sums):
            begin = self.broadcast(self.offset(self.start, 4 * row))
            for register in registers:
                builder.store(begin, register)
        inputs = [self.offset(self.activations, self.times(self.depth, r)) for r in range(rows)]
        steps = builder.udiv(self.depth, ir.Constant(_INT64, DEPTH))
        with cgutils.for_range(builder, steps) as loop:
            line = self.offset(self.panel, self.times(loop.index, 4 * LANES * self.width))
            weights = [
                builder.load(self.register(line, column), align=4 * LANES) for column in columns
            ]
            place = self.times(loop.index, DEPTH)
            for begin, registers in zip(inputs, sums, strict=True):
                activation = self.broadcast(self.offset(begin, place))
                for weight, register in zip(weights, registers, strict=True):
                    builder.store(self.dot(builder.load(register), weight, activation), register)
        for row, registers in enumerate(sums):
            line = self.offset(self.out, self.times(self.out_bytes, row))
            for column, register in enumerate(registers):
                builder.store(builder.load(register), self.register(line, column), align=4)

    def dot(self, total: Any, weight: Any, activation: Any) -> Any:
        """Add to every sum of a register four products of unsigned and signed bytes."""
        if INSTRUCTIONS != "avx2":
            name = "llvm.x86.avx512.vpdpbusd." + INSTRUCTIONS[-3:]  # type: ignore[index]
            return self.call(name, _REGISTER, total, weight, activation)
        bytes_, words = (ir.VectorType(ir.IntType(bits), 256 // bits) for bits in (8, 16))
        operands = (self.builder.bitcast(value, bytes_) for value in (weight, activation))
        pairs = self.call("llvm.x86.avx2.pmadd.ub.sw", words, *operands)
        ones = ir.Constant(words, [1] * 16)
        return self.builder.add(total, self.call("llvm.x86.avx2.pmadd.wd", _REGISTER, pairs, ones))

    def call(self, name: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, arguments)

    def times(self, value: Any, factor: int) -> Any:
        return self.builder.mul(value, ir.Constant(_INT64, factor))

    def at(self, array: Any, offset: Any) -> Any:
        return self.offset(self.builder.bitcast(array.data, _BYTES), offset)

    def offset(self, base: Any, distance: Any) -> Any:
        if isinstance(distance, int):
            distance = ir.Constant(_INT64, distance)
        return self.builder.gep(base, [distance])

    def register(self, base: Any, index: int) -> Any:
        """Address of a register's worth of memory."""
        return self.builder.bitcast(self.offset(base, 4 * LANES * index), _REGISTER.as_pointer())

    def broadcast(self, place: Any) -> Any:
        """Load 32 bits into every part of a register."""
        builder = self.builder
        value = builder.load(builder.bitcast(place, _INT32.as_pointer()), align=1)
        empty = ir.Constant(_REGISTER, ir.Undefined)
        single = builder.insert_element(empty, value, ir.Constant(_INT32, 0))
        zeros = ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES)
        return builder.shuffle_vector(single, empty, zeros)


@jit
def _start_rows(activations: Any, start: Any) -> None:
    """Write what the rows' accumulators start with: less what the weights' bias will add."""
    for row in range(activations.shape[0]):
        total = np.int32(0)
        for value in activations[row]:
            total += np.int32(value)
        start[row] = -np.int32(BIAS) * total


@jit
def multiply(activations: Any, packed: Any, start: Any, out: Any, width: int) -> None:
    """``out``, int32 [n, N], = activations, int8 [n, K], times the packed weight; ``start``, int32 [n], is scratch.

    width: registers across a panel, ``WIDE`` or 1. A panel stays in the first-level cache while all rows pass by.
    """
    rows = activations.shape[0]
    whole = rows - rows % ROWS
    _start_rows(activations, start)
    for panel in range(out.shape[1] // (width * LANES)):
        for row in range(0, whole, ROWS):
            if width == WIDE:
                tile(activations, row, packed, panel, start, out, ROWS, WIDE)
            else:
                tile(activations, row, packed, panel, start, out, ROWS, 1)
        for row in range(whole, rows):
            if width == WIDE:
                tile(activations, row, packed, panel, start, out, 1, WIDE)
            else:
                tile(activations, row, packed, panel, start, out, 1, 1)

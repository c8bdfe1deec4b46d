"""Multiply int8 matrices on x86-64 and arm64 CPUs: weights packed once, sums kept in registers.

torch's product packs the weights anew at every call, which costs most where there are few lanes.
Here they are packed when the network is loaded, in the order in which the CPU's instructions want
them. On arm64 ``sdot`` multiplies four signed bytes by four others and adds the products to 32 bits
(Arm Architecture Reference Manual, FEAT_DotProd). The instructions of x86 multiply unsigned bytes
by signed ones (Intel Intrinsics Guide): with VNNI, ``vpdpbusd`` multiplies four of each and adds
the products to 32 bits; with AVX2 alone, ``vpmaddubsw`` adds two products in 16 bits, ``vpmaddwd``
two of those sums in 32.

The unsigned side is the weight plus 64, 1 to 127 for the 7-bit weights; the excess, 64 times the
sum of a row of activations, is what a row's sums start below zero with. Two products are at most
2 * 127 * 128 = 32512, so 16 bits do not saturate; a whole sum is at most 127 * 128 * K, inside 32
bits for K up to 2**16.

Weights are packed in panels, each as many rows of the weight as the sums of one or of ``WIDE``
registers; a tile is the product of ``TILE_ROWS`` rows of activations, or one, with a panel. Where
the CPU has none of these instructions, or a weight's shape does not fit them, :mod:`.int8_plain`
multiplies.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from .features import dot_instruction
from .int8_plain import multiply_plain
from .jit import jit, part
from .simd import I8, I32, CodeWriter, splat

# Constants of the compiled code; numba's cache tells CPUs of different features apart.
INSTRUCTIONS = dot_instruction()
BIAS = 0 if INSTRUCTIONS == "sdot" else 64
"""What is added to a weight so that it has no sign, where it must have none."""

DEPTH = 4
"""How many products go into each sum at a time."""

REGISTER_SUMS = {"vnni512": 16, "sdot": 4}.get(str(INSTRUCTIONS), 8)
"""How many sums of 32 bits a register holds."""

TILE_ROWS = 4
"""Rows of a tile."""

WIDE = 4 if INSTRUCTIONS in ("vnni512", "sdot") else 2  # those have 32 registers
"""Columns of a wide tile, in registers.

Its sums fill half of the registers, and hide each other's latency."""

_REGISTER = ir.VectorType(I32, REGISTER_SUMS)
_REGISTER_BYTES = 4 * REGISTER_SUMS


UNPACKED = 0
"""Width of panels that says that a weight is not packed, and :mod:`.int8_plain` multiplies."""


def panel_width(rows: int, columns: int) -> int:
    """Return the registers across a panel of a weight, int8 [rows, columns]: its order in memory.

    Returns:
        ``WIDE``, 1 or ``UNPACKED``.
    """
    if INSTRUCTIONS is None or rows % REGISTER_SUMS or columns % DEPTH:
        return UNPACKED
    return 1 if rows % (WIDE * REGISTER_SUMS) else WIDE


def pack(weight: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Bring a weight into the order of the tiles, or leave its order where none fits.

    Args:
        weight: int8 [N, K] in [-63, 63].

    Returns:
        uint8 [N * K], beginning with a cache line. Where weights keep their sign, uint8 holds their
        bits.
    """
    rows, columns = weight.shape
    panel = panel_width(rows, columns) * REGISTER_SUMS
    ordered = weight
    if panel:
        tiles = weight.reshape(rows // panel, panel, columns // DEPTH, DEPTH)
        ordered = tiles.transpose(0, 2, 1, 3).astype(np.int16) + BIAS
    raw = np.empty(weight.size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    packed = raw[start : start + weight.size]
    packed[:] = ordered.astype(np.uint8).reshape(-1)
    return packed


class Operands(NamedTuple):
    """What :func:`multiply` is given for a product of fixed buffers; a table's schema, too.

    Attributes:
        activations: int8 [n, K].
        packed: what :func:`pack` made of the weight, int8 [N, K].
        start: scratch, int32 [n].
        out: int32 [n, N], written.
        width: registers across a panel, or ``UNPACKED``.
    """

    activations: Annotated[NDArray[np.int8], 2]
    packed: Annotated[NDArray[np.uint8], 1]
    start: Annotated[NDArray[np.int32], 1]
    out: Annotated[NDArray[np.int32], 2]
    width: int


def operands(
    activations: NDArray[np.int8], packed: NDArray[np.uint8], out: NDArray[np.int32]
) -> Operands:
    """Return the operands for the product of fixed buffers; see :class:`Operands`."""
    start = np.zeros(len(activations), np.int32)
    width = panel_width(out.shape[1], activations.shape[1])
    return Operands(activations, packed, start, out, width)


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
    """Multiply ``rows`` rows from ``row`` on by a panel, ``width`` registers across.

    ``panel`` is its number. ``rows`` and ``width`` are constants of the compiled code. The arrays
    are those of :func:`multiply`.
    """
    if not isinstance(rows, types.IntegerLiteral) or not isinstance(width, types.IntegerLiteral):
        return None
    signature = types.void(activations, row, packed, panel, start, out, rows, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _write_tile(
            CodeWriter(context, builder, signature, arguments),
            rows.literal_value,
            width.literal_value,
        )
        return context.get_dummy_value()

    return signature, generate


tile: Any = intrinsic(prefer_literal=True)(_tile)


def _write_tile(writer: CodeWriter, rows: int, width: int) -> None:
    builder, count = writer.builder, writer.count
    activations, row, packed, panel, start, out, _, _ = writer.arguments
    depth, columns = (builder.extract_value(a.shape, 1) for a in (activations, out))
    panel_bytes = builder.mul(builder.mul(panel, depth), count(REGISTER_SUMS * width))
    corner = builder.add(
        builder.mul(row, columns), builder.mul(panel, count(REGISTER_SUMS * width))
    )

    def place(array: Any, first: Any, stride: Any, index: int, size: int = 1) -> Any:
        """Return the address of a row of a tile that begins with element ``first``."""
        element = builder.add(first, builder.mul(stride, count(index)))
        return writer.address(array, builder.mul(element, count(size)))

    sums = []
    for index in range(rows):
        begin = writer.load(place(start, row, count(1), index, 4), I32)
        sums.append([writer.variable(writer.broadcast(begin, _REGISTER)) for _ in range(width)])
    inputs = [place(activations, builder.mul(row, depth), depth, index) for index in range(rows)]
    weights_start = writer.address(packed, panel_bytes)
    with writer.loop(depth, DEPTH) as index:
        line = builder.gep(weights_start, [builder.mul(index, count(REGISTER_SUMS * width))])
        weights = [_register(writer, line, column) for column in range(width)]
        for begin, registers in zip(inputs, sums, strict=True):
            four = writer.broadcast(writer.load(builder.gep(begin, [index]), I32), _REGISTER)
            for weight, register in zip(weights, registers, strict=True):
                builder.store(_dot(writer, builder.load(register), weight, four), register)
    for index, registers in enumerate(sums):
        line = place(out, corner, columns, index, 4)
        for column, register in enumerate(registers):
            target = builder.gep(line, [count(column * _REGISTER_BYTES)])
            writer.store(builder.load(register), target)


def _register(writer: CodeWriter, line: Any, index: int) -> Any:
    """Load the register of that number from a line of them."""
    return writer.load(writer.builder.gep(line, [writer.count(index * _REGISTER_BYTES)]), _REGISTER)


def _dot(writer: CodeWriter, total: Any, weight: Any, activation: Any) -> Any:
    """Add to every sum of a register four products of a weight's bytes and an activation's."""
    small = ir.VectorType(I8, _REGISTER_BYTES)
    if INSTRUCTIONS == "sdot":
        bytes_of = (writer.builder.bitcast(value, small) for value in (weight, activation))
        return writer.call("llvm.aarch64.neon.sdot.v4i32.v16i8", _REGISTER, total, *bytes_of)
    if INSTRUCTIONS != "avx2":
        name = f"llvm.x86.avx512.vpdpbusd.{8 * _REGISTER_BYTES}"
        return writer.call(name, _REGISTER, total, weight, activation)
    builder = writer.builder
    words = ir.VectorType(ir.IntType(16), 2 * REGISTER_SUMS)
    operands = (builder.bitcast(value, small) for value in (weight, activation))
    pairs = writer.call("llvm.x86.avx2.pmadd.ub.sw", words, *operands)
    fours = writer.call("llvm.x86.avx2.pmadd.wd", _REGISTER, pairs, splat(words, 1))
    return builder.add(total, fours)


@part
def _start_rows(activations: Any, start: Any) -> None:
    """Write what the sums of each row start with: what the weights' bias will add, taken off."""
    for row in range(activations.shape[0]):
        total = np.int32(0)
        for value in activations[row]:
            total += np.int32(value)
        start[row] = -np.int32(BIAS) * total


@part
def _multiply_packed(activations: Any, packed: Any, start: Any, out: Any, width: int) -> None:
    """Compute as :func:`multiply`.

    A panel stays in the first-level cache while all rows pass by.
    """
    rows = activations.shape[0]
    whole = rows - rows % TILE_ROWS
    _start_rows(activations, start)
    for panel in range(out.shape[1] // (width * REGISTER_SUMS)):
        for row in range(0, whole, TILE_ROWS):
            if width == WIDE:
                tile(activations, row, packed, panel, start, out, TILE_ROWS, WIDE)
            else:
                tile(activations, row, packed, panel, start, out, TILE_ROWS, 1)
        for row in range(whole, rows):
            if width == WIDE:
                tile(activations, row, packed, panel, start, out, 1, WIDE)
            else:
                tile(activations, row, packed, panel, start, out, 1, 1)


def _multiply(activations: Any, packed: Any, start: Any, out: Any, width: int) -> None:
    """Compute ``out = activations @ weight.T``.

    Args:
        activations: int8 [n, K].
        packed: what :func:`pack` made of the weight, int8 [N, K].
        start: scratch, int32 [n].
        out: int32 [n, N], written.
        width: registers across a panel, as the weight was packed, or ``UNPACKED``.
    """
    if width == UNPACKED:
        multiply_plain(activations, packed, out)
    else:
        _multiply_packed(activations, packed, start, out, width)


def _multiply_all_plain(activations: Any, packed: Any, start: Any, out: Any, width: int) -> None:
    """Compute as :func:`multiply` on a CPU that could not even compile the tiles."""
    multiply_plain(activations, packed, out)


multiply = jit(_multiply_all_plain if INSTRUCTIONS is None else _multiply)

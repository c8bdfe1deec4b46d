"""Write the LSTM's cell and Boom in vector instructions of x86.

See :mod:`nncompress.machine.simd` for how, and :mod:`.fused` for the same in portable loops.
Sigmoids are not looked up but computed, from cubics that give the table's entries to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic

from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    BOOM_MAX,
    CELL_MAX,
    CELL_SHIFT,
    GELU_MULTIPLIER,
    HIDDEN_SHIFT,
    SIGMOID_CUBIC_SHIFTS,
    SIGMOID_CUBICS,
    SIGMOID_HALF,
    SIGMOID_SEGMENT,
    STREAM_MAX,
    UNIT_BITS,
)
from nncompress.machine.simd import AVX512, VECTOR_LENGTH, CodeWriter, Numbers, vector_loop

_HALF_UNIT = 1 << (UNIT_BITS - 1)
_TOP = SIGMOID_HALF - 1


def _half_sigmoid(argument: Numbers) -> Numbers:
    """Return the sigmoid of a Q8 argument, less a half: Q15.

    The table's entry for -2048 is that for -2047 again.
    """
    return _from_cubics(argument.clip(-_TOP, _TOP))


def _gate(total: Numbers, shift: Numbers) -> Numbers:
    """Return the sigmoid, less a half, whose index in the table is ``total >> shift``."""
    index = (total >> shift).clip(SIGMOID_HALF - _TOP, SIGMOID_HALF + _TOP)
    return _from_cubics(index - SIGMOID_HALF)


def _from_cubics(argument: Numbers) -> Numbers:
    size = argument.flip(argument)
    segment, x = size >> (SIGMOID_SEGMENT.bit_length() - 1), size & (SIGMOID_SEGMENT - 1)
    c0, c1, c2, c3 = (segment.pick([row[i] for row in SIGMOID_CUBICS]) for i in range(4))
    inner, outer = SIGMOID_CUBIC_SHIFTS
    total = (((((c3 * x + c2) * x) >> inner) + c1) * x + c0).unsigned_shift(outer)
    return total.flip(argument)


def _write_cell(writer: CodeWriter, total: Callable[[Any], Numbers], state: list[Any]) -> Any:
    """Write the LSTM's cell; ``total`` gives the sums before the shift.

    See ``_cell`` and ``_update`` in :mod:`.fused` for the bounds.
    """
    shift, multiplier = (Numbers.same(writer, number) for number in state[:2])
    cell, stream, hidden = state[2:]
    d = writer.length(cell)
    columns = writer.whole(d, VECTOR_LENGTH)
    with writer.loop(columns, VECTOR_LENGTH) as column:
        places = [
            writer.builder.add(column, writer.builder.mul(d, writer.count(i))) for i in range(4)
        ]
        write, keep, candidate, show = (_gate(total(place), shift) for place in places)
        write, keep, show = (gate + _HALF_UNIT for gate in (write, keep, show))
        old = Numbers.read(writer, cell, column)
        low = (keep * (old & 511) + _HALF_UNIT) >> 1
        new = (keep * (old >> 9) + ((write * (candidate << 1) + low) >> 8)) >> 6
        new = new.clip(-CELL_MAX, CELL_MAX)
        new.write(cell, column)
        squashed = _half_sigmoid((new + (1 << (CELL_SHIFT - 1))) >> CELL_SHIFT) << 1
        value = (show * squashed + _HALF_UNIT) >> UNIT_BITS
        value.write(stream, column)
        scaled = (value * multiplier + (1 << (HIDDEN_SHIFT - 1))) >> HIDDEN_SHIFT
        scaled.clip(-ACTIVATION_MAX, ACTIVATION_MAX).write(hidden, column, bits=8)
    return columns


def _write_first_cell(writer: CodeWriter) -> Any:
    row, table_shift, product, multiplier, bias, *state = writer.arguments
    given = Numbers.same(writer, table_shift)

    def total(place: Any) -> Numbers:
        factors = (Numbers.read(writer, array, place) for array in (product, multiplier, bias))
        own, scale, constant = factors
        return (Numbers.read(writer, row, place, bits=16) << given) + own * scale + constant

    return _write_cell(writer, total, state)


def _write_later_cell(writer: CodeWriter) -> Any:
    *factors, bias = writer.arguments[:5]

    def total(place: Any) -> Numbers:
        inputs, scale_inputs, recurrent, scale = (
            Numbers.read(writer, array, place) for array in factors
        )
        return inputs * scale_inputs + recurrent * scale + Numbers.read(writer, bias, place)

    return _write_cell(writer, total, writer.arguments[5:])


def _write_boom(writer: CodeWriter) -> Any:
    product, multiplier, bias, shift, stream = writer.arguments
    builder, bits = writer.builder, Numbers.same(writer, shift)
    d = writer.length(stream)
    columns = writer.whole(d, VECTOR_LENGTH)
    with writer.loop(columns, VECTOR_LENGTH) as column:
        total = writer.variable(Numbers.read(writer, stream, column).value)
        with writer.loop(writer.length(product), d) as start:
            place = builder.add(start, column)
            own, scale, constant = (
                Numbers.read(writer, array, place) for array in (product, multiplier, bias)
            )
            value = ((own * scale + constant) >> bits).clip(-BOOM_MAX, BOOM_MAX)
            gate = _half_sigmoid((value * GELU_MULTIPLIER + (1 << 15)) >> 16) + _HALF_UNIT
            part = (value * gate + _HALF_UNIT) >> UNIT_BITS
            builder.store(builder.add(builder.load(total), part.value), total)
        Numbers(writer, builder.load(total)).clip(-STREAM_MAX, STREAM_MAX).write(stream, column)
    return columns


def _first_cell(
    typing_context: Any,
    row: Any,
    table_shift: Any,
    product: Any,
    multiplier: Any,
    bias: Any,
    shift: Any,
    hidden_multiplier: Any,
    cell: Any,
    stream: Any,
    hidden: Any,
) -> Any:
    """Compute a lane of the first block's LSTM, from a lane's rows of what ``lstm_first`` takes."""
    common = (product, multiplier, bias, shift, hidden_multiplier, cell, stream, hidden)
    return vector_loop(AVX512, _write_first_cell, types.intp(row, table_shift, *common))


def _later_cell(
    typing_context: Any,
    inputs: Any,
    multiplier_inputs: Any,
    product: Any,
    multiplier: Any,
    bias: Any,
    shift: Any,
    hidden_multiplier: Any,
    cell: Any,
    stream: Any,
    hidden: Any,
) -> Any:
    """Compute a lane of a later block's LSTM, from a lane's rows of what ``lstm`` takes."""
    common = (product, multiplier, bias, shift, hidden_multiplier, cell, stream, hidden)
    return vector_loop(AVX512, _write_later_cell, types.intp(inputs, multiplier_inputs, *common))


def _boom(
    typing_context: Any, product: Any, multiplier: Any, bias: Any, shift: Any, stream: Any
) -> Any:
    """Compute a lane of Boom, from a lane's rows of what ``boom`` takes."""
    return vector_loop(AVX512, _write_boom, types.intp(product, multiplier, bias, shift, stream))


first_cell: Any = intrinsic(_first_cell)
later_cell: Any = intrinsic(_later_cell)
boom_lane: Any = intrinsic(_boom)

"""Compute the elementwise steps of the integer network, fused for the CPU.

Each function does for every lane what the function of the same name and signature in
:mod:`.reference` does; the two are tested equal. Loops are written so that LLVM vectorises them:
table look-ups stand alone, since they do not vectorise. On a CPU with AVX-512 the LSTM, Boom and
attention are instead the vector code of :mod:`.gates_simd` and :mod:`.attention_simd`, and the
loops here do what does not fill a vector.

Arrays with one row a lane have ``n`` rows; all are C-contiguous. ``d`` is the network's width, and
Qn an integer that stands for itself times 2**-n (:mod:`nncompress.exact.fixedpoint`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    BOOM_MAX,
    CELL_MAX,
    CELL_SHIFT,
    GELU_MULTIPLIER,
    HIDDEN_SHIFT,
    LOGIT_BITS,
    SIGMOID_HALF,
    STREAM_MAX,
    UNIT_BITS,
    exp2_table,
    sigmoid_table,
)
from nncompress.machine.intrinsics import shift_right
from nncompress.machine.jit import jit, part

from .attention import attend, remember
from .gates_simd import boom_lane, first_cell, later_cell
from .norm import Array, clip, norm_split, norm_to_int8

__all__ = [
    "attend",
    "boom",
    "lstm",
    "lstm_first",
    "norm_split",
    "norm_to_int8",
    "remember",
    "softmax",
    "stream_to_int8",
]

SIGMOID = sigmoid_table()
EXP2 = exp2_table()

_TOP = 2 * SIGMOID_HALF - 1
_ONE = 1 << UNIT_BITS
_HALF_UNIT = 1 << (UNIT_BITS - 1)


@part
def _look_up(numbers: Array, index: Array) -> None:
    """Replace indices of the sigmoid table, int32, by its entries, Q15.

    ``index``, uint16, is scratch. An unsigned index spares numba's test for a negative one, and the
    look-ups have a loop of their own since they do not vectorise.
    """
    for i in range(numbers.shape[0]):
        index[i] = np.uint16(min(max(numbers[i], np.int32(0)), np.int32(_TOP)))
    for i in range(numbers.shape[0]):
        numbers[i] = SIGMOID[index[i]]


@part
def _cell(
    gates: Array, index: Array, cell: Array, stream: Array, hidden: Array, multiplier: int
) -> None:
    """Compute one lane of the LSTM.

    ``gates``, int32 [4d], are indices of sigmoids, and overwritten; ``index``, uint16 [4d], is
    scratch. The others are a lane's rows of the arguments of :func:`lstm`.
    """
    d = cell.shape[0]
    _look_up(gates, index)
    # Slices, not offsets: numba tests a computed index for being negative, and LLVM then does not
    # vectorise.
    write, keep, candidate, show = gates[:d], gates[d : 2 * d], gates[2 * d : 3 * d], gates[3 * d :]
    for i in range(d):
        new = clip(_update(write[i], keep[i], candidate[i], cell[i]), np.int32(CELL_MAX))
        cell[i] = new
        write[i] = shift_right(new + (1 << (CELL_SHIFT - 1)), CELL_SHIFT) + SIGMOID_HALF
    _look_up(write, index)
    for i in range(d):
        # Both factors are at most 2**15, so the product stays inside 32 bits.
        value = shift_right(show[i] * (2 * write[i] - _ONE) + _HALF_UNIT, UNIT_BITS)
        stream[i] = value
        # Sigmoids are at most 32757, so a value is at most 32735, and this stays inside 32 bits for
        # multipliers below 2**16.
        scaled = shift_right(value * multiplier + (1 << (HIDDEN_SHIFT - 1)), HIDDEN_SHIFT)
        hidden[i] = np.int8(clip(scaled, np.int32(ACTIVATION_MAX)))


@part
def _update(write: int, keep: int, candidate: int, cell: int) -> Any:
    """Return keep * cell + 2 * write * (2 * candidate - 1) >> UNIT_BITS, rounded.

    This takes 32 bits, though the sum has 39. The cell, below 2**23, is taken as high * 2**9 + low:
    keep * high is below 2**29, keep * low below 2**24, and the product of write and candidate below
    2**30. With A that product, and B keep * low and the half unit that rounds, the sum is
    keep * high * 2**9 + 2 * A + B, and what is shifted out of B, then of A, cannot change the
    floor.
    """
    low = shift_right(keep * (cell & np.int32(511)) + np.int32(_HALF_UNIT), 1)
    added = write * (np.int32(2) * candidate - np.int32(_ONE))
    return shift_right(keep * shift_right(cell, 9) + shift_right(added + low, 8), 6)


@jit
def lstm_first(
    symbols: Array,
    table: Array,
    table_shift: int,
    recurrent: Array,
    multiplier: Array,
    bias: Array,
    shift: int,
    hidden_multiplier: int,
    cell: Array,
    stream: Array,
    hidden: Array,
) -> None:
    """Compute the first block's LSTM, whose input is a row of a table for each byte.

    Args:
        symbols: uint8 [n], the bytes before.
        table: int16 [256, 4d].
        table_shift: how far the table's entries are shifted to the left.
        recurrent: int32 [n, 4d], the product with the output before.
        multiplier: int32 [4d], of ``recurrent``.
        bias: int32 [4d].
        shift: shift that makes the sums indices of sigmoids.
        hidden_multiplier: makes the output int8, with a shift of HIDDEN_SHIFT.
        cell: int32 [n, d], Q16; updated.
        stream: int32 [n, d], the output, Q15; written.
        hidden: int8 [n, d], the output; written.
    """
    d = cell.shape[1]
    gates, index = np.empty(4 * d, np.int32), np.empty(4 * d, np.uint16)
    for lane in range(symbols.shape[0]):
        own, product = table[symbols[lane]], recurrent[lane]
        state, out, sent = cell[lane], stream[lane], hidden[lane]
        done = first_cell(
            own,
            table_shift,
            product,
            multiplier,
            bias,
            shift,
            hidden_multiplier,
            state,
            out,
            sent,
        )
        if done == d:
            continue
        rest = gates[: 4 * (d - done)]
        for gate in range(4):
            out_part = rest[gate * (d - done) : (gate + 1) * (d - done)]
            part = slice(gate * d + done, (gate + 1) * d)
            given, product_part, scale, constant = (
                own[part],
                product[part],
                multiplier[part],
                bias[part],
            )
            for i in range(d - done):
                total = np.int32(given[i]) * (1 << table_shift) + product_part[i] * scale[i]
                out_part[i] = shift_right(total + constant[i], shift)
        _cell(rest, index, state[done:], out[done:], sent[done:], hidden_multiplier)


@jit
def lstm(
    inputs: Array,
    multiplier_inputs: Array,
    recurrent: Array,
    multiplier: Array,
    bias: Array,
    shift: int,
    hidden_multiplier: int,
    cell: Array,
    stream: Array,
    hidden: Array,
) -> None:
    """Compute a later block's LSTM.

    Args:
        inputs: int32 [n, 4d], the product with the input.
        multiplier_inputs: int32 [4d], of ``inputs``.
        recurrent: int32 [n, 4d], the product with the output before.
        multiplier: int32 [4d], of ``recurrent``.
        bias: int32 [4d].
        shift: shift that makes the sums indices of sigmoids.
        hidden_multiplier: makes the output int8, with a shift of HIDDEN_SHIFT.
        cell: int32 [n, d], Q16; updated.
        stream: int32 [n, d], the output, Q15; written.
        hidden: int8 [n, d], the output; written.
    """
    d = cell.shape[1]
    gates, index = np.empty(4 * d, np.int32), np.empty(4 * d, np.uint16)
    for lane in range(recurrent.shape[0]):
        own, product = inputs[lane], recurrent[lane]
        state, out, sent = cell[lane], stream[lane], hidden[lane]
        done = later_cell(
            own,
            multiplier_inputs,
            product,
            multiplier,
            bias,
            shift,
            hidden_multiplier,
            state,
            out,
            sent,
        )
        if done == d:
            continue
        rest = gates[: 4 * (d - done)]
        for gate in range(4):
            out_part = rest[gate * (d - done) : (gate + 1) * (d - done)]
            part = slice(gate * d + done, (gate + 1) * d)
            given, scale_inputs = own[part], multiplier_inputs[part]
            product_part, scale, constant = product[part], multiplier[part], bias[part]
            for i in range(d - done):
                total = given[i] * scale_inputs[i] + product_part[i] * scale[i] + constant[i]
                out_part[i] = shift_right(total, shift)
        _cell(rest, index, state[done:], out[done:], sent[done:], hidden_multiplier)


@jit
def boom(product: Array, multiplier: Array, bias: Array, shift: int, stream: Array) -> None:
    """Compute Boom's activation, and add the sum of its chunks to the stream.

    Args:
        product: int32 [n, boom], with Boom's weight.
        multiplier: int32 [boom].
        bias: int32 [boom].
        shift: shift that makes the pre-activations Q12.
        stream: int32 [n, d], Q12; updated.
    """
    n, width = product.shape
    d = stream.shape[1]
    value, gate, index = np.empty(d, np.int32), np.empty(d, np.int32), np.empty(d, np.uint16)
    total = np.empty(d, np.int32)
    for lane in range(n):
        row, own = stream[lane], product[lane]
        done = boom_lane(own, multiplier, bias, shift, row)
        if done == d:
            continue
        rest = d - done
        for i in range(rest):
            total[i] = row[done + i]
        for start in range(0, width, d):
            part = slice(start + done, start + d)
            raw_part, scale, constant = own[part], multiplier[part], bias[part]
            for i in range(rest):
                raw = shift_right(raw_part[i] * scale[i] + constant[i], shift)
                value[i] = clip(raw, np.int32(BOOM_MAX))
                gate[i] = shift_right(value[i] * GELU_MULTIPLIER + (1 << 15), 16) + SIGMOID_HALF
            _look_up(gate[:rest], index)
            for i in range(rest):
                total[i] += shift_right(value[i] * gate[i] + _HALF_UNIT, UNIT_BITS)
        left = row[done:]
        for i in range(rest):
            left[i] = clip(total[i], np.int32(STREAM_MAX))


@jit
def stream_to_int8(stream: Array, multiplier: int, out: Array) -> None:
    """Turn the stream into the int8 input of the output layer.

    Args:
        stream: int32 [n, d], Q12.
        multiplier: makes it int8, with a shift of HIDDEN_SHIFT.
        out: int8 [n, d], written.
    """
    n, d = stream.shape
    for lane in range(n):
        for i in range(d):
            scaled = (
                np.int64(stream[lane, i]) * multiplier + (1 << (HIDDEN_SHIFT - 1))
            ) >> HIDDEN_SHIFT
            out[lane, i] = np.int8(clip(scaled, np.int64(ACTIVATION_MAX)))


@jit
def softmax(product: Array, multiplier: Array, bias: Array, shift: int, weights: Array) -> None:
    """Compute the weights of the symbols from the output layer's products.

    Args:
        product: int32 [n, 256], with the output layer's weight.
        multiplier: int32 [256].
        bias: int32 [256].
        shift: shift that makes the logits, in base 2, Q10.
        weights: int32 [n, 256], written: 1..2**20.
    """
    n, symbols = product.shape
    for lane in range(n):
        row = weights[lane]
        largest = np.int32(-(1 << 31))
        for i in range(symbols):
            logit = shift_right(product[lane, i] * multiplier[i] + bias[i], shift)
            row[i] = logit
            largest = max(largest, logit)
        for i in range(symbols):
            below = np.int64(largest) - np.int64(row[i])
            whole = min(below >> LOGIT_BITS, 31)
            row[i] = max(EXP2[below & ((1 << LOGIT_BITS) - 1)] >> whole, 1)

"""The elementwise steps of the integer network, fused for the CPU.

Each function does for every lane what the function of the same name and signature in :mod:`.kernels_torch` does; the
two are tested equal. Loops are written so that LLVM vectorises them: table look-ups stand alone, since they do not.
Arrays with one row a lane have ``n`` rows; all are C-contiguous.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit import jit
from .fixedpoint import (
    ACTIVATION_MAX,
    ATTENTION_END,
    BOOM_MAX,
    CELL_BITS,
    CELL_MAX,
    GELU_MULTIPLIER,
    HIDDEN_SHIFT,
    LOGIT_BITS,
    SIGMOID_BITS,
    SIGMOID_HALF,
    STREAM_MAX,
    UNIT_BITS,
    attention_table,
    exp2_table,
    rsqrt_table,
    sigmoid_table,
)
from .intrinsics import shift_right

Array = Any  # numpy arrays here; numba infers the types it compiles for


SIGMOID = sigmoid_table()
EXP2 = exp2_table()
ATTENTION = attention_table()
RSQRT = rsqrt_table()

_TOP = 2 * SIGMOID_HALF - 1
_ONE = 1 << UNIT_BITS
_HALF_UNIT = 1 << (UNIT_BITS - 1)
_CELL_SHIFT = CELL_BITS - 1 - SIGMOID_BITS  # the table's argument is twice the cell state


@jit
def _clip(value: Any, top: Any) -> Any:
    return min(max(value, -top), top)


@jit
def normalise(row: Array, eps: int, out: Array) -> None:
    """Centre ``row`` and divide it by its Euclidean length: int32 [d] to Q15 int32 [d]."""
    d = row.shape[0]
    total = np.int64(0)
    for i in range(d):
        total += row[i]
    mean = np.int32((total + d // 2) // d)
    square = np.int64(0)
    for i in range(d):
        centred = row[i] - mean
        square += np.int64(centred) * np.int64(centred)
        out[i] = centred
    square += eps
    half = 0
    while (square >> (2 * half)) >= 4096:
        half += 1
    scale = np.int64(RSQRT[(square >> (2 * half)) - 1024])
    shift = 5 + half
    rounding = np.int64(1) << (shift - 1)
    for i in range(d):
        out[i] = np.int32((np.int64(out[i]) * scale + rounding) >> shift)


@jit
def _affine8(normal: Array, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Gain and bias of a layer norm, to the range of int8."""
    for i in range(normal.shape[0]):
        value = shift_right(normal[i] * gain[i] + bias[i], shift)
        out[i] = _clip(value, np.int32(ACTIVATION_MAX))


@jit
def _affine_stream(normal: Array, gain: Array, bias: Array, shift: int, out: Array) -> None:
    for i in range(normal.shape[0]):
        value = shift_right(normal[i] * gain[i] + bias[i], shift)
        out[i] = _clip(value, np.int32(STREAM_MAX))


@jit
def _look_up(arguments: Array, index: Array, out: Array) -> None:
    """Sigmoids, Q15 int32, of Q8 arguments; ``index``, uint16, is scratch.

    An unsigned index spares numba's test for a negative one, and the look-ups a loop of their own.
    """
    for i in range(arguments.shape[0]):
        index[i] = np.uint16(min(max(arguments[i], np.int32(0)), np.int32(_TOP)))
    for i in range(arguments.shape[0]):
        out[i] = SIGMOID[index[i]]


@jit
def _cell(
    gates: Array, index: Array, cell: Array, stream: Array, hidden: Array, multiplier: int
) -> None:
    """One lane of the LSTM. gates: int32 [4d], arguments of sigmoids; overwritten. index: uint16 [4d], scratch."""
    d = cell.shape[0]
    _look_up(gates, index, gates)
    # Slices, not offsets: numba tests a computed index for being negative, and LLVM then does not vectorise.
    write, keep, candidate, show = gates[:d], gates[d : 2 * d], gates[2 * d : 3 * d], gates[3 * d :]
    for i in range(d):
        kept = np.int64(keep[i]) * np.int64(cell[i])
        added = np.int64(write[i]) * np.int64(2 * candidate[i] - _ONE)
        value = (kept + 2 * added + _HALF_UNIT) >> UNIT_BITS
        new = np.int32(min(max(value, np.int64(-CELL_MAX)), np.int64(CELL_MAX)))
        cell[i] = new
        write[i] = shift_right(new + (1 << (_CELL_SHIFT - 1)), _CELL_SHIFT) + SIGMOID_HALF
    _look_up(write, index, write)
    for i in range(d):
        # Both factors are at most 2**15, so the product stays inside 32 bits.
        value = shift_right(show[i] * (2 * write[i] - _ONE) + _HALF_UNIT, UNIT_BITS)
        stream[i] = value
        scaled = (np.int64(value) * multiplier + (1 << (HIDDEN_SHIFT - 1))) >> HIDDEN_SHIFT
        hidden[i] = np.int8(min(max(scaled, np.int64(-ACTIVATION_MAX)), np.int64(ACTIVATION_MAX)))


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
    """The first block's LSTM, whose input is a row of ``table`` a byte.

    symbols: uint8 [n]. recurrent: int32 [n, 4d], the product with the output before. cell, stream: int32 [n, d],
    updated and written. hidden: int8 [n, d], written.
    """
    gates = np.empty(recurrent.shape[1], np.int32)
    index = np.empty(recurrent.shape[1], np.uint16)
    for lane in range(symbols.shape[0]):
        own = table[symbols[lane]]
        product = recurrent[lane]
        for i in range(gates.shape[0]):
            given = np.int32(own[i]) * (1 << table_shift)
            gates[i] = shift_right(given + product[i] * multiplier[i] + bias[i], shift)
        _cell(gates, index, cell[lane], stream[lane], hidden[lane], hidden_multiplier)


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
    """A later block's LSTM. inputs, recurrent: int32 [n, 4d], products with the input and the output before."""
    gates = np.empty(recurrent.shape[1], np.int32)
    index = np.empty(recurrent.shape[1], np.uint16)
    for lane in range(recurrent.shape[0]):
        product, own = recurrent[lane], inputs[lane]
        for i in range(gates.shape[0]):
            total = own[i] * multiplier_inputs[i] + product[i] * multiplier[i] + bias[i]
            gates[i] = shift_right(total, shift)
        _cell(gates, index, cell[lane], stream[lane], hidden[lane], hidden_multiplier)


@jit
def norm_to_int8(stream: Array, eps: int, gain: Array, bias: Array, shift: int, out: Array) -> None:
    """Layer norm of the stream, int32 [n, d], to int8 [n, d]."""
    normal = np.empty(stream.shape[1], np.int32)
    for lane in range(stream.shape[0]):
        normalise(stream[lane], eps, normal)
        _affine8(normal, gain, bias, shift, out[lane])


@jit
def norm_split(
    stream: Array,
    eps: int,
    gain_stream: Array,
    bias_stream: Array,
    shift_stream: int,
    gain: Array,
    bias: Array,
    shift: int,
    out: Array,
) -> None:
    """Two layer norms of one stream, int32 [n, d]: the first replaces it (Q12), the other goes to int8 [n, d]."""
    normal = np.empty(stream.shape[1], np.int32)
    for lane in range(stream.shape[0]):
        normalise(stream[lane], eps, normal)
        _affine_stream(normal, gain_stream, bias_stream, shift_stream, stream[lane])
        _affine8(normal, gain, bias, shift, out[lane])


@jit
def remember(
    stream: Array, eps: int, gain: Array, bias: Array, shift: int, memory: Array, slot: int
) -> None:
    """Layer norm of the stream into slot ``slot`` of the memory, int8 [n, W, d]."""
    normal = np.empty(stream.shape[1], np.int32)
    for lane in range(stream.shape[0]):
        normalise(stream[lane], eps, normal)
        _affine8(normal, gain, bias, shift, memory[lane, slot])


@jit
def _scores(query: Array, memory: Array, filled: int, scores: Array) -> None:
    """Products of a query, int16 [d], with each vector of its memory. With more in the loop LLVM loses vpmaddwd."""
    for j in range(filled):
        row = memory[j]
        total = np.int32(0)
        for i in range(query.shape[0]):
            total += np.int32(query[i]) * np.int32(row[i])
        scores[j] = total


@jit
def _average(weights: Array, memory: Array, filled: int, out: Array) -> None:
    """Sums of memory vectors times weights; two products of 127 * 127 fit in 16 bits, which halves the work."""
    out[:] = 0
    for j in range(0, filled - 1, 2):
        first, second = np.int16(weights[j]), np.int16(weights[j + 1])
        row, other = memory[j], memory[j + 1]
        for i in range(out.shape[0]):
            pair = np.int16(first * np.int16(row[i])) + np.int16(second * np.int16(other[i]))
            out[i] += np.int32(np.int16(pair))
    if filled % 2:
        last, row = weights[filled - 1], memory[filled - 1]
        for i in range(out.shape[0]):
            out[i] += np.int32(last) * np.int32(row[i])


@jit
def attend(
    query: Array,
    query_multiplier: Array,
    query_bias: Array,
    query_shift: int,
    gain: Array,
    bias: Array,
    shift: int,
    memory: Array,
    filled: int,
    eps: int,
    multiplier: int,
    score_shift: int,
    value: Array,
    value_shift: int,
    stream: Array,
) -> None:
    """Attention of every lane to its memory, added to its stream.

    query: int32 [n, d], product with the query's weight. memory: int8 [n, W, d],
    of which ``filled`` slots hold vectors.
    """
    n, d = query.shape
    projected, total = np.empty(d, np.int32), np.empty(d, np.int32)
    key = np.empty(d, np.int16)
    scores, weights = np.empty(filled, np.int32), np.empty(filled, np.int16)
    # Distances beyond the end of the table are all the same, and the cut keeps the product inside 32 bits.
    end = np.int32(min((ATTENTION_END << score_shift) // multiplier + 1, (1 << 24)))
    rounding = np.int64(1) << score_shift >> 1
    for lane in range(n):
        for i in range(d):
            raw = shift_right(query[lane, i] * query_multiplier[i] + query_bias[i], query_shift)
            projected[i] = _clip(raw, np.int32(STREAM_MAX))
        normalise(projected, eps, projected)
        _affine8(projected, gain, bias, shift, key)
        _scores(key, memory[lane], filled, scores)
        largest = scores.max()
        for j in range(filled):
            distance = np.int64(min(largest - scores[j], end)) * multiplier
            scores[j] = np.int32((distance + rounding) >> score_shift)
        mass = np.int64(0)
        for j in range(filled):
            weights[j] = ATTENTION[np.uint16(min(scores[j], ATTENTION_END))]
            mass += weights[j]
        _average(weights, memory[lane], filled, total)
        inverse = np.int64(1 << 30) // mass
        for i in range(d):
            mean = np.int32((np.int64(total[i]) * inverse + (1 << 21)) >> 22)  # Q8
            part = shift_right(mean * value[i] + (1 << value_shift >> 1), value_shift)
            stream[lane, i] = _clip(stream[lane, i] + part, np.int32(STREAM_MAX))


@jit
def boom(product: Array, multiplier: Array, bias: Array, shift: int, stream: Array) -> None:
    """Boom's activation, and the sum of its chunks added to the stream. product: int32 [n, boom]."""
    n, width = product.shape
    d = stream.shape[1]
    value, gate, index = (
        np.empty(width, np.int32),
        np.empty(width, np.int32),
        np.empty(width, np.uint16),
    )
    total = np.empty(d, np.int32)
    for lane in range(n):
        own = product[lane]
        for i in range(width):
            raw = shift_right(own[i] * multiplier[i] + bias[i], shift)
            value[i] = min(max(raw, np.int32(-BOOM_MAX)), np.int32(BOOM_MAX))
            gate[i] = shift_right(value[i] * GELU_MULTIPLIER + (1 << 15), 16) + SIGMOID_HALF
        _look_up(gate, index, gate)
        row = stream[lane]
        total[:] = row
        for start in range(0, width, d):
            part, open_by = value[start : start + d], gate[start : start + d]
            for i in range(d):
                total[i] += shift_right(part[i] * open_by[i] + _HALF_UNIT, UNIT_BITS)
        for i in range(d):
            row[i] = _clip(total[i], np.int32(STREAM_MAX))


@jit
def stream_to_int8(stream: Array, multiplier: int, out: Array) -> None:
    """The stream, int32 [n, d], as the int8 input [n, d] of the output layer."""
    n, d = stream.shape
    for lane in range(n):
        for i in range(d):
            scaled = (
                np.int64(stream[lane, i]) * multiplier + (1 << (HIDDEN_SHIFT - 1))
            ) >> HIDDEN_SHIFT
            out[lane, i] = np.int8(_clip(scaled, np.int64(ACTIVATION_MAX)))


@jit
def softmax(product: Array, multiplier: Array, bias: Array, shift: int, weights: Array) -> None:
    """Weights, int32 [n, 256], in 1..2**20, from the output layer's products, int32 [n, 256]."""
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

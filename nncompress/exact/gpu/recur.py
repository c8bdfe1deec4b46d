"""Compute an LSTM: the products with its weights, and from their sums its gates and its cell.

A program of the grid computes a tile of rows and of columns, with the four gates of each column.
The output goes to the stream alone: other programs still read the output before it, as int8. The
kernel that follows makes the new int8 output of the stream (:mod:`.norms`).
"""

from __future__ import annotations

import triton
import triton.language as tl

from .arithmetic import lstm_cell


@triton.jit
def _four_products(
    activations,
    weight,
    row,
    row_valid,
    column,
    column_valid,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Return the products of some rows with the weights of the four gates of some columns."""
    write = tl.zeros((ROWS, COLUMNS), tl.int32)
    keep = tl.zeros((ROWS, COLUMNS), tl.int32)
    candidate = tl.zeros((ROWS, COLUMNS), tl.int32)
    show = tl.zeros((ROWS, COLUMNS), tl.int32)
    for start in range(0, D, DEPTH):
        depth = start + tl.arange(0, DEPTH)
        inside = depth < D
        given = tl.load(
            activations + row[:, None] * D + depth[None, :],
            mask=row_valid[:, None] & inside[None, :],
            other=0,
        )
        place = weight + column[None, :] * D + depth[:, None]
        valid = column_valid[None, :] & inside[:, None]
        write = tl.dot(given, tl.load(place, valid, 0), write, out_dtype=tl.int32)
        place += D * D
        keep = tl.dot(given, tl.load(place, valid, 0), keep, out_dtype=tl.int32)
        place += D * D
        candidate = tl.dot(given, tl.load(place, valid, 0), candidate, out_dtype=tl.int32)
        place += D * D
        show = tl.dot(given, tl.load(place, valid, 0), show, out_dtype=tl.int32)
    return write, keep, candidate, show


@triton.jit
def _scaled(product, multiplier, column, valid):
    """Return a product times the multipliers of its columns."""
    return product * tl.load(multiplier + column, mask=valid, other=0)[None, :]


@triton.jit
def _step_cell(
    write,
    keep,
    candidate,
    show,
    cell,
    stream,
    sigmoid,
    row,
    column,
    valid,
    D: tl.constexpr,
    SHIFT: tl.constexpr,
):
    """Update a tile of the cells, and write a tile of the stream; the gates are not shifted yet."""
    place = row[:, None] * D + column[None, :]
    before = tl.load(cell + place, mask=valid, other=0)
    new, output = lstm_cell(
        write >> SHIFT, keep >> SHIFT, candidate >> SHIFT, show >> SHIFT, before, sigmoid
    )
    tl.store(cell + place, new, mask=valid)
    tl.store(stream + place, output, mask=valid)


@triton.jit
def _given(symbol, table, bias, row_valid, column, column_valid, TABLE_SHIFT: tl.constexpr):
    """Return what the bytes before add to a gate, with its bias."""
    valid = row_valid[:, None] & column_valid[None, :]
    own = tl.load(table + symbol[:, None] + column[None, :], mask=valid, other=0).to(tl.int32)
    constant = tl.load(bias + column, mask=column_valid, other=0)
    return (own << TABLE_SHIFT) + constant[None, :]


@triton.jit(do_not_specialize=["n"])
def first_gates_kernel(
    n,
    symbols,
    table,
    hidden,
    weight,
    multiplier,
    bias,
    cell,
    stream,
    sigmoid,
    TABLE_SHIFT: tl.constexpr,
    SHIFT: tl.constexpr,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Compute the first block's LSTM; arguments as in :class:`nncompress.exact.stages.LSTMFirst`.

    ``hidden`` is the output before, int8 [n, D], and ``weight`` the recurrent one, int8 [4 D, D].
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    row_valid, column_valid = row < n, column < D
    write, keep, candidate, show = _four_products(
        hidden, weight, row, row_valid, column, column_valid, D, ROWS, COLUMNS, DEPTH
    )
    symbol = tl.load(symbols + row, mask=row_valid, other=0).to(tl.int32) * (4 * D)
    write = _scaled(write, multiplier, column, column_valid)
    write += _given(symbol, table, bias, row_valid, column, column_valid, TABLE_SHIFT)
    place = column + D
    keep = _scaled(keep, multiplier, place, column_valid)
    keep += _given(symbol, table, bias, row_valid, place, column_valid, TABLE_SHIFT)
    place += D
    candidate = _scaled(candidate, multiplier, place, column_valid)
    candidate += _given(symbol, table, bias, row_valid, place, column_valid, TABLE_SHIFT)
    place += D
    show = _scaled(show, multiplier, place, column_valid)
    show += _given(symbol, table, bias, row_valid, place, column_valid, TABLE_SHIFT)
    valid = row_valid[:, None] & column_valid[None, :]
    _step_cell(write, keep, candidate, show, cell, stream, sigmoid, row, column, valid, D, SHIFT)


@triton.jit
def _both(given, multiplier_inputs, product, multiplier, bias, column, valid):
    """Return the sum of a gate of both products, each with its multipliers, and the bias."""
    constant = tl.load(bias + column, mask=valid, other=0)
    scaled = _scaled(product, multiplier, column, valid) + constant[None, :]
    return _scaled(given, multiplier_inputs, column, valid) + scaled


@triton.jit(do_not_specialize=["n"])
def later_gates_kernel(
    n,
    activations,
    weight_inputs,
    multiplier_inputs,
    hidden,
    weight,
    multiplier,
    bias,
    cell,
    stream,
    sigmoid,
    SHIFT: tl.constexpr,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Compute a later block's LSTM; arguments as in :class:`nncompress.exact.stages.LSTMLater`.

    ``activations`` are its inputs and ``hidden`` the output before, int8 [n, D], ``weight_inputs``
    and ``weight`` what they are multiplied with, int8 [4 D, D].
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    row_valid, column_valid = row < n, column < D
    write, keep, candidate, show = _four_products(
        activations, weight_inputs, row, row_valid, column, column_valid, D, ROWS, COLUMNS, DEPTH
    )
    write_too, keep_too, candidate_too, show_too = _four_products(
        hidden, weight, row, row_valid, column, column_valid, D, ROWS, COLUMNS, DEPTH
    )
    place = column
    write = _both(write, multiplier_inputs, write_too, multiplier, bias, place, column_valid)
    place += D
    keep = _both(keep, multiplier_inputs, keep_too, multiplier, bias, place, column_valid)
    place += D
    candidate = _both(
        candidate, multiplier_inputs, candidate_too, multiplier, bias, place, column_valid
    )
    place += D
    show = _both(show, multiplier_inputs, show_too, multiplier, bias, place, column_valid)
    valid = row_valid[:, None] & column_valid[None, :]
    _step_cell(write, keep, candidate, show, cell, stream, sigmoid, row, column, valid, D, SHIFT)

"""From a trained float network to integers: 7-bit weights, a scale a row; 8-bit activations, static scales.

A row's scale is chosen so that the integer multiplier which undoes it is exact; only the weights are rounded, with
regard to the inputs of a calibration text. Activation scales are the 99.99th percentile of the magnitudes seen there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    ATTENTION_BITS,
    HIDDEN_SHIFT,
    LOGIT_BITS,
    NORM_BITS,
    NORM_MAX,
    SIGMOID_BITS,
    SIGMOID_HALF,
    STREAM_BITS,
    STREAM_MAX,
    UNIT_BITS,
    WEIGHT_MAX,
)
from nncompress.exact.parameters import (
    INT32_MAX,
    Affine,
    Attention,
    Block,
    Cell,
    Int8,
    Int32,
    Linear,
    Parameters,
)
from nncompress.network import model as float_network
from nncompress.network.model import SHARNN

from .calibration import Calibration, calibrate
from .gptq import error_spread, round_weights

Float = NDArray[np.float64]


def quantize(model: SHARNN, calibration: Tensor) -> Parameters:
    """Make the integer network of a trained one.

    calibration: uint8 [B, T]: texts like those to be compressed, whose activations give scales and guide rounding.
    """
    seen = calibrate(model, calibration)
    blocks = tuple(_block(model, index, seen) for index in range(model.config.layers))
    output_scale = _round_scale(seen.scales["output"], STREAM_BITS)
    output = linear(
        _array(model.embedding.weight),
        _array(model.output_bias),
        seen.moments["output"],
        real_scale(output_scale, STREAM_BITS),
        math.log2(math.e) * (1 << LOGIT_BITS),
    )
    return Parameters(model.config, blocks, output_scale, output)


class _Matrix:
    """A weight, float64 [N, K], that waits for its rows' scales; moments: of the inputs that it multiplies, [K, K]."""

    def __init__(self, weight: Float, moments: Float) -> None:
        self._weight, self._spread = weight, error_spread(moments)
        self._peak = np.abs(weight).max(axis=1)

    def rows(self, unit: float, careful: bool) -> tuple[Int8, Int32, Float]:
        """Whole weights and each row's multiplier, so that weight * unit is nearly whole * multiplier; what sums reach.

        careful: with regard to the inputs, which takes a second, rather than to the nearest.
        """
        multiplier = np.maximum(1, np.ceil(self._peak / WEIGHT_MAX * unit))
        scaled = self._weight * unit / multiplier[:, None]
        whole = round_weights(scaled, self._spread) if careful else np.rint(scaled).astype(np.int8)
        reach = np.abs(whole.astype(np.float64)).sum(axis=1) * ACTIVATION_MAX * multiplier
        return whole, _int32(multiplier), reach


def _int32(numbers: Float) -> Int32:
    """Convert whole numbers. Those that do not fit are refused by their reach; the cut keeps this defined."""
    return np.clip(numbers, -INT32_MAX, INT32_MAX).astype(np.int32)


Made = TypeVar("Made")


def _finest(shifts: range, make: Callable[[int, bool], tuple[Float, Made]]) -> Made:
    """Make a part with the first of the shifts at which its sums fit 32 bits.

    ``make(shift, careful)`` gives what the sums reach, and the part.
    """
    for shift in shifts:
        if make(shift, False)[0].max() <= INT32_MAX:
            reach, made = make(shift, True)
            if reach.max() <= INT32_MAX:
                return made
    raise ValueError("weights are too large for 32-bit sums")


def linear(weight: Float, bias: Float, moments: Float, scale: float, unit: float) -> Linear:
    """A layer from inputs that count in ``scale`` to outputs that count in 1 / ``unit``: the finest that fits.

    moments: sums of x x^T over many inputs, [K, K].
    """
    matrix = _Matrix(weight, moments)

    def make(shift: int, careful: bool) -> tuple[Float, Linear]:
        whole, multiplier, reach = matrix.rows(scale * unit * 2.0**shift, careful)
        offset = np.rint(bias * unit * 2.0**shift) + (1 << shift >> 1)
        return reach + np.abs(offset), Linear(whole, multiplier, _int32(offset), shift)

    return _finest(range(30, -1, -1), make)


def affine(gain: Float, bias: Float, unit: float) -> Affine:
    """A layer norm's gain and bias for outputs that count in 1 / ``unit``: the finest that fits 32 bits."""
    gain = gain * (math.sqrt(gain.size) * unit / (1 << NORM_BITS))
    bias = bias * unit
    for shift in range(30, -1, -1):
        whole = np.rint(gain * 2.0**shift)
        offset = np.rint(bias * 2.0**shift) + (1 << shift >> 1)
        if (np.abs(whole) * NORM_MAX + np.abs(offset)).max() <= INT32_MAX:
            return Affine(whole.astype(np.int32), offset.astype(np.int32), shift)
    raise ValueError("a layer norm's gain is too large for 32-bit sums")


def _round_scale(scale: float, bits: int) -> int:
    """The multiplier that takes a Q``bits`` value to an int8 activation of about this scale."""
    return min(max(1, round(2.0 ** (HIDDEN_SHIFT - bits) / scale)), (1 << 16) - 1)


def real_scale(multiplier: int, bits: int) -> float:
    """What one step of such an activation stands for."""
    return 2.0 ** (HIDDEN_SHIFT - bits) / multiplier


def _block(model: SHARNN, index: int, seen: Calibration) -> Block:
    block, name = _part(model, index), f"blocks.{index}."
    boom_scale = seen.scales[name + "norm_boom"]
    return Block(
        cell=_cell(model, index, seen),
        norm_stream=_norm(block.norm_stream, 1 << STREAM_BITS),
        norm_boom=_norm(block.norm_boom, 1 / boom_scale),
        boom=linear(
            _array(block.boom.up.weight),
            _array(block.boom.up.bias),
            seen.moments[name + "norm_boom"],
            boom_scale,
            1 << STREAM_BITS,
        ),
        norm_lstm=_norm(block.norm_lstm, 1 / seen.scales[name + "norm_lstm"]) if index else None,
        attention=_attention(block, name, seen) if block.attention is not None else None,
    )


def _cell(model: SHARNN, index: int, seen: Calibration) -> Cell:
    lstm, name = _part(model, index).lstm, f"blocks.{index}."
    hidden = _round_scale(seen.scales[name + "lstm"], UNIT_BITS)
    hidden_scale, inputs_scale = real_scale(hidden, UNIT_BITS), seen.scales[name + "norm_lstm"]
    unit = gate_units(lstm.bias.numel())
    weight_r, weight_i = (_array(w) * unit[:, None] for w in (lstm.weight_hh, lstm.weight_ih))
    bias = _array(lstm.bias) * unit
    recurrent = _Matrix(weight_r, seen.moments[name + "lstm"])
    if index == 0:
        inputs, given = None, _first_inputs(model) @ weight_i.T + bias
        bias = np.zeros_like(bias)
    else:
        inputs, given = _Matrix(weight_i, seen.moments[name + "norm_lstm"]), None

    def make(shift: int, careful: bool) -> tuple[Float, Cell]:
        whole, multiplier, reach = recurrent.rows(hidden_scale * 2.0**shift, careful)
        offset = np.rint((bias + SIGMOID_HALF) * 2.0**shift) + (1 << shift >> 1)
        if inputs is None:
            table, table_shift = _table(given, shift)
            own: dict[str, object] = {"table": table, "table_shift": table_shift}
            more = np.abs(table.astype(np.float64)).max(axis=0) * 2.0**table_shift
        else:
            whole_i, multiplier_i, more = inputs.rows(inputs_scale * 2.0**shift, careful)
            own = {"inputs": whole_i, "multiplier_inputs": multiplier_i}
        cell = Cell(whole, multiplier, _int32(offset), shift, hidden, **own)  # type: ignore[arg-type]
        return reach + np.abs(offset) + more, cell

    return _finest(range(20, 1, -1), make)


def gate_units(rows: int) -> Float:
    """What a 1 in each of an LSTM's ``rows`` gates counts as an argument of the sigmoid table."""
    unit = np.full(rows, float(1 << SIGMOID_BITS))
    unit[rows // 2 : rows // 4 * 3] *= 2  # tanh(x) is 2 sigmoid(2 x) - 1
    return unit


def _first_inputs(model: SHARNN) -> Float:
    """What the first LSTM reads for each byte, [256, d]."""
    with torch.no_grad():
        return _array(_part(model, 0).norm_lstm(model.embedding.weight))


def _table(given: Float, shift: int) -> tuple[NDArray[np.int16], int]:
    """``given`` in int16, and the left shift that makes it count in 2**-shift."""
    bits = min(shift, math.floor(math.log2(32767 / max(np.abs(given).max(), 1e-9))))
    bits = max(bits, 0)
    return np.clip(np.rint(given * 2.0**bits), -32767, 32767).astype(np.int16), shift - bits


def _norm(norm: nn.LayerNorm, unit: float, factor: Float | float = 1.0) -> Affine:
    return affine(_array(norm.weight) * factor, _array(norm.bias) * factor, unit)


def _free_unit(peaks: Float) -> float:
    """What counts a 1 in a stream that is only normalised: its scale is free, and it need not saturate."""
    return 2.0 ** min(STREAM_BITS, math.floor(math.log2(STREAM_MAX / (2 * peaks.max()))))


def _attention(block: float_network.Block, name: str, seen: Calibration) -> Attention:
    part = block.attention
    assert part is not None
    query_scale = seen.scales[name + "norm_attention"]
    factor = 1 / (1 + np.exp(-_array(part.query_scale))) / (1 + np.exp(-_array(part.key_scale)))
    # Where the memory counts in larger steps the key counts in smaller ones: products, and rounding, are spread evenly
    # (SmoothQuant, Xiao et al. 2023, https://arxiv.org/abs/2211.10438).
    keys, memories = (
        seen.peaks[name + "attention.query_norm"] * factor,
        seen.peaks[name + "norm_memory"],
    )
    balance = np.sqrt(memories / keys)
    key_scale = float((keys * balance).max()) / ACTIVATION_MAX
    memory_scale = float((memories / balance).max()) / ACTIVATION_MAX
    with torch.no_grad():
        value = _array(part.value())
    # What the stream becomes is normalised at once, and so is the query.
    stream_unit = _free_unit(seen.peaks[name + "norm_attention"] + np.abs(value) * memories)
    query_unit = _free_unit(seen.peaks[name + "attention.query"])
    exponent = (
        key_scale
        * memory_scale
        / math.sqrt(factor.size)
        * math.log2(math.e)
        * (1 << ATTENTION_BITS)
    )
    shift = min(31, max(0, 11 - math.floor(math.log2(exponent))))
    value = value * balance * memory_scale * stream_unit / 2**8
    value_shift = min(
        31, math.floor(math.log2((INT32_MAX >> 1) / (np.abs(value).max() * (ACTIVATION_MAX << 8))))
    )
    return Attention(
        memory=_norm(block.norm_memory, 1 / memory_scale, 1 / balance),
        stream=_norm(block.norm_attention, stream_unit),
        query_input=_norm(block.norm_attention, 1 / query_scale),
        query=linear(
            _array(part.query.weight),
            _array(part.query.bias),
            seen.moments[name + "norm_attention"],
            query_scale,
            query_unit,
        ),
        query_norm=_norm(part.query_norm, 1 / key_scale, factor * balance),
        multiplier=max(1, round(exponent * 2.0**shift)),
        shift=shift,
        value=np.rint(value * 2.0**value_shift).astype(np.int32),
        value_shift=value_shift,
    )


def _part(model: SHARNN, index: int) -> float_network.Block:
    return cast(float_network.Block, model.blocks[index])


def _array(tensor: Tensor) -> Float:
    return tensor.detach().to("cpu", torch.float64).numpy()

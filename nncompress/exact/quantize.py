"""From a trained float network to integers: 7-bit weights, a scale a row; 8-bit activations, static scales.

A row's scale is chosen so that the integer multiplier which undoes it is exact; only the weights are rounded.
Activation scales come from a calibration text, as the 99.99th percentile of the magnitudes seen there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..network import model as float_network
from ..network.config import START_SYMBOL
from ..network.model import SHARNN
from .fixedpoint import (
    ACTIVATION_MAX,
    ATTENTION_BITS,
    HIDDEN_SHIFT,
    LOGIT_BITS,
    NORM_BITS,
    NORM_MAX,
    SIGMOID_BITS,
    SIGMOID_HALF,
    STREAM_BITS,
    UNIT_BITS,
    WEIGHT_MAX,
)
from .parameters import INT32_MAX, Affine, Attention, Block, Cell, Linear, Parameters

PERCENTILE = 0.9999
"""Magnitudes above this quantile of the calibration text saturate."""

SEGMENT = 256
"""Positions of the calibration text that pass through the network at a time."""

Float = NDArray[np.float64]
Scales = dict[str, float]


def quantize(model: SHARNN, calibration: Tensor) -> Parameters:
    """Make the integer network of a trained one.

    calibration: uint8 [B, T]: texts like those to be compressed, from which activation scales are taken.
    """
    scales = calibrate(model, calibration)
    blocks = tuple(_block(model, index, scales) for index in range(model.config.layers))
    output_scale = _round_scale(scales["output"], STREAM_BITS)
    output = linear(
        _array(model.embedding.weight),
        _array(model.output_bias),
        real_scale(output_scale, STREAM_BITS),
        math.log2(math.e) * (1 << LOGIT_BITS),
    )
    return Parameters(model.config, blocks, output_scale, output)


@torch.no_grad()
def calibrate(model: SHARNN, text: Tensor) -> Scales:
    """Scale of every int8 activation, by the name of the module that makes it, and of ``output``, the last stream."""
    peaks: Scales = {}
    # As a lane sees it: the start symbol, then all bytes but the last.
    inputs = torch.cat([torch.full_like(text[:, :1], START_SYMBOL), text[:, :-1]], dim=1)
    with _observed(model, peaks):
        state = None
        for start in range(0, inputs.shape[1], SEGMENT):
            _, state = model(inputs[:, start : start + SEGMENT], state)
    return {name: peak / ACTIVATION_MAX for name, peak in peaks.items()}


@contextmanager
def _observed(model: SHARNN, peaks: Scales) -> Iterator[None]:
    def watch(name: str) -> object:
        def look(module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, object]) -> None:
            values = output if isinstance(output, Tensor) else output[0]
            peaks[name] = max(peaks.get(name, 1e-6), _quantile(values))

        return look

    watched: dict[str, nn.Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.LayerNorm, float_network.LSTM))
    }
    watched["output"] = model.blocks[-1]
    handles = [module.register_forward_hook(watch(name)) for name, module in watched.items()]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _quantile(values: Tensor) -> float:
    magnitudes = values.detach().float().abs().flatten().cpu().numpy()
    rank = math.ceil(PERCENTILE * magnitudes.size) - 1
    return float(np.partition(magnitudes, rank)[rank])


def linear(weight: Float, bias: Float, scale: float, unit: float) -> Linear:
    """A layer from inputs that count in ``scale`` to outputs that count in 1 / ``unit``: the finest that fits."""
    for shift in range(30, -1, -1):
        whole, multiplier = _rows(weight, scale * unit * 2.0**shift)
        offset = np.rint(bias * unit * 2.0**shift) + (1 << shift >> 1)
        if (_reach(whole, multiplier) + np.abs(offset)).max() <= INT32_MAX:
            return Linear(whole, multiplier, offset.astype(np.int32), shift)
    raise ValueError("a layer's weights are too large for 32-bit sums")


def _rows(weight: Float, unit: float) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Whole weights and the multiplier of each row, so that weight * unit is nearly whole * multiplier."""
    peak = np.abs(weight).max(axis=1)
    multiplier = np.maximum(1, np.ceil(peak / WEIGHT_MAX * unit))
    whole = np.rint(weight * unit / multiplier[:, None])
    # Past 2**31 the caller refuses the multiplier by its reach; the cut only keeps the conversion defined.
    return whole.astype(np.int8), np.minimum(multiplier, INT32_MAX).astype(np.int32)


def _reach(whole: NDArray[np.int8], multiplier: NDArray[np.int32]) -> Float:
    total: Float = np.abs(whole.astype(np.float64)).sum(axis=1) * ACTIVATION_MAX * multiplier
    return total


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


def _block(model: SHARNN, index: int, scales: Scales) -> Block:
    block, name = _part(model, index), f"blocks.{index}."
    boom_scale = scales[name + "norm_boom"]
    return Block(
        cell=_cell(model, index, scales),
        norm_stream=_norm(block.norm_stream, 1 << STREAM_BITS),
        norm_boom=_norm(block.norm_boom, 1 / boom_scale),
        boom=linear(
            _array(block.boom.up.weight), _array(block.boom.up.bias), boom_scale, 1 << STREAM_BITS
        ),
        norm_lstm=_norm(block.norm_lstm, 1 / scales[name + "norm_lstm"]) if index else None,
        attention=_attention(block, name, scales) if block.attention is not None else None,
    )


def _cell(model: SHARNN, index: int, scales: Scales) -> Cell:
    lstm, name = _part(model, index).lstm, f"blocks.{index}."
    hidden = _round_scale(scales[name + "lstm"], UNIT_BITS)
    hidden_scale = real_scale(hidden, UNIT_BITS)
    inputs_scale = scales[name + "norm_lstm"]
    unit = gate_units(lstm.bias.numel())
    recurrent, inputs = (_array(w) * unit[:, None] for w in (lstm.weight_hh, lstm.weight_ih))
    bias = _array(lstm.bias) * unit
    given = _first_inputs(model) @ inputs.T + bias if index == 0 else None
    if given is not None:
        bias = np.zeros_like(bias)
    for shift in range(20, 1, -1):
        whole_r, multiplier_r = _rows(recurrent, hidden_scale * 2.0**shift)
        offset = np.rint((bias + SIGMOID_HALF) * 2.0**shift) + (1 << shift >> 1)
        reach = _reach(whole_r, multiplier_r) + np.abs(offset)
        if given is not None:
            table, table_shift = _table(given, shift)
            own: dict[str, object] = {"table": table, "table_shift": table_shift}
            reach += np.abs(table.astype(np.float64)).max(axis=0) * 2.0**table_shift
        else:
            whole_i, multiplier_i = _rows(inputs, inputs_scale * 2.0**shift)
            own = {"inputs": whole_i, "multiplier_inputs": multiplier_i}
            reach += _reach(whole_i, multiplier_i)
        if reach.max() <= INT32_MAX:
            return Cell(whole_r, multiplier_r, offset.astype(np.int32), shift, hidden, **own)  # type: ignore[arg-type]
    raise ValueError("an LSTM's weights are too large for 32-bit sums")


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


def _attention(block: float_network.Block, name: str, scales: Scales) -> Attention:
    part = block.attention
    assert part is not None
    memory_scale, query_scale = scales[name + "norm_memory"], scales[name + "norm_attention"]
    factor = 1 / (1 + np.exp(-_array(part.query_scale))) / (1 + np.exp(-_array(part.key_scale)))
    key_scale = scales[name + "attention.query_norm"] * float(factor.max())
    exponent = (
        key_scale
        * memory_scale
        / math.sqrt(factor.size)
        * math.log2(math.e)
        * (1 << ATTENTION_BITS)
    )
    shift = min(31, max(0, 11 - math.floor(math.log2(exponent))))
    with torch.no_grad():
        value = _array(part.value()) * memory_scale * 2.0 ** (STREAM_BITS - 8)
    value_shift = min(
        31, math.floor(math.log2((INT32_MAX >> 1) / (np.abs(value).max() * (ACTIVATION_MAX << 8))))
    )
    return Attention(
        memory=_norm(block.norm_memory, 1 / memory_scale),
        stream=_norm(block.norm_attention, 1 << STREAM_BITS),
        query_input=_norm(block.norm_attention, 1 / query_scale),
        query=linear(
            _array(part.query.weight), _array(part.query.bias), query_scale, 1 << STREAM_BITS
        ),
        query_norm=_norm(part.query_norm, 1 / key_scale, factor),
        multiplier=max(1, round(exponent * 2.0**shift)),
        shift=shift,
        value=np.rint(value * 2.0**value_shift).astype(np.int32),
        value_shift=value_shift,
    )


def _part(model: SHARNN, index: int) -> float_network.Block:
    return cast(float_network.Block, model.blocks[index])


def _array(tensor: Tensor) -> Float:
    return tensor.detach().to("cpu", torch.float64).numpy()

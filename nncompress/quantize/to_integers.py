"""Turn a trained float network into the integer network of a model file.

Weights become 7-bit with a scale a row, activations 8-bit with static scales: the 99.99th
percentile of the magnitudes on a calibration text.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nncompress.exact.bounds import INT32_MAX
from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    ATTENTION_BITS,
    LOGIT_BITS,
    SIGMOID_HALF,
    STREAM_BITS,
    STREAM_MAX,
    UNIT_BITS,
)
from nncompress.exact.parameters import Parameters
from nncompress.exact.parts import Affine, Cell, IntegerAttention, IntegerBlock
from nncompress.network import model as float_network
from nncompress.network.model import SHARNN

from .calibration import Calibration, calibrate
from .gptq import Float
from .layers import Matrix, affine, finest, gate_units, linear, real_scale, round_scale, to_int32


def quantize(model: SHARNN, calibration: Tensor) -> Parameters:
    """Make the integer network of a trained one.

    Args:
        model: the trained network, in evaluation mode.
        calibration: texts like those to be compressed, uint8 [B, T]; their activations give scales
            and guide rounding.

    Raises:
        ValueError: a weight is too large for 32-bit sums.
    """
    seen = calibrate(model, calibration)
    blocks = tuple(_block(model, index, seen) for index in range(model.config.layers))
    output_scale = round_scale(seen.scales["output"], STREAM_BITS)
    output = linear(
        _array(model.embedding.weight),
        _array(model.output_bias),
        seen.moments["output"],
        real_scale(output_scale, STREAM_BITS),
        math.log2(math.e) * (1 << LOGIT_BITS),
    )
    return Parameters(model.config, blocks, output_scale, output)


def _block(model: SHARNN, index: int, seen: Calibration) -> IntegerBlock:
    block, name = _part(model, index), f"blocks.{index}."
    boom_scale = seen.scales[name + "norm_boom"]
    return IntegerBlock(
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
    hidden = round_scale(seen.scales[name + "lstm"], UNIT_BITS)
    hidden_scale, inputs_scale = real_scale(hidden, UNIT_BITS), seen.scales[name + "norm_lstm"]
    unit = gate_units(lstm.bias.numel())
    weight_r, weight_i = (_array(w) * unit[:, None] for w in (lstm.weight_hh, lstm.weight_ih))
    bias = _array(lstm.bias) * unit
    recurrent = Matrix(weight_r, seen.moments[name + "lstm"])
    if index == 0:
        inputs, given = None, _first_inputs(model) @ weight_i.T + bias
        bias = np.zeros_like(bias)
    else:
        inputs, given = Matrix(weight_i, seen.moments[name + "norm_lstm"]), None

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
        cell = Cell(whole, multiplier, to_int32(offset), shift, hidden, **own)  # type: ignore[arg-type]
        return reach + np.abs(offset) + more, cell

    return finest(range(20, 1, -1), make)


def _first_inputs(model: SHARNN) -> Float:
    """Return what the first LSTM reads for each byte, [256, d]."""
    with torch.no_grad():
        return _array(_part(model, 0).norm_lstm(model.embedding.weight))


def _table(given: Float, shift: int) -> tuple[NDArray[np.int16], int]:
    """Return ``given`` in int16, and the left shift that makes it count in 2**-shift."""
    bits = min(shift, math.floor(math.log2(32767 / max(np.abs(given).max(), 1e-9))))
    bits = max(bits, 0)
    return np.clip(np.rint(given * 2.0**bits), -32767, 32767).astype(np.int16), shift - bits


def _norm(norm: nn.LayerNorm, unit: float, factor: Float | float = 1.0) -> Affine:
    return affine(_array(norm.weight) * factor, _array(norm.bias) * factor, unit)


def _free_unit(peaks: Float) -> float:
    """Return what a 1 counts as in a vector that is only normalised.

    The scale is free there, and chosen so that twice the peaks do not saturate.
    """
    return 2.0 ** min(STREAM_BITS, math.floor(math.log2(STREAM_MAX / (2 * peaks.max()))))


def _attention(block: float_network.Block, name: str, seen: Calibration) -> IntegerAttention:
    part = block.attention
    assert part is not None
    query_scale = seen.scales[name + "norm_attention"]
    factor = 1 / (1 + np.exp(-_array(part.query_scale))) / (1 + np.exp(-_array(part.key_scale)))
    # Where the memory counts in larger steps the key counts in smaller ones: that spreads products,
    # and rounding, evenly (SmoothQuant, Xiao et al. 2023, https://arxiv.org/abs/2211.10438).
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
    return IntegerAttention(
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

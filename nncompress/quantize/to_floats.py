"""Turn an integer network back into floats that compute the same, so that training can go on.

What is lost: a weight stays the 7-bit number times the scale of its row that it was rounded to, and
what the integers round or cut off is no longer rounded or cut off. Some things of the trained
network leave no trace in the integers, and are chosen anew:

- the scale of a layer norm that only a product reads: its gains get a root mean square of ``GAIN``;
- the scales of query and key, and the gate of the value: only products of these are kept;
- the layer norm and the weights of the first LSTM's input: the integers hold what the LSTM receives
  for each byte. The gains become ``GAIN``, and the weights those of least squares from the
  embedding. If that is as wide as there are bytes, they give what was held; where it is narrower,
  they do up to about the embedding's own rounding.

The embedding is that of the output layer, to which it is tied.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import layer_norm

from nncompress.errors import ModelError
from nncompress.exact.fixedpoint import (
    ATTENTION_BITS,
    LOGIT_BITS,
    NORM_BITS,
    SIGMOID_HALF,
    STREAM_BITS,
    UNIT_BITS,
)
from nncompress.exact.modelfile import MODEL_SUFFIX, load_model, read_metadata
from nncompress.exact.parameters import Parameters
from nncompress.exact.parts import Affine, Int8, Int32, IntegerAttention, IntegerBlock, Linear
from nncompress.exact.store import resolve_model
from nncompress.network.constants import LAYER_NORM_EPS
from nncompress.network.model import SHARNN
from nncompress.network.weights import build, load_weights

from .gptq import Float
from .layers import gate_units, real_scale

WEIGHTS_SUFFIX = ".safetensors"

GAIN = 0.7
"""Root mean square of the gains of a layer norm whose scale is free.

It is about what such gains are in trained networks; larger ones would make the same steps of
training go farther."""

VALUE_MAX = 0.9
"""Largest magnitude that a value's scale is given; near 1, it would hardly learn any more."""

VALUE_SCALE = -4.0
"""The parameter ``value_scale``, low so that the value's scale learns slowly.

Its gates are no longer closed as firmly as training had closed them."""

Pair = tuple[Float, Float]
"""A weight and its bias."""

Weights = dict[str, Float]
"""Arrays by the names that they have in a ``state_dict``."""


def load_network(path: Path) -> SHARNN:
    """Read a float network, from a model file or from float weights, in evaluation mode.

    Raises:
        ModelError: the file is damaged, or is neither.
        OSError: float weights cannot be read.
    """
    if is_model(path):
        return dequantize(load_model(path).parameters)
    return load_weights(path)


def find_network(name: str) -> Path:
    """Return the file of a network that a user named.

    Args:
        name: of an installed model; or a file, which has a folder in its path or a suffix that
            says what it is, as model files and float weights do.

    Raises:
        ModelNotFoundError: no model is called so.
    """
    path = Path(name)
    if path.suffix == WEIGHTS_SUFFIX or (path.suffix != MODEL_SUFFIX and path.parent != Path()):
        return path
    return resolve_model(name)


def is_model(path: Path) -> bool:
    """Say whether a file is a model file, or is named like one."""
    try:
        read_metadata(path)
    except ModelError:
        return path.suffix == MODEL_SUFFIX  # then load_model says what is wrong with it
    return True


def dequantize(parameters: Parameters) -> SHARNN:
    """Make a float network that predicts what the integers do, up to rounding.

    It is in evaluation mode.
    """
    output_scale = real_scale(parameters.output_scale, STREAM_BITS)
    output = _linear(parameters.output, output_scale, math.log2(math.e) * (1 << LOGIT_BITS))
    weights = dict(zip(("embedding.weight", "output_bias"), output, strict=True))
    for index, block in enumerate(parameters.blocks):
        own = _block(block, weights["embedding.weight"])
        weights |= {f"blocks.{index}.{name}": array for name, array in own.items()}
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    return build(parameters.config, tensors, Path("model"))


def _named(name: str, pair: Pair) -> Weights:
    return {f"{name}.weight": pair[0], f"{name}.bias": pair[1]}


def _linear(part: Linear, scale: float, unit: float) -> Pair:
    """Return weight and bias of a layer, inputs counting in ``scale``, outputs in 1 / ``unit``."""
    unit *= 2.0**part.shift
    weight = _matrix(part.weight, part.multiplier) / (scale * unit)
    return weight, (part.bias - _half(part.shift)) / unit


def _affine(part: Affine, unit: float) -> Pair:
    """Return gain and bias of a layer norm whose outputs count in 1 / ``unit``."""
    unit *= 2.0**part.shift
    gain: Float = part.gain.astype(np.float64) * (1 << NORM_BITS) / math.sqrt(part.gain.size)
    return gain / unit, (part.bias - _half(part.shift)) / unit


def _matrix(whole: Int8, multiplier: Int32) -> Float:
    matrix: Float = whole.astype(np.float64) * multiplier[:, None]
    return matrix


def _half(shift: int) -> int:
    return 1 << shift >> 1


def _rms(values: Float) -> float:
    return max(1e-9, math.sqrt(np.square(values).mean()))


def _free_scale(part: Affine) -> float:
    """Return the step of int8 activations at which gains have a root mean square of ``GAIN``."""
    return GAIN / _rms(_affine(part, 1.0)[0])


def _block(block: IntegerBlock, embedding: Float) -> Weights:
    boom_scale = _free_scale(block.norm_boom)
    return {
        **_lstm(block, embedding),
        **(_attention(block.attention) if block.attention is not None else {}),
        **_named("norm_stream", _affine(block.norm_stream, 1 << STREAM_BITS)),
        **_named("norm_boom", _affine(block.norm_boom, 1 / boom_scale)),
        **_named("boom.up", _linear(block.boom, boom_scale, 1 << STREAM_BITS)),
    }


def _lstm(block: IntegerBlock, embedding: Float) -> Weights:
    cell, norm = block.cell, block.norm_lstm
    unit = gate_units(cell.bias.size) * 2.0**cell.shift
    recurrent = _matrix(cell.recurrent, cell.multiplier_recurrent)
    bias = (cell.bias - _half(cell.shift) - SIGMOID_HALF * 2.0**cell.shift) / unit
    if norm is None:
        assert cell.table is not None
        inputs, given = _from_table(embedding, cell.table * 2.0**cell.table_shift / unit)
        bias = bias + given
        pair = np.full(embedding.shape[1], GAIN), np.zeros(embedding.shape[1])
    else:
        assert cell.inputs is not None
        assert cell.multiplier_inputs is not None
        scale = _free_scale(norm)
        inputs = _matrix(cell.inputs, cell.multiplier_inputs) / (scale * unit[:, None])
        pair = _affine(norm, 1 / scale)
    return {
        **_named("norm_lstm", pair),
        "lstm.weight_ih": inputs,
        "lstm.weight_hh": recurrent / (real_scale(cell.hidden, UNIT_BITS) * unit[:, None]),
        "lstm.bias": bias,
    }


def _from_table(embedding: Float, table: Float) -> Pair:
    """Find the weight [4d, d] and bias [4d] that make a table of the normalised embedding.

    Args:
        embedding: [256, d].
        table: [256, 4d].
    """
    width = embedding.shape[1]
    seen = layer_norm(torch.from_numpy(embedding), (width,), eps=LAYER_NORM_EPS).numpy()
    centre, level = seen.mean(axis=0), table.mean(axis=0)
    # Directions in which bytes hardly differ would only amplify rounding.
    weight = np.linalg.lstsq(seen - centre, table - level, rcond=1e-6)[0]
    return weight.T / GAIN, level - centre @ weight


def _attention(part: IntegerAttention) -> Weights:
    value: Float = part.value.astype(np.float64) * 2.0 ** (8 - STREAM_BITS - part.value_shift)
    memory_scale = max(_free_scale(part.memory), float(np.abs(value).max()) / VALUE_MAX)
    width = value.size
    exponent = part.multiplier * 2.0**-part.shift / (math.log2(math.e) * (1 << ATTENTION_BITS))
    gain, bias = _affine(part.query_norm, memory_scale / (exponent * math.sqrt(width)))
    factor = min(max(_rms(gain), 1 / 16), 15 / 16)
    scale = np.full(width, _logit(np.sqrt(factor)))
    stream = _affine(part.stream, 1 << STREAM_BITS)
    steps = _affine(part.query_input, 1.0)[0]
    query_scale = float(steps @ stream[0]) / max(1e-9, float(steps @ steps)) or 1.0
    return {
        **_named("norm_memory", _affine(part.memory, 1 / memory_scale)),
        **_named("norm_attention", stream),
        **_named("attention.query", _linear(part.query, query_scale, 1 << STREAM_BITS)),
        **_named("attention.query_norm", (gain / factor, bias / factor)),
        "attention.query_scale": scale,
        "attention.key_scale": scale,
        **_value(value / memory_scale),
    }


def _value(value: Float) -> Weights:
    """Return the gate, from 1/2 up, and the content whose product is ``value``, [d].

    The gate's weights are zeros, still to be learnt.
    """
    gate = (1 + np.abs(value)) / 2
    return {
        "attention.value_scale": np.full(value.size, VALUE_SCALE),
        "attention.value_gate.weight": np.zeros((2 * value.size, value.size)),
        "attention.value_gate.bias": np.concatenate([np.arctanh(value / gate), _logit(gate)]),
    }


def _logit(share: Float) -> Float:
    logit: Float = np.log(share / (1 - share))
    return logit

"""Floats made of the integers predict what they do, and what the network they were made of did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nncompress.errors import ModelError
from nncompress.exact.config import START_SYMBOL, SHARNNConfig
from nncompress.exact.engine import Network
from nncompress.exact.parameters import Parameters
from nncompress.network.model import SHARNN, Block
from nncompress.network.presets import PRESETS
from nncompress.network.weights import save_weights
from nncompress.quantize.layers import gate_units
from nncompress.quantize.to_floats import dequantize, load_network
from nncompress.quantize.to_integers import quantize
from tests.models import DEEP, SINGLE, TINY, float_network, parameters, text, write_model

PLAIN = replace(TINY, attention=())
WIDE = replace(TINY, dim=272, boom=544)  # wider than there are bytes
PAPER = replace(PRESETS["paper"], dim=32, boom=128)
SMALL = replace(PRESETS["small"], dim=48, boom=192)
CONFIGS = pytest.mark.parametrize(
    "config",
    [TINY, DEEP, SINGLE, PLAIN, WIDE, PAPER, SMALL],
    ids=["tiny", "deep", "single", "plain", "wide", "paper", "small"],
)
LANES, STEPS = 32, 48


def symbols() -> np.ndarray:
    """Bytes to predict, uint8 [lanes, steps]."""
    return np.frombuffer(text(LANES * STEPS, seed=5), np.uint8).reshape(LANES, STEPS)


def float_predictions(model: SHARNN) -> np.ndarray:
    """Probabilities before each byte, float64 [lanes, steps, 256]."""
    start = np.full((LANES, 1), START_SYMBOL, np.uint8)
    before = np.concatenate([start, symbols()[:, :-1]], axis=1)
    with torch.no_grad():
        return torch.softmax(model(torch.from_numpy(before))[0].double(), dim=-1).numpy()


def integer_predictions(network: Parameters) -> np.ndarray:
    """The same of an integer network."""
    lanes = Network(network).lanes(LANES)
    steps = [lanes.start().weights.copy()]
    steps += [lanes.step(row.copy()).weights.copy() for row in symbols().T[:-1]]
    weights = np.stack(steps, axis=1).astype(float)
    return weights / weights.sum(axis=2, keepdims=True)


def excess(expected: np.ndarray, own: np.ndarray) -> float:
    """Bits a byte that codes made for ``own`` are longer, if ``expected`` is the truth."""
    return float((expected * np.log2(expected / own)).sum(axis=2).mean())


def cost(predictions: np.ndarray) -> float:
    """Bits a byte of the text."""
    lane, step = np.indices((LANES, STEPS))
    return float(-np.log2(predictions[lane, step, symbols()]).mean())


@CONFIGS
def test_floats_from_the_integers_predict_what_the_first_floats_did(config: SHARNNConfig) -> None:
    expected = float_predictions(float_network(config))
    lost = excess(expected, float_predictions(dequantize(parameters(config))))
    other = excess(expected, float_predictions(float_network(config, seed=1)))
    assert lost < 0.02
    assert lost < other / 100


@CONFIGS
def test_integers_made_again_predict_what_the_first_integers_did(config: SHARNNConfig) -> None:
    first = integer_predictions(parameters(config))
    back = quantize(dequantize(parameters(config)), torch.from_numpy(symbols().copy()))
    again = integer_predictions(back)
    assert excess(first, again) < 0.02
    assert cost(again) == pytest.approx(cost(first), rel=0.01)


def test_a_network_wider_than_the_alphabet_reads_exactly_what_the_table_held() -> None:
    cell, block = parameters(WIDE).blocks[0].cell, dequantize(parameters(WIDE)).blocks[0]
    assert cell.table is not None
    assert isinstance(block, Block)
    units = gate_units(4 * WIDE.dim) * 2.0 ** (cell.shift - cell.table_shift)
    embedding = dequantize(parameters(WIDE)).embedding.weight
    with torch.no_grad():
        given = block.lstm.project(block.norm_lstm(embedding)).numpy() * units
    assert np.abs(given - cell.table).max() < 0.5  # of the table's own step


def test_every_weight_can_learn() -> None:
    model = dequantize(parameters(TINY))
    data = torch.from_numpy(symbols().copy()).long()
    logits, _ = model(data[:, :-1])
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), data[:, 1:].flatten()).backward()
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    # The value's scale waits for its gate's weights, which begin at 0 and do learn.
    assert idle == ["blocks.1.attention.value_scale"]


def test_a_model_file_and_float_weights_are_told_apart(tmp_path: Path) -> None:
    named = write_model(tmp_path / "any-name.bin")
    assert load_network(named).config == TINY
    weights = tmp_path / "w.safetensors"
    save_weights(weights, load_network(named))
    assert torch.equal(load_network(weights).output_bias, load_network(named).output_bias)


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:-9] + bytes(9), lambda b: b"?"])
def test_a_damaged_model_file_is_refused_in_one_line(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = write_model(tmp_path / "tiny.nncmodel")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"^[^\n]*tiny.nncmodel[^\n]*$"):
        load_network(path)

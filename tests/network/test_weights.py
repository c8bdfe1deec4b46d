"""Weights on disk: what is written comes back, what is damaged or foreign is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nncompress.errors import ModelError
from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN
from nncompress.network.weights import load_weights, save_weights

CONFIG = SHARNNConfig(dim=16, boom=32, layers=2, attention=(1,), window=8)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_weights(tmp_path / "w.safetensors", SHARNN(CONFIG))
    return tmp_path / "w.safetensors"


def test_weights_come_back(tmp_path: Path) -> None:
    model = SHARNN(CONFIG)
    save_weights(tmp_path / "w.safetensors", model)
    back = load_weights(tmp_path / "w.safetensors")
    assert back.config == CONFIG
    torch.testing.assert_close(dict(back.state_dict()), dict(model.state_dict()), rtol=0, atol=0)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_cut_file_is_refused(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ModelError, match="safetensors"):
        load_weights(saved)


def test_tensors_that_do_not_fit_are_named(saved: Path) -> None:
    tensors = load_file(saved)
    tensors["blocks.0.boom.up.bias"] = torch.zeros(31)
    save_file(tensors, saved, {"config": CONFIG.to_json()})
    with pytest.raises(ModelError, match=r"blocks\.0\.boom\.up\.bias.*31.*32"):
        load_weights(saved)


def test_weights_that_are_not_finite_are_refused(saved: Path) -> None:
    tensors = load_file(saved)
    tensors["output_bias"][3] = float("nan")
    save_file(tensors, saved, {"config": CONFIG.to_json()})
    with pytest.raises(ModelError, match="finite"):
        load_weights(saved)


@pytest.mark.parametrize("metadata", [{}, {"config": "{}"}, {"config": "nonsense"}])
def test_a_file_of_another_program_is_refused(saved: Path, metadata: dict[str, str]) -> None:
    save_file(load_file(saved), saved, metadata)
    with pytest.raises(ModelError, match="config"):
        load_weights(saved)

"""Which optimizer a parameter gets, and what Muon does to one."""

from __future__ import annotations

import pytest
import torch

from nncompress.errors import ConfigError
from nncompress.network.model import SHARNN
from nncompress.training.config import TrainConfig
from nncompress.training.optimizers import make_optimizers

OPTIMIZERS = ["adamw", "muon", "lamb"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_parameter_is_trained_once(network: SHARNN, name: str) -> None:
    optimizers = make_optimizers(network, TrainConfig(steps=1, optimizer=name))
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    trained = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(trained) == sorted(map(id, network.parameters()))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_vectors_do_not_decay(network: SHARNN, name: str) -> None:
    config = TrainConfig(steps=1, optimizer=name, weight_decay=0.25)
    for optimizer in make_optimizers(network, config):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                assert group["weight_decay"] == (0.25 if parameter.dim() >= 2 else 0.0)


def test_muon_has_the_matrices_between_hidden_vectors(network: SHARNN) -> None:
    muon, _ = make_optimizers(network, TrainConfig(steps=1, optimizer="muon"))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    matrices = {name for name, parameter in network.named_parameters() if parameter.dim() == 2}
    # The input and output layers, and what makes a constant vector, are AdamW's.
    assert found == {n for n in matrices if "embedding" not in n and "value_gate" not in n}


def test_muons_step_has_the_size_of_adamws_in_every_direction(network: SHARNN) -> None:
    settings = TrainConfig(steps=1, optimizer="muon", rate=0.01, weight_decay=0.0)
    muon, _ = make_optimizers(network, settings)
    weight = network.blocks[0].boom.up.weight
    before = weight.detach().clone()
    weight.grad = 1000 * torch.randn(weight.shape)
    muon.step()
    step = (before - weight.detach()) / (0.01 * 0.2 * max(weight.shape) ** 0.5)
    stretch = torch.linalg.svdvals(step)
    # What five turns of the iteration leave of any singular value: about 0.7 to 1.2.
    assert 0.5 < stretch.min() <= stretch.max() < 1.4


def test_a_pytorch_without_muon_is_named(network: SHARNN, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(ConfigError, match="has no Muon"):
        make_optimizers(network, TrainConfig(steps=1, optimizer="muon"))

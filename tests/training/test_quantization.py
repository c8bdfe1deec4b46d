"""Fake rounding: the grids it rounds to, and the gradients it lets through."""

from __future__ import annotations

import torch

from nncompress.network.model import SHARNN
from nncompress.training.quantization import FakeQuantizer, round_activation, round_weight


def test_a_weights_rows_have_seven_bits_each() -> None:
    torch.manual_seed(0)
    sizes = torch.tensor([[1e-6], [0.1], [1.0], [10.0], [0.0]])
    weight = (torch.randn(5, 40) * sizes).requires_grad_()
    rounded = round_weight(weight)
    step = weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 63
    counts = rounded.detach() / step
    torch.testing.assert_close(counts, counts.round(), rtol=0, atol=1e-3)
    assert counts.abs().max() <= 63.001
    assert ((rounded - weight).abs() <= step * 0.501).all()
    rounded.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_an_activation_is_rounded_and_cut_off() -> None:
    values = torch.tensor([0.04, -0.16, 12.7, 20.0, -20.0], requires_grad=True)
    rounded = round_activation(values, 0.1)
    torch.testing.assert_close(rounded, torch.tensor([0.0, -0.2, 12.7, 12.7, -12.7]))
    rounded.sum().backward()
    assert values.grad.tolist() == [1, 1, 1, 0, 0]


def test_a_rounding_network_stays_close_and_keeps_its_names(network: SHARNN) -> None:
    names = list(network.state_dict())
    text = bytes(range(32, 127)) * 20
    x = torch.tensor([list(text[:60])])
    with torch.no_grad():
        plain, _ = network(x)
        FakeQuantizer.calibrated(network, text)
        rounded, _ = network(x)
    assert list(network.state_dict()) == names
    assert not torch.equal(plain, rounded)
    assert (plain.softmax(-1) - rounded.softmax(-1)).abs().max() < 0.02

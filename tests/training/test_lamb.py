"""Min-trust LAMB, against its definition."""

from __future__ import annotations

import pytest
import torch

from nncompress.training.lamb import LARGEST_NORM, Lamb


def one_step(weight: torch.Tensor, gradient: torch.Tensor, **settings: float) -> torch.Tensor:
    parameter = torch.nn.Parameter(weight.clone())
    parameter.grad = gradient
    Lamb([parameter], lr=0.01, **settings).step()
    return (weight - parameter.detach()) / 0.01


@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_a_steps_length_is_the_weights_within_limits(size: float) -> None:
    weight = torch.full((8, 8), size / 8)  # of norm ``size``
    step = one_step(weight, torch.ones(8, 8))
    plain = 0.1 / 0.001**0.5 * 8  # the norm of an uncorrected first Adam step on ones
    wanted = max(min(size, LARGEST_NORM), 0.25 * plain)
    assert step.norm().item() == pytest.approx(wanted, rel=1e-3)


def test_a_zero_weight_learns_at_full_trust() -> None:
    step = one_step(torch.zeros(4), torch.ones(4))
    torch.testing.assert_close(step, torch.full((4,), 0.1 / 0.001**0.5), rtol=1e-3, atol=0)


def test_decay_pulls_weights_down() -> None:
    weight = torch.ones(4)
    assert (one_step(weight, torch.zeros(4), weight_decay=0.1) > 0).all()


def test_it_finds_a_minimum() -> None:
    torch.manual_seed(0)
    target = torch.randn(6, 6)
    weight = torch.nn.Parameter(torch.randn(6, 6))
    optimizer = Lamb([weight], lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        ((weight - target) ** 2).sum().backward()
        optimizer.step()
    assert (weight - target).abs().max() < 0.2

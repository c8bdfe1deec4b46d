"""Optimize with min-trust LAMB, which the paper's results were trained with.

Source: Y. You et al., "Large Batch Optimization for Deep Learning", https://arxiv.org/abs/1904.00962
(version 3, which has no bias correction), with the lower limit on the trust ratio of S. Merity,
https://arxiv.org/abs/1911.11423, and the constants of the code released with the latter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

LARGEST_NORM = 10.0
"""A weight's norm counts as at most this in its trust ratio."""


class Lamb(torch.optim.Optimizer):
    """Adam whose step for each tensor is scaled by the trust ratio |weight| / |step|.

    Args:
        params: tensors or groups, as for any PyTorch optimizer.
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to divisors.
        weight_decay: share of the weight added to the step.
        min_trust: least trust ratio; without it, young layers with small weights hardly learn,
            which made LAMB unusable for the paper's network.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        min_trust: float = 0.25,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"min_trust": min_trust})

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """Take one step; ``closure``, if given, is called first, and its result returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        slow, slower = group["betas"]
        state["mean"].lerp_(gradient, 1 - slow)
        state["square"].lerp_(gradient * gradient, 1 - slower)
        step = state["mean"] / (state["square"].sqrt() + group["eps"])
        step.add_(parameter, alpha=group["weight_decay"])
        weight, length = parameter.norm().clamp(max=LARGEST_NORM), step.norm()
        trust = (weight / (length + group["eps"])).clamp(min=group["min_trust"])
        trust = torch.where((weight == 0) | (length == 0), torch.ones_like(trust), trust)
        parameter.sub_(step * (group["lr"] * trust))

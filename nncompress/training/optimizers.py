"""Make the optimizers that a network can be trained with."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nncompress.errors import ConfigError

from .config import TrainConfig
from .lamb import Lamb

HIDDEN = ("weight_ih", "weight_hh", "query.weight", "up.weight")
"""Ends of the names of matrices that take hidden vectors to hidden vectors: those Muon is for."""


def make_optimizers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Make what ``config.optimizer`` names.

    "muon" is Muon (K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for the
    hidden matrices and AdamW for the rest. Muon's steps are scaled to AdamW's size (J. Liu et al.
    2025, https://arxiv.org/abs/2502.16982), so that one rate serves both. Weight decay is for
    matrices alone.

    Returns:
        Optimizers; each parameter belongs to one of them.

    Raises:
        ConfigError: this PyTorch, before 2.9, has no Muon.
    """
    named = list(model.named_parameters())
    if config.optimizer == "muon":
        hidden = [parameter for name, parameter in named if name.endswith(HIDDEN)]
        rest = [parameter for name, parameter in named if not name.endswith(HIDDEN)]
        return [_muon(hidden, config), _adamw(rest, config)]
    parameters = [parameter for _, parameter in named]
    if config.optimizer == "lamb":
        return [Lamb(_groups(parameters, config), lr=config.rate)]
    return [_adamw(parameters, config)]


def _groups(parameters: list[nn.Parameter], config: TrainConfig) -> list[dict[str, Any]]:
    matrices = [p for p in parameters if p.dim() >= 2]
    vectors = [p for p in parameters if p.dim() < 2]
    return [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _adamw(parameters: list[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    groups = _groups(parameters, config)
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99), eps=1e-8, fused=True)


def _muon(parameters: list[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    muon: Any = getattr(torch.optim, "Muon", None)
    if muon is None:
        raise ConfigError(
            f"PyTorch {torch.__version__} has no Muon: install 2.9 or newer, "
            "or take --optimizer adamw"
        )
    optimizer: torch.optim.Optimizer = muon(
        parameters,
        lr=config.rate,
        weight_decay=config.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return optimizer

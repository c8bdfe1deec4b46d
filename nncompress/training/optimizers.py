"""The optimizers a network can be trained with."""

from __future__ import annotations

import torch
from torch import nn

from .config import TrainConfig
from .lamb import Lamb


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Make the optimizer that ``config`` names; weight decay is for matrices alone."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if config.optimizer == "lamb":
        return Lamb(groups, lr=config.rate)
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99), eps=1e-8, fused=True)

"""Train in several processes at once: they share gradients and the clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn

from nncompress.machine.device import torch_device


class Processes:
    """All processes of a run, as this one sees them; alone, it has nothing to do.

    Attributes:
        rank: this one's number, from 0.
        count: how many there are.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.count = dist.get_world_size() if dist.is_initialized() else 1

    def average_gradients(self, model: nn.Module) -> None:
        """Give each the mean of what all of them found."""
        if self.count == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.count
        sizes = [gradient.numel() for gradient in gradients]
        parts = flat.split(sizes)  # type: ignore[no-untyped-call]
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, value: float, device: torch.device) -> float:
        """Return the first one's number, so that all of them decide alike what is due."""
        if self.count == 1:
            return value
        given = torch.tensor(value, dtype=torch.float64, device=device)
        dist.broadcast(given, 0)
        return given.item()


def in_several() -> bool:
    """Say whether torchrun has started more than one process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Join the other processes, where there are several."""
    if not in_several():
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def own_device(name: str) -> torch.device:
    """Return the device to train on; under torchrun, each process on a machine has its own GPU."""
    device = torch_device(name)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device

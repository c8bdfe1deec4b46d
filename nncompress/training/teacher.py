"""Trained networks that a network in training learns from, beside the text: distillation.

What a teacher says of a byte is a whole distribution, where the text shows one byte of many that could have stood
there: G. Hinton, O. Vinyals, J. Dean 2015, "Distilling the Knowledge in a Neural Network",
https://arxiv.org/abs/1503.02531. The mean of several teachers' distributions is better than the best of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..network.model import SHARNN, BlockState
from .checkpoint import pack_state, unpack_state
from .objective import predict


class Teacher:
    """The mean of some networks' predictions, each with the state it carries from segment to segment.

    Raises ``ValueError`` where there is no network.
    """

    def __init__(self, networks: Sequence[SHARNN], device: torch.device | str = "cpu") -> None:
        if not networks:
            raise ValueError("a teacher needs at least one network")
        self.networks = [network.to(device).eval().requires_grad_(False) for network in networks]
        self.device = torch.device(device)
        self.reset()

    def reset(self) -> None:
        """Begin anew from the cold state."""
        self._states: list[list[BlockState] | None] = [None] * len(self.networks)

    @torch.no_grad()
    def distributions(self, inputs: Tensor, precision: str) -> Tensor:
        """Read a segment, uint8 [B, T]; returns the probabilities of each next byte, float32 [T * B, 256]."""
        each = []
        for index, network in enumerate(self.networks):
            logits, self._states[index] = predict(network, inputs, self._states[index], precision)
            each.append(torch.softmax(logits, dim=-1))
        return torch.stack(each).mean(dim=0)

    def pack(self) -> dict[str, Tensor]:
        """Return the states as named tensors."""
        return {
            f"teacher.{index}.{name}": tensor
            for index, state in enumerate(self._states)
            for name, tensor in pack_state(state).items()
        }

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore :meth:`pack`'s states; a network without one begins in the cold state."""
        for index in range(len(self.networks)):
            prefix = f"teacher.{index}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            self._states[index] = unpack_state(own, self.device)

"""Let a network in training learn from trained networks beside the text: distillation.

What a teacher says of a byte is a whole distribution, where the text shows one byte of many that
could have been there: G. Hinton, O. Vinyals, J. Dean 2015, "Distilling the Knowledge in a Neural
Network", https://arxiv.org/abs/1503.02531. The mean of several teachers' distributions is better
than the best of theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nncompress.exact.config import SYMBOLS
from nncompress.exact.engine import Lanes, Network
from nncompress.exact.modelfile import load_model
from nncompress.network.model import SHARNN, BlockState
from nncompress.quantize.to_floats import is_model, load_network

from .checkpoint import pack_state, unpack_state
from .objective import predict

GROUP = 32
"""Lanes that a thread takes at a time."""


class SegmentReader(Protocol):
    """A trained network that reads segment after segment."""

    def reset(self) -> None:
        """Begin anew from the cold state."""

    def read(self, inputs: Tensor, precision: str) -> Tensor:
        """Read a segment.

        Args:
            inputs: uint8 [B, T].
            precision: "bfloat16" (autocast) or "float32".

        Returns:
            The probabilities of each next byte, float32 [T * B, 256].
        """

    def pack(self) -> dict[str, Tensor]:
        """Return what is carried to the next segment as named tensors; none in the cold state."""

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what :meth:`pack` returned."""


class FloatReader:
    """A float network, on any device."""

    def __init__(self, network: SHARNN, device: torch.device) -> None:
        self.network, self.device = network.to(device).eval(), device
        self.reset()

    def reset(self) -> None:
        """Begin anew from the cold state."""
        self.state: list[BlockState] | None = None

    @torch.no_grad()
    def read(self, inputs: Tensor, precision: str) -> Tensor:
        """Read a segment; see :class:`SegmentReader`."""
        logits, self.state = predict(self.network, inputs, self.state, precision)
        return torch.softmax(logits, dim=-1)

    def pack(self) -> dict[str, Tensor]:
        """Return the state."""
        return pack_state(self.state)

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state."""
        self.state = unpack_state(tensors, self.device)


class IntegerReader:
    """A model's integer network on the CPU, where it is faster than a float network.

    Args:
        network: the network, on the CPU.
        threads: how many may work for it.
    """

    def __init__(self, network: Network, threads: int) -> None:
        self.network, self.threads = network, threads
        self.reset()

    def reset(self) -> None:
        """Begin anew from the cold state."""
        self.groups: list[Lanes] = []

    def read(self, inputs: Tensor, precision: str) -> Tensor:
        """Read a segment, in integers whatever the precision; see :class:`SegmentReader`."""
        columns = np.ascontiguousarray(inputs.t().numpy())
        steps, count = columns.shape
        places = [slice(first, min(first + GROUP, count)) for first in range(0, count, GROUP)]
        if not self.groups:
            self.groups = [self.network.lanes(place.stop - place.start) for place in places]
        weights = np.empty((steps, count, SYMBOLS), np.int32)

        def work(lanes: Lanes, place: slice) -> None:
            for step in range(steps):
                weights[step, place] = lanes.step(columns[step, place]).weights

        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(work, self.groups, places))
        chances = torch.from_numpy(weights).flatten(0, 1).float()
        return chances / chances.sum(dim=-1, keepdim=True)

    def pack(self) -> dict[str, Tensor]:
        """Return the lanes' position and state."""
        packed = {}
        for index, lanes in enumerate(self.groups):
            packed[f"{index}.position"] = torch.tensor([lanes.count, lanes.position])
            for number, array in enumerate(lanes.state):
                packed[f"{index}.{number}"] = torch.from_numpy(array.copy())
        return packed

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the lanes."""
        self.reset()
        while (place := tensors.get(f"{len(self.groups)}.position")) is not None:
            lanes = self.network.lanes(int(place[0]))
            lanes.position = int(place[1])
            for number, array in enumerate(lanes.state):
                array[:] = tensors[f"{len(self.groups)}.{number}"].numpy()
            self.groups.append(lanes)


class Teacher:
    """The mean of what some networks predict.

    Args:
        readers: the networks.
        names: one for each, for the tensors of :meth:`pack`; their numbers if there are none.

    Raises:
        ValueError: there is no network.
    """

    def __init__(self, readers: Sequence[SegmentReader], names: Sequence[str] = ()) -> None:
        if not readers:
            raise ValueError("a teacher needs at least one network")
        self.readers = readers
        self._names = names or [str(index) for index in range(len(readers))]

    @classmethod
    def load(cls, paths: Sequence[Path], device: torch.device) -> Teacher:
        """Read networks from model files or float weights.

        Args:
            paths: of the files.
            device: where to compute them; on the CPU, model files stay integers where its
                instructions make that fast.

        Raises:
            ModelError: a file is damaged, or is neither.
            OSError: a file cannot be read.
        """
        # Named by content, so that a checkpoint's state never goes to another network.
        readers = [_reader(path, device) for path in paths]
        return cls(readers, [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])

    def reset(self) -> None:
        """Begin anew from the cold state."""
        for reader in self.readers:
            reader.reset()

    def distributions(self, inputs: Tensor, precision: str) -> Tensor:
        """Read a segment; see :meth:`SegmentReader.read`."""
        return torch.stack([reader.read(inputs, precision) for reader in self.readers]).mean(dim=0)

    def pack(self) -> dict[str, Tensor]:
        """Return all states as named tensors."""
        return {
            f"teacher.{own}.{name}": tensor
            for own, reader in zip(self._names, self.readers, strict=True)
            for name, tensor in reader.pack().items()
        }

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what :meth:`pack` returned; a network without a state begins in the cold one."""
        for own, reader in zip(self._names, self.readers, strict=True):
            prefix = f"teacher.{own}."
            reader.unpack(
                {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            )


def _reader(path: Path, device: torch.device) -> SegmentReader:
    if device.type == "cpu" and is_model(path):
        return IntegerReader(Network(load_model(path).parameters), torch.get_num_threads())
    return FloatReader(load_network(path), device)

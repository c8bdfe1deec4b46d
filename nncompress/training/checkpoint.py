"""Write and read the checkpoint of a training run.

A run's folder holds:

``run.safetensors``    everything needed to go on: weights, optimizer, network state, unread text,
                       and in its metadata the JSON record of configs and counters. It is one file,
                       replaced atomically, so that a killed run leaves a whole one.
``model.safetensors``  the float weights of the latest checkpoint, for export.
``best.safetensors``   those of the best validation so far.
``log.jsonl``          one JSON object a line.

With several processes, ``run-N.safetensors`` is the checkpoint of process N > 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from nncompress.errors import ConfigError
from nncompress.files.output import write_file
from nncompress.network.model import BlockState, flatten_state, restore_state
from nncompress.network.weights import read_header, read_tensors


def save_run(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Write a checkpoint: it replaces the one before, or that one stays as it is.

    Args:
        path: the file.
        tensors: on any device, by name.
        record: what goes beside them; what JSON can hold.

    Raises:
        FileError: the file cannot be written.
    """
    whole = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    write_file(path, save(whole, metadata={"record": json.dumps(record)}))


def load_run(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the record of a file of :func:`save_run`.

    Raises:
        ModelError: the file is damaged.
        ConfigError: it is no checkpoint.
        OSError: it cannot be read.
    """
    tensors, metadata = read_tensors(path)
    return tensors, _record(path, metadata)


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a file of :func:`save_run`; its errors are those of :func:`load_run`."""
    return _record(path, read_header(path))


def _record(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        record = json.loads(metadata["record"])
        if isinstance(record, dict):
            return record
    except (KeyError, ValueError, RecursionError):
        pass
    raise ConfigError(f"{path}: holds no training record; it is no checkpoint")


def pack_optimizers(optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Return the state of optimizers as named tensors.

    Parameters are numbered in each optimizer's own order; those of later ones follow.
    """
    packed = {}
    for optimizer, numbers in _numbered(optimizers):
        for index, entries in optimizer.state_dict()["state"].items():
            for key, value in entries.items():
                packed[f"optimizer.{numbers[index]}.{key}"] = torch.as_tensor(value)
    return packed


def unpack_optimizers(
    optimizers: Sequence[torch.optim.Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """Restore the state of optimizers from what :func:`pack_optimizers` returned."""
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".")
            entries.setdefault(int(number), {})[key] = tensor
    for optimizer, numbers in _numbered(optimizers):
        state = {i: entries[number] for i, number in enumerate(numbers) if number in entries}
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def _numbered(
    optimizers: Sequence[torch.optim.Optimizer],
) -> Iterator[tuple[torch.optim.Optimizer, range]]:
    """Yield each optimizer with the numbers of its parameters."""
    first = 0
    for optimizer in optimizers:
        after = first + sum(len(group["params"]) for group in optimizer.param_groups)
        yield optimizer, range(first, after)
        first = after


def pack_state(state: Sequence[BlockState] | None) -> dict[str, Tensor]:
    """Return the network's carried state as named tensors; of the cold state there are none."""
    return dict(zip(_state_names(), flatten_state(state), strict=False))


def unpack_state(tensors: Mapping[str, Tensor], device: torch.device) -> list[BlockState] | None:
    """Return the state that :func:`pack_state` named, on a device; None is the cold state."""
    names = takewhile(tensors.__contains__, _state_names())
    return restore_state([tensors[name].to(device) for name in names])


def _state_names() -> Iterator[str]:
    """Yield names of tensors of any number of blocks, in the order of :func:`flatten_state`."""
    for index in count():
        for part in ("hidden", "cell", "memory"):
            yield f"state.{index}.{part}"


def pack_text(pending: list[bytes]) -> dict[str, Tensor]:
    """Return each lane's unread text as a named uint8 tensor."""
    return {
        f"pending.{lane}": torch.from_numpy(np.frombuffer(text, np.uint8).copy())
        for lane, text in enumerate(pending)
    }


def unpack_text(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """Return each lane's text from what :func:`pack_text` returned."""
    lanes = sum(name.startswith("pending.") for name in tensors)
    return [tensors[f"pending.{lane}"].numpy().tobytes() for lane in range(lanes)]

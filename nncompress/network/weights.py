"""Write and read a network's float weights, in a safetensors file with the config beside them.

The file holds the float32 ``state_dict`` of :class:`~nncompress.network.model.SHARNN` and, under
the metadata key ``config``, :meth:`SHARNNConfig.to_json`'s text; under ``about``, a JSON object
that says how they were trained, for people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nncompress.errors import ModelError
from nncompress.exact.config import SHARNNConfig
from nncompress.files.output import write_file

from .model import SHARNN


def save_weights(path: Path, model: SHARNN, about: Mapping[str, Any] | None = None) -> None:
    """Write a network's weights; the file appears complete or not at all.

    Args:
        path: the file; one that exists is replaced.
        model: the network.
        about: how it was trained, for people; what JSON can hold.

    Raises:
        FileError: the file cannot be written.
    """
    state = model.state_dict()
    tensors = {name: tensor.to("cpu", torch.float32).contiguous() for name, tensor in state.items()}
    metadata = {"config": model.config.to_json(), "about": json.dumps(dict(about or {}))}
    write_file(path, save(tensors, metadata=metadata))


def load_weights(path: Path) -> SHARNN:
    """Read a file of :func:`save_weights` into a network in evaluation mode.

    Raises:
        ModelError: the file is damaged, or its tensors do not fit its config.
        OSError: the file cannot be read.
    """
    tensors, metadata = read_tensors(path)
    if "config" not in metadata:
        raise ModelError(f"{path}: no config in its metadata; it holds no SHA-RNN of this project")
    try:
        config = SHARNNConfig.from_json(metadata["config"])
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    return build(config, tensors, path)


def read_about(path: Path) -> dict[str, Any]:
    """Return what a file of :func:`save_weights` says of the training; nothing where it does not.

    Raises:
        ModelError: the file is damaged.
        OSError: the file cannot be read.
    """
    try:
        found = json.loads(read_header(path).get("about", "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_header(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, without its tensors.

    Raises:
        ModelError: the file is damaged.
        OSError: the file cannot be read.
    """
    try:
        with safe_open(str(path), "pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise _incomplete(path, error) from None


def _incomplete(path: Path, error: SafetensorError) -> ModelError:
    return ModelError(f"{path}: not a complete safetensors file ({error})")


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a safetensors file.

    Raises:
        ModelError: the file is damaged.
        OSError: the file cannot be read.
    """
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except SafetensorError as error:
        raise _incomplete(path, error) from None


def build(config: SHARNNConfig, tensors: Mapping[str, Tensor], path: Path) -> SHARNN:
    """Make a network of weights, in evaluation mode.

    Args:
        config: the network's shape.
        tensors: the weights by their names in the ``state_dict``, of any float dtype.
        path: where they are from, for messages.

    Raises:
        ModelError: names or shapes do not fit the config, or a weight is not finite.
    """
    with torch.device("meta"):
        model = SHARNN(config)
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            have, need = (_shape(shapes.get(name)) for shapes in (found, wanted))
            raise ModelError(f"{path}: tensor {name!r} is {have}, the config needs {need}")
    floats = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    if not all(bool(torch.isfinite(tensor).all()) for tensor in floats.values()):
        raise ModelError(f"{path}: a weight is not finite")
    model.load_state_dict(floats, assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model.eval()


def _shape(shape: torch.Size | None) -> str:
    return "absent" if shape is None else "x".join(map(str, shape)) or "a scalar"

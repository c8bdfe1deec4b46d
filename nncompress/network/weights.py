"""Float weights of a network in a safetensors file, with the config in its metadata.

The file holds the float32 ``state_dict`` of :class:`~nncompress.network.model.SHARNN` and, under
the metadata key ``config``, :meth:`SHARNNConfig.to_json`'s text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nncompress.errors import ModelError
from nncompress.exact.config import PRESETS, SHARNNConfig

from .model import SHARNN


def save_weights(path: Path, model: SHARNN) -> None:
    """Write a network's weights atomically: the file appears complete or not at all."""
    state = model.state_dict()
    tensors = {name: tensor.to("cpu", torch.float32).contiguous() for name, tensor in state.items()}
    write_atomically(path, save(tensors, metadata={"config": model.config.to_json()}))


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file beside its final name, sync it, then move it there."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_weights(path: Path) -> SHARNN:
    """Read :func:`save_weights`'s file into a network in evaluation mode.

    Raises :class:`ModelError` where the file is damaged or its tensors do not fit its config, and
    ``OSError`` where it cannot be read.
    """
    tensors, metadata = read_tensors(path)
    if "config" not in metadata:
        raise ModelError(f"{path}: no config in its metadata; it holds no SHA-RNN of this project")
    try:
        config = SHARNNConfig.from_json(metadata["config"])
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    return build(config, tensors, path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file's tensors and metadata; :class:`ModelError` where it is damaged."""
    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except SafetensorError as error:
        raise ModelError(f"{path}: not a complete safetensors file ({error})") from None


def build(config: SHARNNConfig, tensors: Mapping[str, Tensor], path: Path) -> SHARNN:
    """Make a network of these weights; :class:`ModelError` where names or shapes do not fit."""
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


_PILOT_NAMES = (
    (r"^emb\.", "embedding."),
    (r"^out\.bias$", "output_bias"),
    (r"\.ln0\.", ".norm_lstm."),
    (r"\.lnmem\.", ".norm_memory."),
    (r"\.lnmid\.", ".norm_attention."),
    (r"\.lnff\.", ".norm_stream."),
    (r"\.lnxff\.", ".norm_boom."),
    (r"\.ff\.l\.", ".boom.up."),
    (r"\.rnn\.weight_(ih|hh)_l0$", r".lstm.weight_\1"),
    (r"\.attn\.qs$", ".attention.query_scale"),
    (r"\.attn\.ks$", ".attention.key_scale"),
    (r"\.attn\.vs$", ".attention.value_scale"),
    (r"\.attn\.qln\.", ".attention.query_norm."),
    (r"\.attn\.q\.", ".attention.query."),
    (r"\.attn\.vq\.", ".attention.value_gate."),
)


def load_any_weights(path: Path) -> SHARNN:
    """Read :func:`save_weights`'s file, or one of the pilot's; errors as :func:`load_weights`."""
    return import_pilot(path) if is_pilot(path) else load_weights(path)


def is_pilot(path: Path) -> bool:
    """Whether a file holds weights for :func:`import_pilot`."""
    return "emb.weight" in read_tensors(path)[0]


def import_pilot(path: Path, config: SHARNNConfig = PRESETS["small"]) -> SHARNN:
    """Read weights under the names of the project's pilot, whose LSTMs have two biases.

    Raises what :func:`load_weights` does.
    """
    tensors, _ = read_tensors(path)
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith("rnn.bias_hh_l0"):
            continue
        if name.endswith("rnn.bias_ih_l0"):
            other = tensors.get(name.replace("bias_ih", "bias_hh"))
            if other is None or other.shape != tensor.shape:
                raise ModelError(f"{path}: {name!r} has no matching bias_hh")
            name, tensor = name.replace("rnn.bias_ih_l0", "lstm.bias"), tensor + other
        for pattern, replacement in _PILOT_NAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    return build(config, renamed, path)

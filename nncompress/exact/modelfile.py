"""Model files: the integer network, what it starts mixing with, its identity and known answers.

A model file is a safetensors file (https://github.com/huggingface/safetensors). Its tensors are those of
:meth:`Parameters.tensors`, and ``mixing.*`` for the mixer's starting values. Its metadata are strings:

- ``format``: "nncompress model 1"
- ``config``: the network's shape, JSON
- ``identity``: 32 hexadecimal digits, see :func:`identity_of`
- ``known_answer``: 64 hexadecimal digits, see :func:`known_answer`
- ``summary``: JSON; how the model was trained, for people

Nothing in it is executed or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nncompress.errors import DeviceError, ModelError

from .config import SHARNNConfig
from .parameters import Parameters

if TYPE_CHECKING:
    from .engine import Network

FORMAT = "nncompress model 1"
SUFFIX = ".nncmodel"
IDENTITY_SIZE = 16
MAX_MODEL_BYTES = 1 << 30
MIXING_PREFIX = "mixing."

ANSWER_LANES = 5
ANSWER_STEPS = 24


@dataclass(frozen=True)
class Model:
    """A model in memory. identity: 16 bytes. mixing: integer arrays by name. summary: for people."""

    parameters: Parameters
    mixing: Mapping[str, NDArray[Any]]
    identity: bytes
    known_answer: str
    summary: Mapping[str, Any]

    def check(self, network: Network) -> None:
        """Refuse a device that does not compute what this model says it must.

        Raises :class:`DeviceError`; takes a fraction of a second.
        """
        if known_answer(network) != self.known_answer:
            raise DeviceError(
                f"{network.device} does not compute this model exactly on this machine; archives made with it "
                "would not open elsewhere: use another --device, and please report it"
            )


def identity_of(config: SHARNNConfig, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """BLAKE2b-128 over everything that archives depend on: the format, the config's shape, and every tensor by name."""
    digest = hashlib.blake2b(digest_size=IDENTITY_SIZE)
    digest.update(f"{FORMAT}\n{config.to_json()}\n".encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {array.dtype.name} {list(array.shape)}\n".encode())
        digest.update(little.tobytes())
    return digest.digest()


def known_answer(network: Network) -> str:
    """BLAKE2b-256, in hexadecimal, of the weights that the network gives for a fixed text in a few lanes."""
    lanes = network.lanes(ANSWER_LANES)
    digest = hashlib.blake2b(lanes.start().weights.astype("<i4").tobytes(), digest_size=32)
    lane = np.arange(ANSWER_LANES)
    for step in range(ANSWER_STEPS):
        # Any fixed bytes do; these run through letters and through the whole range.
        symbols = (lane * 67 + step * (11 + 26 * lane) + 97) % 256
        weights = lanes.step(symbols.astype(np.uint8)).weights
        digest.update(weights.astype("<i4").tobytes())
    return digest.hexdigest()


def save_model(
    path: Path,
    parameters: Parameters,
    mixing: Mapping[str, NDArray[Any]] | None = None,
    summary: Mapping[str, Any] | None = None,
) -> bytes:
    """Write a model file and return its identity. The known answer is computed with the reference kernels."""
    from nncompress.network.weights import write_atomically

    from .engine import Network

    tensors = parameters.tensors()
    tensors |= {MIXING_PREFIX + name: array for name, array in (mixing or {}).items()}
    identity = identity_of(parameters.config, tensors)
    metadata = {
        "format": FORMAT,
        "config": parameters.config.to_json(),
        "identity": identity.hex(),
        "known_answer": known_answer(Network(parameters, kernels="torch")),
        "summary": json.dumps(dict(summary or {}), sort_keys=True),
    }
    data = save({name: np.ascontiguousarray(array) for name, array in tensors.items()}, metadata)
    write_atomically(path, data)
    return identity


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a model file; raises :class:`ModelError` where it is none."""
    return _read(path)[0]


def load_model(path: Path) -> Model:
    """Read and check a model file.

    Raises :class:`ModelError` where it cannot be read, is damaged, or is not a model of this format.
    """
    metadata, tensors = _read(path, with_tensors=True)
    try:
        config = SHARNNConfig.from_json(metadata.get("config", ""))
        summary = json.loads(metadata.get("summary", "{}"))
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    identity = identity_of(config, tensors)
    if identity.hex() != metadata.get("identity"):
        raise ModelError(f"{path}: the model is damaged: its contents do not match its identity")
    mixing = {
        name[len(MIXING_PREFIX) :]: a
        for name, a in tensors.items()
        if name.startswith(MIXING_PREFIX)
    }
    network = {name: a for name, a in tensors.items() if not name.startswith(MIXING_PREFIX)}
    try:
        parameters = Parameters.from_tensors(config, network)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return Model(parameters, mixing, identity, metadata.get("known_answer", ""), summary)


def _read(path: Path, with_tensors: bool = False) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(
                f"{path}: too large for a model file (over {MAX_MODEL_BYTES >> 20} MiB)"
            )
        with safe_open(path, "np") as file:
            metadata = dict(file.metadata() or {})
            if metadata.get("format") != FORMAT:
                raise ModelError(
                    f"{path}: not a model file of nncompress, or one of a newer version"
                )
            names = file.keys() if with_tensors else []
            return metadata, {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model: {error.strerror or error}") from None
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{path}: not a complete model file ({error})") from None


def model_folders() -> list[Path]:
    """Where models are looked for, first to last: $NNCOMPRESS_MODELS, the user's folder, those that came along."""
    package = Path(__file__).resolve().parent.parent
    folders = [user_folder(), package / "models", package.parent / "models"]
    if named := os.environ.get("NNCOMPRESS_MODELS"):
        folders.insert(0, Path(named))
    return [folder for folder in folders if folder.is_dir()]


def user_folder() -> Path:
    """Where imported models go; may not exist yet."""
    if local := os.environ.get("LOCALAPPDATA"):
        return Path(local) / "nncompress" / "models"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "nncompress" / "models"

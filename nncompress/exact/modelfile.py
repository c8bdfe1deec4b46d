"""Read model files, and compute the identity and the known answer that they hold.

A model file is a safetensors file (https://github.com/huggingface/safetensors). Its tensors are
those of :meth:`Parameters.tensors`, and ``mixing.*`` for the mixer's starting values. Its metadata
are strings:

- ``format``: "nncompress model 1"
- ``config``: the network's shape, JSON
- ``identity``: 32 hexadecimal digits, see :func:`identity_of`
- ``known_answer``: 64 hexadecimal digits, see :func:`known_answer`
- ``summary``: JSON; how the model was trained, for people

Nothing in it is executed or unpickled. :mod:`nncompress.quantize.save` writes such files.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load

from nncompress.errors import DeviceError, ModelError

from .config import SHARNNConfig
from .parameters import Parameters

if TYPE_CHECKING:
    from .engine import Network

FORMAT = "nncompress model 1"
MODEL_SUFFIX = ".nncmodel"

IDENTITY_SIZE = 16
"""Bytes of a model's identity."""

MAX_MODEL_BYTES = 1 << 30
"""A larger file is refused unread."""

MIXING_PREFIX = "mixing."
"""Names of tensors that the mixer starts from begin with this."""

ANSWER_LANES = 5
ANSWER_STEPS = 24
"""Lanes and steps of the text for which a model file holds the network's answer."""


@dataclass(frozen=True)
class Model:
    """A model in memory.

    Attributes:
        parameters: the integer network.
        mixing: the mixer's starting values, integer arrays by their names without the prefix.
        identity: 16 bytes, see :func:`identity_of`.
        known_answer: 64 hexadecimal digits, see :func:`known_answer`.
        summary: how the model was trained, for people.
    """

    parameters: Parameters
    mixing: Mapping[str, NDArray[Any]]
    identity: bytes
    known_answer: str
    summary: Mapping[str, Any]

    def check(self, network: Network) -> None:
        """Check that a device computes what the model file says it must, in a fraction of a second.

        Args:
            network: this model's network on that device.

        Raises:
            DeviceError: it computes something else.
        """
        if known_answer(network) != self.known_answer:
            raise DeviceError(
                f"{network.device} does not compute this model exactly on this machine; archives "
                "made with it would not open elsewhere: use another --device, and please report it"
            )


def identity_of(config: SHARNNConfig, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Hash everything in a model file that archives depend on.

    Args:
        config: the network's shape.
        tensors: every tensor of the file by name, those of the mixer included.

    Returns:
        16 bytes, BLAKE2b-128 over the format, the config, and every tensor with its name.
    """
    digest = hashlib.blake2b(digest_size=IDENTITY_SIZE)
    digest.update(f"{FORMAT}\n{config.to_json()}\n".encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {array.dtype.name} {list(array.shape)}\n".encode())
        digest.update(little.tobytes())
    return digest.digest()


def known_answer(network: Network) -> str:
    """Hash the weights that a network gives for a fixed text in a few lanes.

    Returns:
        64 hexadecimal digits, BLAKE2b-256; they are the same on every device that is exact.
    """
    lanes = network.lanes(ANSWER_LANES)
    digest = hashlib.blake2b(lanes.start().weights.astype("<i4").tobytes(), digest_size=32)
    lane = np.arange(ANSWER_LANES)
    for step in range(ANSWER_STEPS):
        # Any fixed bytes do; these run through letters and through the whole range.
        symbols = (lane * 67 + step * (11 + 26 * lane) + 97) % 256
        weights = lanes.step(symbols.astype(np.uint8)).weights
        digest.update(weights.astype("<i4").tobytes())
    return digest.hexdigest()


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a model file.

    Raises:
        ModelError: the file cannot be read, or is no model file of this format.
    """
    return _read(path)[0]


def load_model(path: Path) -> Model:
    """Read and check a model file.

    Raises:
        ModelError: the file cannot be read, is damaged, or is no model file of this format.
    """
    return _checked(str(path), *_read(path, with_tensors=True))


def read_model_bytes(data: bytes, label: str) -> Model:
    """Read and check a model file that is in memory, as strictly as one on disk.

    Args:
        data: the whole file.
        label: what errors call it.

    Raises:
        ModelError: it is damaged, or no model file of this format.
    """
    try:
        tensors = {name: array.copy() for name, array in load(data).items()}
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__") or {}
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{label}: not a complete model file ({error})") from None
    if metadata.get("format") != FORMAT:
        raise _foreign(label)
    return _checked(label, metadata, tensors)


def _foreign(label: object) -> ModelError:
    return ModelError(f"{label}: not a model file of nncompress, or one of a newer version")


def _checked(label: str, metadata: dict[str, str], tensors: dict[str, NDArray[Any]]) -> Model:
    """Make a model of what stands in its file, whose identity must be that of the contents."""
    try:
        config = SHARNNConfig.from_json(metadata.get("config", ""))
        summary = json.loads(metadata.get("summary", "{}"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{label}: its metadata are damaged ({error})") from None
    identity = identity_of(config, tensors)
    if identity.hex() != metadata.get("identity"):
        raise ModelError(f"{label}: the model is damaged: its contents do not match its identity")
    mixing = {
        name[len(MIXING_PREFIX) :]: a
        for name, a in tensors.items()
        if name.startswith(MIXING_PREFIX)
    }
    network = {name: a for name, a in tensors.items() if not name.startswith(MIXING_PREFIX)}
    try:
        parameters = Parameters.from_tensors(config, network)
    except ModelError as error:
        raise ModelError(f"{label}: {error}") from None
    return Model(parameters, mixing, identity, metadata.get("known_answer", ""), summary)


def _read(path: Path, with_tensors: bool = False) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # to open a pipe could wait for ever
            raise ModelError(f"{path}: not a regular file, so not a model")
        if facts.st_size > MAX_MODEL_BYTES:
            raise ModelError(
                f"{path}: too large for a model file (over {MAX_MODEL_BYTES >> 20} MiB)"
            )
        with safe_open(path, "np") as file:
            metadata = dict(file.metadata() or {})
            if metadata.get("format") != FORMAT:
                raise _foreign(path)
            names = file.keys() if with_tensors else []
            return metadata, {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model: {error.strerror or error}") from None
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{path}: not a complete model file ({error})") from None


def model_folders() -> list[Path]:
    """Return the folders in which models are looked for, the first ones first.

    They are $NNCOMPRESS_MODELS, the user's folder, and those installed with the package or beside
    it in a checkout; folders that do not exist are left out.
    """
    folders = [user_folder(), *_package_folders()]
    if named := os.environ.get("NNCOMPRESS_MODELS"):
        folders.insert(0, Path(named))
    # Path.is_dir would raise PermissionError inside a home folder of somebody else.
    return [f for f in folders if f is not None and os.path.isdir(f)]  # noqa: PTH112


def _package_folders() -> list[Path]:
    package = Path(__file__).resolve().parent.parent
    return [package / "models", package.parent / "models"]


def comes_along(path: Path) -> bool:
    """Whether a model file is one of those that come with the package."""
    return path.parent in _package_folders()


def user_folder() -> Path | None:
    """Return the folder that imported models go to; it may not exist yet.

    None for a user without a home folder, as in a container that runs under a mere number.
    """
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME")
    try:
        place = Path(base) if base else Path.home() / ".local" / "share"
    except RuntimeError:
        return None
    return place / "nncompress" / "models"

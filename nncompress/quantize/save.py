"""Write model files; :mod:`nncompress.exact.modelfile` describes and reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from nncompress.exact.engine import Network
from nncompress.exact.modelfile import FORMAT, MIXING_PREFIX, identity_of, known_answer
from nncompress.exact.parameters import Parameters
from nncompress.files.output import write_file


def save_model(
    path: Path,
    parameters: Parameters,
    mixing: Mapping[str, NDArray[Any]] | None = None,
    summary: Mapping[str, Any] | None = None,
) -> bytes:
    """Write a model file, with the known answer that the reference kernels give.

    Args:
        path: the file; one that exists is replaced.
        parameters: the integer network.
        mixing: the mixer's starting values, integer arrays by name.
        summary: how the model was trained, for people; what JSON can hold.

    Returns:
        The model's identity, 16 bytes.

    Raises:
        FileError: the file cannot be written.
    """
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
    write_file(path, data)
    return identity

"""Use a model that an archive carries, of which nothing is known but its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncompress.errors import ConfigError, DamagedArchiveError, ModelError

from .predictors import check_mixing

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model

LABEL = "the model that the archive carries"

MOST_PER_LANE = 1 << 20
"""Bytes that its network may keep for a lane. A block has 4,096 lanes at most, and known answers
are computed in five."""


def check_embeddable(model: Model) -> None:
    """Raise ConfigError for a model that readers would refuse if an archive carried it."""
    if _bytes_per_lane(model) > MOST_PER_LANE:
        raise ConfigError(
            "this model's network keeps too much for a lane to be carried by an archive"
        )


def read_embedded(file: bytes, model_id: bytes) -> Model:
    """Read and check the file of a model that an archive carries.

    It is held to all that a file is held to when it is imported: only tensors are read, their sizes
    must be those of the network, the identity is computed from them, and a mixer is made from every
    starting value. What is left to its user is to compare the known answer.

    Args:
        file: the model file.
        model_id: the identity that it must have.

    Raises:
        DamagedArchiveError: it is another model.
        ModelError: it is none, or not sound.
    """
    from nncompress.exact.modelfile import read_model_bytes

    model = read_model_bytes(file, LABEL)
    if model.identity != model_id:
        raise DamagedArchiveError(f"damaged archive: {LABEL} is not the one that it names")
    if _bytes_per_lane(model) > MOST_PER_LANE:
        raise ModelError(f"{LABEL} keeps too much for a lane")
    check_mixing(model, LABEL)
    return model


def _bytes_per_lane(model: Model) -> int:
    parameters = model.parameters
    return parameters.memory_bytes(1) - parameters.memory_bytes(0)

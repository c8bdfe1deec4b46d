"""Models that an archive carries: each is the only block of a member of its own, without contents.

    payload = packed model file, see .packing

The header of that member names the model. It is at hand for the members behind it; a reader keeps
the last ``MOST_KEPT`` different ones. The archive layer knows model files as bytes only: who uses
one proves that it is what the header says.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TypeVar

from nncompress.errors import ConfigError, DamagedArchiveError

from .format import NARROW_SIZE, BlockHeader, Header, Method
from .packing import pack_body, unpack_body

MAX_MODEL_FILE = NARROW_SIZE - 2
"""Bytes of the largest model file that an archive may carry."""

MOST_KEPT = 4
"""Models that a reader keeps for the members behind them."""

Kept = TypeVar("Kept")


def model_member(model_id: bytes, file: bytes) -> bytes:
    """Return the member that carries a model.

    Raises:
        ConfigError: the file is too large for it.
    """
    if len(file) > MAX_MODEL_FILE:
        raise ConfigError(
            f"a model file of {len(file)} bytes is too large for an archive to carry: "
            f"{MAX_MODEL_FILE} are the most"
        )
    header, payload = Header(model_id), pack_body(file)
    block = BlockHeader(Method.MODEL, 0, len(payload), zlib.crc32(payload), last=True, offset=0)
    return header.pack() + block.pack(header) + payload


def unpack_model(payload: bytes, crc: int) -> bytes:
    """Return the model file in the payload of a block of method MODEL.

    Raises:
        DamagedArchiveError: the payload is not as it was written.
    """
    if zlib.crc32(payload) != crc:
        raise DamagedArchiveError("damaged archive: wrong checksum of the model that it carries")
    try:
        file = unpack_body(payload, MAX_MODEL_FILE)
    except ValueError as error:
        raise DamagedArchiveError(f"damaged archive: the model in it is {error}") from None
    return file


def keep_model(kept: Mapping[bytes, Kept], model_id: bytes, model: Kept) -> dict[bytes, Kept]:
    """Return ``kept`` with one more model, by identity, and without the oldest of too many."""
    others = [(key, value) for key, value in kept.items() if key != model_id]
    return dict([*others, (model_id, model)][-MOST_KEPT:])

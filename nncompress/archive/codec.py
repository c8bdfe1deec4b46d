"""Say what the archive layer asks of a block codec, and call one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from nncompress.errors import (
    ConfigError,
    DamagedArchiveError,
    MemoryLimitError,
    UnsupportedArchiveError,
)

from .copies import (
    NO_COPIES,
    NO_REPEATS,
    Copies,
    CopyRules,
    FindLiterals,
    parse_copies,
    put_in,
)
from .format import MAX_BLOCK_SIZE, MODEL_ID_SIZE, BlockHeader, Method


class Progress(Protocol):
    """Hears how far work has come. What it raises ends the work that reports."""

    def __call__(self, size: int, made: int = 0, /) -> None:
        """Take the bytes done since the last call, and the bytes that were made of them.

        What was made before may turn out to be less: then ``made`` is below 0.
        """


def no_progress(size: int, made: int = 0, /) -> None:
    """Ignore a report of progress."""


class BlockCodec(Protocol):
    """Codes one block, alone: no state is kept from block to block.

    Calls may come from several threads at once.
    """

    @property
    def model_id(self) -> bytes | None:
        """Identity of the model in use, 16 bytes; None where no block can need one."""

    @property
    def block_size(self) -> int:
        """Raw bytes a block should have, at most ``MAX_BLOCK_SIZE``.

        From 2**20 bytes on, an archive is never more than 32 bytes + 0.01% larger than its input.
        """

    @property
    def first_block_size(self) -> int:
        """The same for the first blocks of an archive; see :class:`.writer.Splitter`."""

    @property
    def copy_rules(self) -> CopyRules:
        """What becomes a copy before blocks are coded."""

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        """Return (method id, payload); ``progress`` counts raw bytes, and those of the payload.

        The archive layer stores the block when the payload is not shorter than ``data``.

        Args:
            data: the raw bytes.
            progress: called with raw bytes as they are done, and bytes of the payload.
            alone: whether the archive has no other block, so that the model's identity in its
                header is a cost of this one.
        """

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Return the ``size`` raw bytes, which ``progress`` counts as done and as made.

        Raises:
            ArchiveError: the payload cannot be theirs.
        """

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return the bytes of memory that coding a block of ``size`` raw bytes takes at most.

        That is for decoding ``payload``, whose first bytes may ask for more than an encoder would;
        for encoding without one.

        Raises:
            ArchiveError: the payload cannot be one.
        """


CodecSource: TypeAlias = Callable[[bytes | None], BlockCodec]
"""Gives the codec for the model identity in a header. Called only when a block needs a codec."""


class StoredCodec:
    """The codec that only stores: needs no model, and decodes no other method."""

    model_id: bytes | None = None
    copy_rules = NO_REPEATS

    def __init__(self, block_size: int = 2**20) -> None:
        self.block_size = self.first_block_size = block_size

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        """Return the stored method and ``data``."""
        return Method.STORED, data

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Raise UnsupportedArchiveError: stored blocks are not decoded by a codec."""
        raise UnsupportedArchiveError(
            f"no codec at hand for blocks of method {Method(method).label}"
        )

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return what the block and its copy in the archive take."""
        return 2 * size


def check_block_size(size: int) -> int:
    """Return ``size``, or raise ConfigError when it is no possible block size."""
    if not 1 <= size <= MAX_BLOCK_SIZE:
        raise ConfigError(f"block size {size} is not between 1 and {MAX_BLOCK_SIZE} bytes")
    return size


def check_model_id(model_id: bytes | None) -> bytes | None:
    """Return ``model_id``, or raise ConfigError when it has the wrong length."""
    if model_id is not None and len(model_id) != MODEL_ID_SIZE:
        raise ConfigError(f"a model identity has {MODEL_ID_SIZE} bytes, not {len(model_id)}")
    return model_id


def check_block_memory(block: BlockHeader, limit: int | None) -> None:
    """Raise MemoryLimitError where raw bytes and payload alone take more than ``limit`` bytes."""
    needed = block.raw_size + block.payload_size
    if block.literals is not None:
        needed += block.raw_size  # literals and copies beside the whole
    if limit is not None and needed > limit:
        raise MemoryLimitError(
            f"a block needs at least {needed} bytes of memory, more than the limit of {limit}",
            limit=limit,
            needed=needed,
        )


def encode_block(
    codec: BlockCodec, data: bytes, progress: Progress = no_progress, *, alone: bool = False
) -> tuple[Method, bytes]:
    """Encode ``data``, or store it where that is not larger."""
    stored = Method.STORED, b""
    method, payload = codec.encode(data, progress, alone=alone) if data else stored
    if method == Method.STORED or len(payload) >= len(data):
        return Method.STORED, data
    return Method(method), payload


@dataclass(frozen=True)
class Decoded:
    """A block before copies are put in: its literals, and its copies. Both are checked."""

    literals: bytes
    copies: Copies = NO_COPIES


def decode_block(
    source: CodecSource,
    model_id: bytes | None,
    header: BlockHeader,
    payload: bytes,
    window: int = 0,
    progress: Progress = no_progress,
) -> Decoded:
    """Decode the literals of a block, and check them and its copies.

    ``window`` is that of the member. A block without copies is then complete.
    """
    if header.literals is None:
        data = _decode_literals(source, model_id, header, payload, progress)
        if zlib.crc32(data) != header.crc:
            raise _wrong_checksum(header)
        return Decoded(data)
    section, coded = payload[: header.literals.section], payload[header.literals.section :]
    data = _decode_literals(source, model_id, header, coded, progress)
    if zlib.crc32(data, zlib.crc32(section)) != header.literals.crc:
        raise _wrong_checksum(header)
    return Decoded(data, parse_copies(section, header.literals, header.raw_size, window))


def _decode_literals(
    source: CodecSource,
    model_id: bytes | None,
    header: BlockHeader,
    coded: bytes,
    progress: Progress,
) -> bytes:
    if header.method is Method.STORED:
        return coded
    if header.method.needs_model and model_id is None:
        raise DamagedArchiveError(
            "damaged archive: a block needs a model, but the header names none"
        )
    data = source(model_id).decode(header.method, coded, header.literal_size, progress)
    if len(data) != header.literal_size:
        raise _wrong_checksum(header)
    return data


def complete_block(header: BlockHeader, decoded: Decoded, find: FindLiterals) -> bytes:
    """Put copies in, and return the raw bytes of a block, checked."""
    if header.literals is None:
        return decoded.literals
    data = put_in(decoded.literals, decoded.copies, header.literals.start, find)
    if zlib.crc32(data) != header.crc:
        raise _wrong_checksum(header)
    return data


def _wrong_checksum(header: BlockHeader) -> DamagedArchiveError:
    return DamagedArchiveError(
        f"damaged archive: wrong checksum of the {header.raw_size} bytes "
        f"at byte {header.offset} of the contents"
    )

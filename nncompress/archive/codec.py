"""Say what the archive layer asks of a block codec, and call one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

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
from .embedded import unpack_model
from .format import MAX_BLOCK_SIZE, MODEL_ID_SIZE, BlockHeader, Header, Method


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
        """Identity of the model in use, 16 bytes; None where no block can need one.

        Of a codec that has several to choose from it is the one that archives name in their header.
        """

    @property
    def embedded(self) -> bytes | None:
        """The member that carries that model, where archives are to begin with it; else None."""

    @property
    def spec(self) -> object:
        """What another process needs to open this codec; None where only this one can have it."""

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

    def choose(self, data: bytes) -> BlockCodec:
        """Return the codec that is to encode a block: itself, or of several models the best one."""

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


ReadModel: TypeAlias = Callable[[], bytes]
"""Returns the file of a model that the archive carries; it raises ArchiveError."""


class CodecSource(Protocol):
    """Gives codecs. Called only when a block needs one."""

    def __call__(self, model_id: bytes | None, embedded: ReadModel | None = None, /) -> BlockCodec:
        """Return the codec for blocks that need a model, or none.

        Args:
            model_id: identity of the model; None for blocks without.
            embedded: reads that model's file from the archive, if that carries it.

        Raises:
            ModelError: the model is not at hand, or the archive's is damaged.
        """


class StoredCodec:
    """The codec that only stores: needs no model, and decodes no other method."""

    model_id: bytes | None = None
    embedded: bytes | None = None
    spec: object = None
    copy_rules = NO_REPEATS

    def __init__(self, block_size: int = 2**20) -> None:
        self.block_size = self.first_block_size = block_size

    def choose(self, data: bytes) -> StoredCodec:
        """Return itself."""
        return self

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


class Coded(NamedTuple):
    """A coded block: method, payload, and the identity of the model that it needs, if any."""

    method: Method
    payload: bytes
    model_id: bytes | None = None


def encode_block(
    codec: BlockCodec, data: bytes, progress: Progress = no_progress, *, alone: bool = False
) -> Coded:
    """Encode ``data``, or store it where that is not larger."""
    if not data:
        return Coded(Method.STORED, data)
    chosen = codec.choose(data)
    number, payload = chosen.encode(data, progress, alone=alone)
    method = Method(number)
    if method is Method.STORED or len(payload) >= len(data):
        return Coded(Method.STORED, data)
    return Coded(method, payload, chosen.model_id if method.needs_model else None)


@dataclass(frozen=True)
class Decoded:
    """A block before copies are put in: its literals, and its copies. Both are checked."""

    literals: bytes
    copies: Copies = NO_COPIES


def source_of(codec: BlockCodec) -> CodecSource:
    """Return what gives one codec for all blocks."""

    def source(_: bytes | None, __: ReadModel | None = None, /) -> BlockCodec:
        return codec

    return source


def decode_block(
    source: CodecSource,
    member: Header,
    header: BlockHeader,
    payload: bytes,
    embedded: ReadModel | None = None,
    progress: Progress = no_progress,
) -> Decoded:
    """Decode the literals of a block, and check them and its copies.

    Args:
        source: gives codecs.
        member: header of the block's member.
        header: of the block.
        payload: of the block.
        embedded: reads the model that the block needs from the archive, if that carries it.
        progress: told of the raw bytes done.

    Returns:
        What is complete, unless the block has copies.
    """
    if header.method is Method.MODEL:
        unpack_model(payload, header.crc)
        return Decoded(b"")
    model_id = header.needed_model(member)
    if header.method.needs_model and model_id is None:
        raise DamagedArchiveError(
            "damaged archive: a block needs a model, but the header names none"
        )

    def decode(coded: bytes) -> bytes:
        if header.method is Method.STORED:
            return coded
        codec = source(model_id) if embedded is None else source(model_id, embedded)
        data = codec.decode(header.method, coded, header.literal_size, progress)
        if len(data) != header.literal_size:
            raise _wrong_checksum(header)
        return data

    if header.literals is None:
        data = decode(payload)
        if zlib.crc32(data) != header.crc:
            raise _wrong_checksum(header)
        return Decoded(data)
    section, coded = payload[: header.literals.section], payload[header.literals.section :]
    data = decode(coded)
    if zlib.crc32(data, zlib.crc32(section)) != header.literals.crc:
        raise _wrong_checksum(header)
    return Decoded(data, parse_copies(section, header.literals, header.raw_size, member.window))


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

"""Say in Python what an archive holds: ``nncompress.info``."""

from __future__ import annotations

import os
from typing import BinaryIO, TypedDict, cast

from nncompress.errors import ConfigError
from nncompress.pipeline.fileobj import FilePath

from .inspect import describe, describe_file


class BlockInfo(TypedDict):
    """What is known of a block before it is decoded."""

    start: int
    """Where its contents begin in those of the archive."""
    raw_size: int
    """Bytes of its contents."""
    archive_size: int
    """Bytes that it takes in the archive, header included."""
    method: str
    """"network", "network+mixing", "mixing" or "stored"."""
    model: str | None
    """Identity of the model that it needs, 32 hexadecimal digits; None where it needs none."""
    filter: str | None
    """What was done to its bytes before, "none" for nothing; None where that is unknown."""
    literals: int
    """Bytes of its contents that are no copies of earlier ones."""
    copies: int | None
    """How many copies it has; None where they are damaged."""
    origins: list[int]
    """Numbers of the blocks that it copies from."""
    crc32: str
    """CRC-32 of its contents, 8 hexadecimal digits."""


class EmbeddedInfo(TypedDict):
    """What is known of a model that an archive carries."""

    model: str
    """Its identity, 32 hexadecimal digits."""
    archive_size: int
    """Bytes that it takes in the archive, header included."""


class ArchiveInfo(TypedDict):
    """What is known of an archive before it is decoded."""

    name: str
    """Name of the file."""
    raw_size: int
    """Bytes of the contents."""
    archive_size: int
    """Bytes of the archive."""
    ratio: float | None
    """``archive_size`` / ``raw_size``; None without contents."""
    bits_per_byte: float | None
    """8 times ``ratio``."""
    members: int
    """How many archives are joined in it."""
    models: list[str]
    """Identities of the models that blocks need or members name, 32 hexadecimal digits each."""
    model_names: dict[str, str]
    """Names of those that are installed, by identity."""
    embedded: list[EmbeddedInfo]
    """Models that the archive carries."""
    methods: list[str]
    """The methods of its blocks."""
    window: int
    """How many literals back copies may reach."""
    literals: int
    """Bytes of the contents that are no copies of earlier ones."""
    complete: bool
    """Whether all of it was found, with sound headers."""
    fault: str | None
    """What is wrong where it is not complete."""
    blocks: list[BlockInfo]
    """Its blocks in order; those behind a fault are left out."""


def info(file: FilePath | BinaryIO) -> ArchiveInfo:
    """Return what an archive holds, without decoding it: what ``nncompress list --json`` says.

    Only headers and the index are read. Contents are not checked; ``nncompress test`` does that.

    Args:
        file: a path, a URL as text, or an open binary file that can be searched. That is taken from
            its beginning, stays open, and stands afterwards where it stood before.

    Returns:
        A dictionary with the keys of :class:`ArchiveInfo`. Of an archive that is cut off or damaged
        behind its first block, ``complete`` is False, and ``fault`` says why.

    Raises:
        TypeError: ``file`` is neither.
        FileError: the file cannot be read.
        ArchiveError: no block was found, as where it is no archive.
        ConfigError: the open file cannot be searched.

    >>> import io, nncompress
    >>> archive = io.BytesIO(nncompress.compress(b"one two three " * 100))
    >>> facts = nncompress.info(archive)
    >>> facts["raw_size"], facts["complete"], len(facts["blocks"])
    (1400, True, 1)
    """
    if isinstance(file, str | bytes | os.PathLike):
        return cast(ArchiveInfo, describe(os.fsdecode(file))[0])
    if not hasattr(file, "seekable"):
        raise TypeError(f"a path or an open file is needed, not {type(file).__name__}")
    if not file.seekable():
        raise ConfigError("nncompress.info needs a file that can be searched")
    before = file.tell()
    try:
        file.seek(0)
        name = getattr(file, "name", "archive")
        return cast(ArchiveInfo, describe_file(file, str(name))[0])
    finally:
        file.seek(before)

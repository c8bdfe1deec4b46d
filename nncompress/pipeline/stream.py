"""From an open file to an archive and back, in memory bounded by the blocks in flight."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from typing import BinaryIO, Protocol

from nncompress.archive.reader import BlockRecord, Checker, MemberEnd, RecordParser
from nncompress.archive.writer import MemberWriter, Splitter

from .workers import Coder, Progress, no_progress

CHUNK = 1 << 18


class Reader(Protocol):
    """What input must offer."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""


class Writer(Protocol):
    """What output must offer."""

    def write(self, data: bytes, /) -> object:
        """Write all of ``data``."""

    def flush(self) -> object:
        """Pass on what is buffered."""


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of ``data``; an unbuffered file, as standard output can be, may take a part of it."""
    left = memoryview(data)
    while left:
        written = file.write(left)
        if written is None:  # it would block, and is not to
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[written:]


class Null:
    """Output that goes nowhere."""

    def write(self, data: bytes, /) -> None:
        """Forget ``data``."""

    def flush(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Limits:
    """Bounds for reading, in bytes; None is no bound."""

    max_block: int | None = None
    max_output: int | None = None


@dataclass(frozen=True)
class Totals:
    """What went through: bytes of contents and of archive, and a digest of the contents."""

    raw_size: int
    archive_size: int
    digest: bytes


def compress_stream(
    source: Reader, sink: Writer, coder: Coder, progress: Progress = no_progress
) -> Totals:
    """Compress ``source`` to its end; each block is written and flushed as soon as it is coded.

    ``progress`` is called with the number of bytes of contents done since the last call.
    """
    codec = coder.encoder
    writer = MemberWriter(codec.model_id)
    digest = blake2b()
    raw_size = archive_size = 0
    splitter = Splitter(codec.block_size, codec.first_block_size)
    with closing(coder.encode(_blocks(source, splitter), progress)) as coded:
        for (raw, last), (method, payload) in coded:
            record = writer.block(raw, method, payload, last=last)
            sink.write(record)
            sink.flush()
            digest.update(raw)
            raw_size += len(raw)
            archive_size += len(record)
    return Totals(raw_size, archive_size, digest.digest())


def _blocks(source: Reader, splitter: Splitter) -> Iterator[tuple[bytes, bool]]:
    while data := source.read(CHUNK):
        for block in splitter.push(data):
            yield block, False
    yield splitter.rest(), True


def decompress_stream(
    source: Reader,
    sink: Writer,
    coder: Coder,
    limits: Limits | None = None,
    progress: Progress = no_progress,
) -> Totals:
    """Decompress ``source`` to its end; each block is checked before it is written.

    ``progress`` is called with the number of bytes of the archive done since the last call. Raises
    ArchiveError and LimitError, after all good blocks before the fault have been written.
    """
    limits = limits or Limits()
    parser = RecordParser(limits.max_block)
    checker = Checker(limits.max_output)
    digest = blake2b()
    with closing(coder.decode(_records(source, parser, checker), progress)) as decoded:
        for record, data in decoded:
            if isinstance(record, MemberEnd):
                checker.end(record)
                continue
            sink.write(data)
            sink.flush()
            checker.add(record.header, data)
            digest.update(data)
    return Totals(checker.size, parser.position, digest.digest())


def _records(
    source: Reader, parser: RecordParser, checker: Checker
) -> Iterator[BlockRecord | MemberEnd]:
    while data := source.read(CHUNK):
        for record in parser.feed(data):
            if isinstance(record, BlockRecord):
                checker.declare(record.header)
            yield record
    parser.close()

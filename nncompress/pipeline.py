"""From an open file to an archive and back, in memory bounded by the blocks in flight."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import BinaryIO, Protocol

from nncompress.archive.reader import BlockRecord, Checker, MemberEnd, RecordParser
from nncompress.archive.writer import MemberWriter, Splitter
from nncompress.parallel import Coder

CHUNK = 1 << 18

Progress = Callable[[int], None]


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


def _no_progress(_: int) -> None:
    pass


class _Parts:
    """Turns a codec's reports from inside a block into those on the whole.

    A block counts for ``weight`` bytes when it is done, whatever its codec said before.
    """

    def __init__(self, coder: Coder, progress: Progress) -> None:
        self._progress = progress
        self.start(0, 0)
        coder.progress = None if progress is _no_progress else self._part

    def start(self, raw_size: int, weight: int) -> None:
        self._raw_size, self._weight = raw_size, weight
        self._done = self._told = 0

    def _part(self, size: int) -> None:
        if not self._raw_size:
            return
        self._done = min(self._done + size, self._raw_size)
        reached = self._done * self._weight // self._raw_size
        if reached - self._told > self._weight // 100:  # not for each of thousands of steps
            self._progress(reached - self._told)
            self._told = reached

    def end(self, weight: int) -> None:
        self._progress(weight - self._told)
        self.start(0, 0)


def compress_stream(
    source: Reader, sink: Writer, coder: Coder, progress: Progress = _no_progress
) -> Totals:
    """Compress ``source`` to its end; each block is written and flushed as soon as it is coded.

    ``progress`` is called with the number of bytes of contents done since the last call.
    """
    codec = coder.encoder
    writer = MemberWriter(codec.model_id)
    digest = blake2b()
    raw_size = archive_size = 0
    parts = _Parts(coder, progress)
    for (raw, last), (method, payload) in coder.encode(_blocks(source, codec.block_size, parts)):
        record = writer.block(raw, method, payload, last=last)
        sink.write(record)
        sink.flush()
        digest.update(raw)
        raw_size += len(raw)
        archive_size += len(record)
        parts.end(len(raw))
    return Totals(raw_size, archive_size, digest.digest())


def _blocks(source: Reader, block_size: int, parts: _Parts) -> Iterator[tuple[bytes, bool]]:
    splitter = Splitter(block_size)
    while data := source.read(CHUNK):
        for block in splitter.push(data):
            parts.start(len(block), len(block))
            yield block, False
    block = splitter.rest()
    parts.start(len(block), len(block))
    yield block, True


def decompress_stream(
    source: Reader,
    sink: Writer,
    coder: Coder,
    limits: Limits | None = None,
    progress: Progress = _no_progress,
) -> Totals:
    """Decompress ``source`` to its end; each block is checked before it is written.

    ``progress`` is called with the number of bytes of the archive done since the last call. Raises
    ArchiveError and LimitError, after all good blocks before the fault have been written.
    """
    limits = limits or Limits()
    parser = RecordParser(limits.max_block)
    checker = Checker(limits.max_output)
    digest = blake2b()
    parts = _Parts(coder, progress)
    for record, data in coder.decode(_records(source, parser, checker, parts)):
        if isinstance(record, MemberEnd):
            checker.end(record)
            continue
        sink.write(data)
        sink.flush()
        checker.add(record.header, data)
        digest.update(data)
        parts.end(record.size)
    return Totals(checker.size, parser.position, digest.digest())


def _records(
    source: Reader, parser: RecordParser, checker: Checker, parts: _Parts
) -> Iterator[BlockRecord | MemberEnd]:
    while data := source.read(CHUNK):
        for record in parser.feed(data):
            if isinstance(record, BlockRecord):
                checker.declare(record.header)
                parts.start(record.header.raw_size, record.size)
            yield record
    parser.close()

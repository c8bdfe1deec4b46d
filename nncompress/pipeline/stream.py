"""From an open file to an archive and back, in memory bounded by the blocks in flight.

:func:`frame_blocks` is the one loop that writes archives and :func:`check_contents` the one that
reads them in order: whole files, standard input, the objects of :mod:`.incremental` and the file
objects of :mod:`.fileobj` all go through them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from nncompress.archive.codec import Coded, Decoded, Progress, no_progress
from nncompress.archive.format import Method
from nncompress.archive.history import LiteralHistory
from nncompress.archive.reader import BlockRecord, Checker, MemberEnd, RecordParser, Restorer
from nncompress.archive.writer import MemberWriter, RawBlock

from .coder import Coder
from .limits import Limits
from .pauses import split_at_pauses
from .splitting import BlockSplitter, open_splitter

log = logging.getLogger("nncompress")

READ_SIZE = 1 << 18
"""Bytes that are read from a file at a time."""


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


class Null:
    """Output that goes nowhere."""

    def write(self, data: bytes, /) -> None:
        """Forget ``data``."""

    def flush(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Totals:
    """What went through: bytes of contents and of archive, and a digest of the contents."""

    raw_size: int
    archive_size: int
    digest: bytes

    @classmethod
    def of(cls, parts: Iterable[Totals]) -> Totals:
        """Return the sizes of several streams together, without a digest."""
        sizes = [(part.raw_size, part.archive_size) for part in parts]
        return cls(sum(raw for raw, _ in sizes), sum(archive for _, archive in sizes), b"")


def frame_blocks(
    writer: MemberWriter, coded: Iterable[tuple[RawBlock, Coded]]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the raw bytes of each block and its bytes in the archive."""
    for block, made in coded:
        record = writer.block(block, made.method, made.payload, made.model_id)
        _tell(made.method, len(block.raw), len(record), len(block.copies))
        yield block.raw, record


def _tell(method: int, raw: int, archived: int, copies: int) -> None:
    """Log a line about a block, for those who want to know."""
    also = f", {copies} copies" if copies else ""
    words = "block of %d bytes: %s, %d bytes in the archive%s"
    log.debug(words, raw, Method(method).label, archived, also)


def declare_blocks(
    records: Iterable[BlockRecord | MemberEnd], checker: Checker
) -> Iterator[BlockRecord | MemberEnd]:
    """Yield the records, each after its size has been held against the limit on output."""
    for record in records:
        if isinstance(record, BlockRecord):
            checker.declare(record.header)
        yield record


def check_contents(
    checker: Checker,
    restorer: Restorer,
    decoded: Iterable[tuple[BlockRecord | MemberEnd, Decoded]],
) -> Iterator[bytes]:
    """Yield the contents of decoded records, and check each member as a whole at its end."""
    for record, block in decoded:
        if isinstance(record, MemberEnd):
            checker.end(record)
        else:
            data = restorer.restore(record, block)
            checker.add(record.header, data)
            _tell(record.header.method, len(data), record.size, len(block.copies))
            yield data


def compress_stream(
    source: Reader,
    sink: Writer,
    coder: Coder,
    progress: Progress = no_progress,
    flush_after: float | None = None,
    url: str | None = None,
) -> Totals:
    """Compress ``source`` to its end; each block is written and flushed as soon as it is coded.

    ``progress`` is called with the bytes of contents done since the last call, and with those of
    the archive made of them. A block whose bytes have waited ``flush_after`` seconds ends where no
    more input is there. ``url`` is where all that ``source`` gives can be read from any place.
    """
    codec = coder.encoder
    splitter = open_splitter(codec)
    writer = MemberWriter(codec.model_id, codec.copy_rules.window, codec.embedded)
    digest = blake2b()
    raw_size = archive_size = 0
    with closing(coder.encode(_blocks(source, splitter, flush_after), progress, url)) as coded:
        for raw, record in frame_blocks(writer, coded):
            sink.write(record)
            sink.flush()
            digest.update(raw)
            raw_size += len(raw)
            archive_size += len(record)
    return Totals(raw_size, archive_size, digest.digest())


def _blocks(
    source: Reader, splitter: BlockSplitter, flush_after: float | None
) -> Iterator[RawBlock]:
    pieces = iter(lambda: source.read(READ_SIZE), b"")
    if flush_after is not None:
        yield from split_at_pauses(pieces, splitter, flush_after)
        return
    for data in pieces:
        yield from splitter.push(data)
    yield splitter.rest()


def decompress_stream(
    source: Reader,
    sink: Writer,
    coder: Coder,
    limits: Limits | None = None,
    progress: Progress = no_progress,
    history: LiteralHistory | None = None,
) -> Totals:
    """Decompress ``source`` to its end; each block is checked before it is written.

    ``progress`` is called with the bytes of the archive done since the last call, and with those of
    the contents made of them.
    ``history`` gives back what later blocks repeat; None keeps it apart.

    Raises:
        ArchiveError: after all good blocks before the fault have been written.
        LimitError: likewise.
    """
    limits = limits or Limits()
    parser = RecordParser(limits.max_block)
    checker = Checker(limits.max_output)
    digest = blake2b()
    records = declare_blocks(_records(source, parser), checker)
    with closing(coder.decode(records, progress)) as decoded:
        restorer = Restorer(history or coder.history())
        for data in check_contents(checker, restorer, decoded):
            sink.write(data)
            sink.flush()
            digest.update(data)
    return Totals(checker.size, parser.position, digest.digest())


def _records(source: Reader, parser: RecordParser) -> Iterator[BlockRecord | MemberEnd]:
    while data := source.read(READ_SIZE):
        yield from parser.feed(data)
    parser.close()

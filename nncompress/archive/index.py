"""The index after the last block of a member, from which its blocks are known without a walk.

index  = mark (4), header, varint blocks,
blocks x (varint size of the whole record, varint raw size, CRC-32 of raw bytes (4)),
[ copies, with INDEX_MARK_COPIES ],
BLAKE2b-128 of the member's raw bytes (16), CRC-32 of the index so far (4),
length of the index (4)
copies = varint blocks with copies,
for each: varint blocks between it and the one before, varint raw bytes copied
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from nncompress.errors import DamagedArchiveError

from .fields import Cursor, Incomplete, pack_varint
from .format import (
    CRC_SIZE,
    DIGEST_SIZE,
    MAX_BLOCKS,
    MODEL_ID_SIZE,
    BlockHeader,
    Header,
    parse_header,
)

INDEX_MARK = b"\xd6\x9e\xc4\x1d"
INDEX_MARK_COPIES = b"\xd6\x9e\xc4\x2e"
INDEX_TAIL = DIGEST_SIZE + CRC_SIZE + 4
MAX_INDEX_SIZE = len(INDEX_MARK) + 4 + MODEL_ID_SIZE + 4 + MAX_BLOCKS * (14 + 7) + 4 + INDEX_TAIL


class IndexEntry(NamedTuple):
    """What is known of a block without its header.

    Bytes of its whole record, of its contents, their CRC-32, and how many of them are no copies.
    """

    record_size: int
    raw_size: int
    crc: int
    literal_size: int


@dataclass
class IndexBuilder:
    """Collects the index while a member is written; a reader does the same and compares.

    Twelve bytes of memory or so a block.
    """

    header: Header
    count: int = 0
    entries: bytearray = field(default_factory=bytearray)
    with_copies: int = 0
    copied: bytearray = field(default_factory=bytearray)
    _next: int = 0

    def add(self, record_size: int, block: BlockHeader) -> None:
        """Append a block, whose whole record has ``record_size`` bytes, payload included."""
        self.entries += pack_varint(record_size) + pack_varint(block.raw_size)
        self.entries += block.crc.to_bytes(CRC_SIZE, "little")
        if block.literals is not None:
            self.with_copies += 1
            self.copied += pack_varint(self.count - self._next)
            self.copied += pack_varint(block.raw_size - block.literals.size)
            self._next = self.count + 1
        self.count += 1

    def start(self) -> bytes:
        """Return the index up to its digest."""
        mark, copies = INDEX_MARK, b""
        if self.with_copies:
            mark, copies = INDEX_MARK_COPIES, pack_varint(self.with_copies) + bytes(self.copied)
        return mark + self.header.pack() + pack_varint(self.count) + bytes(self.entries) + copies

    def pack(self, digest: bytes) -> bytes:
        """Return the whole index; ``digest`` is that of the member's raw bytes."""
        body = self.start() + digest
        body += zlib.crc32(body).to_bytes(CRC_SIZE, "little")
        return body + (len(body) + 4).to_bytes(4, "little")


@dataclass(frozen=True)
class Index:
    """A parsed index: a copy of the header, the blocks, and the digest of all raw bytes."""

    header: Header
    entries: tuple[IndexEntry, ...]
    digest: bytes

    @property
    def blocks_size(self) -> int:
        """Bytes that header and blocks take before the index."""
        return len(self.header.pack()) + sum(entry.record_size for entry in self.entries)


def parse_index(data: bytes) -> Index:
    """Parse a whole index; DamagedArchiveError when its checksum, length or contents are wrong."""
    damaged = DamagedArchiveError("damaged archive: the index is wrong")
    body = data[:-4]
    good_crc = zlib.crc32(body[:-CRC_SIZE]).to_bytes(CRC_SIZE, "little") == body[-CRC_SIZE:]
    if (
        not data.startswith((INDEX_MARK, INDEX_MARK_COPIES))
        or int.from_bytes(data[-4:], "little") != len(data)
        or not good_crc
    ):
        raise damaged
    cursor = Cursor(memoryview(data)[:-INDEX_TAIL], len(INDEX_MARK))
    try:
        header = parse_header(cursor)
        entries = list(_entries(cursor, cursor.varint()))
        if data.startswith(INDEX_MARK_COPIES):
            _read_copied(cursor, entries, damaged)
    except Incomplete:
        raise damaged from None
    if cursor.position != len(data) - INDEX_TAIL:
        raise damaged
    return Index(header, tuple(entries), data[-INDEX_TAIL : -INDEX_TAIL + DIGEST_SIZE])


def _entries(cursor: Cursor, count: int) -> Iterator[IndexEntry]:
    for _ in range(count):
        size, raw = cursor.varint(), cursor.varint()
        yield IndexEntry(size, raw, cursor.integer(CRC_SIZE), raw)


def _read_copied(cursor: Cursor, entries: list[IndexEntry], damaged: DamagedArchiveError) -> None:
    """Take the bytes that are copies from the entries of the blocks that have any."""
    number = 0
    for _ in range(cursor.varint()):
        number += cursor.varint()
        copied = cursor.varint()
        if number >= len(entries) or not 0 < copied <= entries[number].raw_size:
            raise damaged
        entries[number] = entries[number]._replace(literal_size=entries[number].raw_size - copied)
        number += 1


def new_digest() -> blake2b:
    """Return the hash object for a member's raw bytes, to be updated block by block."""
    return blake2b(digest_size=DIGEST_SIZE)

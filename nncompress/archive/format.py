"""The wire format, version 1: every byte of an archive is laid out here and nowhere else.

FORMAT.md says the same in prose. All integers are little-endian; ``varint`` is unsigned LEB128 in
its shortest form.

    archive = member, { member }, [ zero bytes ]       joined archives decode as one
    member  = header, block 0, { block i }, [ index ]  an index follows two blocks or more
    header  = MAGIC (3), version | flags (1), [ model identity (16), when FLAG_MODEL is set ]
    block   = [ SYNC (4), varint raw offset: blocks after the first ],
              tag (1), raw size (0-3), payload size (0-3), CRC-32 of the raw bytes (4), check (1),
              payload
    tag     = bits 0-1: bytes of the raw size; 2-3: bytes of the payload size; 4-6: method;
              7: this is the last block of the member
    check   = low byte of the CRC-32 of everything from the start of the block up to here,
              for block 0 from the start of the header
    index   = INDEX_MARK (4), header, varint blocks,
              blocks x (varint size of the whole record, varint raw size, CRC-32 of raw bytes (4)),
              BLAKE2b-128 of the member's raw bytes (16), CRC-32 of the index so far (4),
              length of the index (4)

A stored block has no payload size. Only a member's last block may be empty. The largest overhead of
a one-block member is
3 + 1 + 16 + 1 + 3 + 3 + 4 + 1 = 32 bytes.
"""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from nncompress.errors import (
    DamagedArchiveError,
    NotAnArchiveError,
    UnsupportedArchiveError,
)

from .fields import Cursor, Incomplete, pack_varint

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x8eNN"
VERSION = 1
VERSION_MASK = 0x0F
FLAG_MODEL = 0x80
MODEL_ID_SIZE = 16
SYNC = b"\xd6\x9e\xc4\x8b"
INDEX_MARK = b"\xd6\x9e\xc4\x1d"
DIGEST_SIZE = 16
CRC_SIZE = 4
INDEX_TAIL = DIGEST_SIZE + CRC_SIZE + 4
MAX_BLOCK_SIZE = 2**24 - 1  # three bytes
# Of one member; bounds the index. A writer that needs more starts another member.
MAX_BLOCKS = 2**20
MAX_INDEX_SIZE = len(INDEX_MARK) + 4 + MODEL_ID_SIZE + 4 + MAX_BLOCKS * 14 + INDEX_TAIL
LAST_FLAG = 0x80
MOST_PER_BYTE = 45426
"""Raw bytes that a byte of payload can stand for: a bit takes at least 2**-16 / ln 2 bits of the
range coder's stream. FORMAT.md has the derivation, under "What a decoder must not trust"."""


class Method(enum.IntEnum):
    """How a block's payload was made. Ids 4 to 7 are free."""

    STORED = 0
    NETWORK = 1
    NETWORK_MIXING = 2
    MIXING = 3

    @property
    def label(self) -> str:
        """Name shown to users, for instance ``network+mixing``."""
        return self.name.lower().replace("_", "+")

    @property
    def needs_model(self) -> bool:
        """Whether a block of this method can only be decoded with the model the header names."""
        return self in (Method.NETWORK, Method.NETWORK_MIXING)


@dataclass(frozen=True)
class Header:
    """Start of a member.

    ``model_id`` is the 16-byte identity of the model that its blocks may use, or None.
    """

    model_id: bytes | None = None

    def pack(self) -> bytes:
        """Return the header's bytes."""
        flags = FLAG_MODEL if self.model_id is not None else 0
        return MAGIC + bytes([VERSION | flags]) + (self.model_id or b"")


def parse_header(cursor: Cursor) -> Header:
    """Parse a member's header, as soon as possible refusing what is none."""
    start = bytes(cursor.data[cursor.position : cursor.position + len(MAGIC)])
    if not MAGIC.startswith(start):
        raise NotAnArchiveError("not an nncompress archive (its first bytes are not those of one)")
    cursor.take(len(MAGIC))
    byte = cursor.integer(1)
    if byte & VERSION_MASK != VERSION or byte & ~(VERSION_MASK | FLAG_MODEL):
        raise UnsupportedArchiveError(
            f"archive version {byte & VERSION_MASK} (flags {byte & ~VERSION_MASK:#04x}) "
            f"is damaged or newer than this release, which reads version {VERSION}"
        )
    return Header(cursor.take(MODEL_ID_SIZE) if byte & FLAG_MODEL else None)


def unexpected_data(position: int) -> DamagedArchiveError:
    """Return the error for what follows a member, at ``position``, and is none."""
    return DamagedArchiveError(
        f"unexpected data after the end of the archive, at byte {position}", offset=position
    )


@dataclass(frozen=True)
class BlockHeader:
    """What stands before a block's payload.

    ``offset`` is the position of the block's first raw byte in its member (0 marks the first
    block), sizes are in bytes, ``crc`` is the CRC-32 of the raw bytes, ``last`` says that the
    member has no further block.
    """

    method: Method
    raw_size: int
    payload_size: int
    crc: int
    last: bool
    offset: int

    def pack(self, header: Header) -> bytes:
        """Return the bytes up to the payload.

        ``header`` is the member's, which block 0 protects with its check byte.
        """
        raw = shortest(self.raw_size)
        payload = b"" if self.method is Method.STORED else shortest(self.payload_size)
        tag = len(raw) | len(payload) << 2 | self.method << 4 | (LAST_FLAG if self.last else 0)
        start = SYNC + pack_varint(self.offset) if self.offset else b""
        packed = start + bytes([tag]) + raw + payload + self.crc.to_bytes(CRC_SIZE, "little")
        return packed + _check(packed, header, self.offset)


def shortest(value: int) -> bytes:
    """Return a size field: little-endian, in as few bytes as hold it."""
    return value.to_bytes((value.bit_length() + 7) // 8, "little")


def _check(packed: bytes, header: Header, offset: int) -> bytes:
    return bytes([zlib.crc32(packed if offset else header.pack() + packed) & 0xFF])


def _damaged_block(offset: int) -> DamagedArchiveError:
    return DamagedArchiveError(
        f"damaged archive: the header of the block at byte {offset} of the contents is wrong"
    )


def parse_block_header(cursor: Cursor, header: Header, offset: int) -> BlockHeader:
    """Parse and check a block's header.

    ``offset`` is where the block must start in the member's raw bytes. Raises :class:`Incomplete`
    when bytes are missing, DamagedArchiveError or UnsupportedArchiveError when they are wrong.
    """
    start = cursor.position
    if offset:
        found = bytes(cursor.data[start : start + len(SYNC)])
        if not SYNC.startswith(found):
            raise _damaged_block(offset)
        cursor.take(len(SYNC))
        if cursor.varint() != offset:
            raise _damaged_block(offset)
    tag = cursor.integer(1)
    raw_bytes, payload_bytes, method = tag & 3, tag >> 2 & 3, tag >> 4 & 7
    raw = cursor.take(raw_bytes)
    payload = cursor.take(payload_bytes)
    crc = cursor.integer(CRC_SIZE)
    packed = bytes(cursor.data[start : cursor.position])
    if cursor.take(1) != _check(packed, header, offset):
        raise _damaged_block(offset)
    if method not in Method.__members__.values():
        raise UnsupportedArchiveError(
            f"method {method} is not known to this release; a newer one may decode the archive"
        )
    raw_size = int.from_bytes(raw, "little")
    stored = method == Method.STORED
    payload_size = raw_size if stored else int.from_bytes(payload, "little")
    last = bool(tag & LAST_FLAG)
    shortest = raw[-1:] != b"\0" and payload[-1:] != b"\0"
    if (
        not shortest
        or (stored and payload)
        or (not stored and not payload_size < raw_size <= most_raw_bytes(payload_size))
        or not (raw_size or last)
    ):
        raise _damaged_block(offset)
    return BlockHeader(Method(method), raw_size, payload_size, crc, last, offset)


def most_raw_bytes(payload_size: int) -> int:
    """Return how many raw bytes a coded payload of so many bytes can stand for, at most."""
    return MOST_PER_BYTE * (payload_size + 6) if payload_size > 1 else 0


@dataclass
class IndexBuilder:
    """Collects the index while a member is written; a reader does the same and compares.

    Twelve bytes of memory or so a block.
    """

    header: Header
    count: int = 0
    entries: bytearray = field(default_factory=bytearray)

    def add(self, record_size: int, block: BlockHeader) -> None:
        """Append a block, whose whole record has ``record_size`` bytes, payload included."""
        self.count += 1
        self.entries += pack_varint(record_size) + pack_varint(block.raw_size)
        self.entries += block.crc.to_bytes(CRC_SIZE, "little")

    def start(self) -> bytes:
        """Return the index up to its digest."""
        return INDEX_MARK + self.header.pack() + pack_varint(self.count) + bytes(self.entries)

    def pack(self, digest: bytes) -> bytes:
        """Return the whole index; ``digest`` is that of the member's raw bytes."""
        body = self.start() + digest
        body += zlib.crc32(body).to_bytes(CRC_SIZE, "little")
        return body + (len(body) + 4).to_bytes(4, "little")


@dataclass(frozen=True)
class Index:
    """A parsed index.

    It has a copy of the header, (record size, raw size, CRC-32 of the raw bytes) for each block,
    and the digest of all raw bytes.
    """

    header: Header
    entries: tuple[tuple[int, int, int], ...]
    digest: bytes

    @property
    def blocks_size(self) -> int:
        """Bytes that header and blocks take before the index."""
        return len(self.header.pack()) + sum(record for record, _, _ in self.entries)


def parse_index(data: bytes) -> Index:
    """Parse a whole index; DamagedArchiveError when its checksum, length or contents are wrong."""
    damaged = DamagedArchiveError("damaged archive: the index is wrong")
    body = data[:-4]
    good_crc = zlib.crc32(body[:-CRC_SIZE]).to_bytes(CRC_SIZE, "little") == body[-CRC_SIZE:]
    if (
        not data.startswith(INDEX_MARK)
        or int.from_bytes(data[-4:], "little") != len(data)
        or not good_crc
    ):
        raise damaged
    cursor = Cursor(memoryview(data)[:-INDEX_TAIL], len(INDEX_MARK))
    try:
        header = parse_header(cursor)
        entries = tuple(_entries(cursor, cursor.varint()))
    except Incomplete:
        raise damaged from None
    if cursor.position != len(data) - INDEX_TAIL:
        raise damaged
    return Index(header, entries, data[-INDEX_TAIL : -INDEX_TAIL + DIGEST_SIZE])


def _entries(cursor: Cursor, count: int) -> Iterator[tuple[int, int, int]]:
    for _ in range(count):
        yield cursor.varint(), cursor.varint(), cursor.integer(CRC_SIZE)


def new_digest() -> blake2b:
    """Return the hash object for a member's raw bytes, to be updated block by block."""
    return blake2b(digest_size=DIGEST_SIZE)

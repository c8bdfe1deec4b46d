"""The wire format, version 1: headers of members and blocks.

Every byte of an archive is laid out here, in :mod:`.index` and in :mod:`.copies`, and nowhere else.
FORMAT.md says the same in prose. All integers are little-endian; ``varint`` is unsigned LEB128 in
its shortest form.

    archive = member, { member }, [ zero bytes ]       joined archives decode as one
    member  = header, block 0, { block i }, [ index ]  an index follows two blocks or more
    header  = MAGIC (3), version | flags (1), [ model identity (16), when FLAG_MODEL is set ]
    flags   = bits 4-6: a number in WINDOWS; 7: FLAG_MODEL
    block   = [ SYNC (4), varint raw offset: blocks after the first ],
              tag (1), raw size (0-3), payload size (0-3), CRC-32 of the raw bytes (4), check (1),
              payload
    tag     = bits 0-1: bytes of the raw size; 2-3: bytes of the payload size; 4-6: method;
              7: this is the last block of the member
    check   = low byte of the CRC-32 of everything from the start of the block up to here,
              for block 0 from the start of the header

A stored block has no payload size. Only a member's last block may be empty. The largest overhead of
a one-block member is 3 + 1 + 16 + 1 + 3 + 3 + 4 + 1 = 32 bytes.

A block with copies, of NARROW_SIZE bytes or more, or that needs another model than the header names
has LONG_FORM in place of its method, no size fields, and between tag and CRC-32:

    long    = method | flags (1), [ with HAS_MODEL: model identity (16) ],
              varint raw size, [ varint payload size: not of a stored block ],
              [ with HAS_COPIES: varint literals, varint number of the first of them in the member,
                varint size of the copies, which begin the payload (see .copies),
                CRC-32 of copies and literals (4) ]

A block of method MODEL is the only one of its member, has no raw bytes, and its payload is the
model that the header names (see .embedded); its CRC-32 is that of the payload.
"""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass
from typing import TypeAlias

from nncompress.errors import (
    DamagedArchiveError,
    NotAnArchiveError,
    UnsupportedArchiveError,
)

from .fields import Cursor, pack_varint

MAGIC = b"\x8eNN"
VERSION = 1
VERSION_MASK = 0x0F
FLAG_MODEL = 0x80
MODEL_ID_SIZE = 16
SYNC = b"\xd6\x9e\xc4\x8b"
DIGEST_SIZE = 16
CRC_SIZE = 4
MAX_BLOCK_SIZE = 2**26
NARROW_SIZE = 2**24
"""Blocks of fewer bytes, and without copies, have size fields of up to three bytes."""
MAX_BLOCKS = 2**20
"""Of one member; bounds the index. A writer that needs more starts another member."""
LAST_FLAG = 0x80
LONG_FORM = 7
HAS_COPIES = 0x10
HAS_MODEL = 0x20
WINDOWS = (0, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30, 1 << 31)
"""How many literals before a block its copies may reach back, by the number in the header."""
WINDOW_SHIFT = 4
MOST_PER_BYTE = 45426
"""Raw bytes that a byte of payload can stand for: a bit takes at least 2**-16 / ln 2 bits of the
range coder's stream. FORMAT.md has the derivation, under "What a decoder must not trust"."""


MOST_COPIED_PER_BYTE = MAX_BLOCK_SIZE // 26
"""Raw bytes that a byte of a block with copies can stand for: such a block has 26 bytes or more."""


class Method(enum.IntEnum):
    """How a block's payload was made. Ids 5 and 6 are free."""

    STORED = 0
    NETWORK = 1
    NETWORK_MIXING = 2
    MIXING = 3
    MODEL = 4

    @property
    def label(self) -> str:
        """Name shown to users, for instance ``network+mixing``."""
        return self.name.lower().replace("_", "+")

    @property
    def needs_model(self) -> bool:
        """Whether a block of this method can only be decoded with a model."""
        return self in (Method.NETWORK, Method.NETWORK_MIXING)


@dataclass(frozen=True)
class Header:
    """Start of a member.

    ``model_id`` is the 16-byte identity of the model of those of its blocks that name no other, or
    None; ``window``, one of ``WINDOWS``, is how many literals before a block its copies may reach
    back.
    """

    model_id: bytes | None = None
    window: int = 0

    def pack(self) -> bytes:
        """Return the header's bytes."""
        flags = WINDOWS.index(self.window) << WINDOW_SHIFT
        flags |= FLAG_MODEL if self.model_id is not None else 0
        return MAGIC + bytes([VERSION | flags]) + (self.model_id or b"")


def parse_header(cursor: Cursor) -> Header:
    """Parse a member's header, as soon as possible refusing what is none."""
    start = bytes(cursor.data[cursor.position : cursor.position + len(MAGIC)])
    if not MAGIC.startswith(start):
        raise NotAnArchiveError("not an nncompress archive (its first bytes are not those of one)")
    cursor.take(len(MAGIC))
    byte = cursor.integer(1)
    if byte & VERSION_MASK != VERSION:
        raise UnsupportedArchiveError(
            f"archive version {byte & VERSION_MASK} is damaged or newer than this release, "
            f"which reads version {VERSION}"
        )
    model_id = cursor.take(MODEL_ID_SIZE) if byte & FLAG_MODEL else None
    return Header(model_id, WINDOWS[byte >> WINDOW_SHIFT & 7])


@dataclass(frozen=True)
class LiteralsHeader:
    """What the header of a block with copies says besides.

    ``size`` counts its literals, the raw bytes that are no copies; ``start`` is the number of the
    first of them in its member, ``section`` the size of the copies in bytes, and ``crc`` the CRC-32
    of the copies as they stand in the payload, followed by the literals.
    """

    size: int
    start: int
    section: int
    crc: int


@dataclass(frozen=True)
class BlockHeader:
    """What stands before a block's payload.

    ``offset`` is the position of the block's first raw byte in its member (0 marks the first
    block), sizes are in bytes, ``crc`` is the CRC-32 of the raw bytes, ``last`` says that the
    member has no further block, ``literals`` is None in a block without copies. ``model_id`` is the
    identity of the model that the block needs, None where that is the one of the member's header.
    """

    method: Method
    raw_size: int
    payload_size: int
    crc: int
    last: bool
    offset: int
    literals: LiteralsHeader | None = None
    model_id: bytes | None = None

    @property
    def literal_size(self) -> int:
        """Raw bytes that are no copies."""
        return self.raw_size if self.literals is None else self.literals.size

    @property
    def coded_size(self) -> int:
        """Bytes of the payload that the literals take."""
        return self.payload_size - (self.literals.section if self.literals else 0)

    def needed_model(self, header: Header) -> bytes | None:
        """Return the identity of the model that the block needs in a member with this header.

        None without a need, and where neither names one.
        """
        return (self.model_id or header.model_id) if self.method.needs_model else None

    def pack(self, header: Header) -> bytes:
        """Return the bytes up to the payload.

        ``header`` is the member's, which block 0 protects with its check byte.
        """
        start = SYNC + pack_varint(self.offset) if self.offset else b""
        plain = self.literals is None and self.model_id is None
        narrow = plain and self.raw_size < NARROW_SIZE
        sizes = self._narrow_sizes() if narrow else self._long_sizes()
        packed = start + sizes + self.crc.to_bytes(CRC_SIZE, "little")
        return packed + _check(packed, header, self.offset)

    def _narrow_sizes(self) -> bytes:
        raw = shortest(self.raw_size)
        payload = b"" if self.method is Method.STORED else shortest(self.payload_size)
        return bytes([len(raw) | len(payload) << 2 | self._tag(self.method)]) + raw + payload

    def _long_sizes(self) -> bytes:
        flags = HAS_COPIES if self.literals is not None else 0
        flags |= HAS_MODEL if self.model_id is not None else 0
        out = bytes([self._tag(LONG_FORM), self.method | flags]) + (self.model_id or b"")
        out += pack_varint(self.raw_size)
        if self.method is not Method.STORED:
            out += pack_varint(self.payload_size)
        if self.literals is not None:
            fields = self.literals.size, self.literals.start, self.literals.section
            out += b"".join(map(pack_varint, fields))
            out += self.literals.crc.to_bytes(CRC_SIZE, "little")
        return out

    def _tag(self, method: int) -> int:
        return method << 4 | (LAST_FLAG if self.last else 0)


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
    parse = _long_fields if tag >> 4 & 7 == LONG_FORM else _narrow_fields
    method, raw, payload, literals, model_id = parse(cursor, tag)
    crc = cursor.integer(CRC_SIZE)
    packed = bytes(cursor.data[start : cursor.position])
    if cursor.take(1) != _check(packed, header, offset):
        raise _damaged_block(offset)
    if method not in Method.__members__.values():
        raise UnsupportedArchiveError(
            f"method {method} is not known to this release; a newer one may decode the archive"
        )
    last = bool(tag & LAST_FLAG)
    block = BlockHeader(Method(method), raw, payload, crc, last, offset, literals, model_id)
    if not _can_be(block, header) or block.pack(header)[:-1] != packed:
        raise _damaged_block(offset)
    return block


def check_literal_start(block: BlockHeader, start: int) -> None:
    """Raise DamagedArchiveError where a block says that its literals begin elsewhere."""
    if block.literals is not None and block.literals.start != start:
        raise _damaged_block(block.offset)


_Fields: TypeAlias = tuple[int, int, int, LiteralsHeader | None, bytes | None]


def _narrow_fields(cursor: Cursor, tag: int) -> _Fields:
    """Return method, raw size and payload size."""
    raw = cursor.integer(tag & 3)
    payload = cursor.integer(tag >> 2 & 3)
    method = tag >> 4 & 7
    return method, raw, raw if method == Method.STORED else payload, None, None


def _long_fields(cursor: Cursor, _: int) -> _Fields:
    """Return method, raw size, payload size, what is said of literals, and the block's model."""
    method, flags = (byte := cursor.integer(1)) & 7, byte & ~7
    if flags & ~(HAS_COPIES | HAS_MODEL):
        raise UnsupportedArchiveError(f"flags {flags:#04x} of a block are not known")
    model_id = cursor.take(MODEL_ID_SIZE) if flags & HAS_MODEL else None
    raw = cursor.varint()
    payload = cursor.varint() if method != Method.STORED else raw
    if not flags & HAS_COPIES:
        return method, raw, payload, None, model_id
    size, start, section = cursor.varint(), cursor.varint(), cursor.varint()
    if method == Method.STORED:
        payload = section + size
    literals = LiteralsHeader(size, start, section, cursor.integer(CRC_SIZE))
    return method, raw, payload, literals, model_id


def _can_be(block: BlockHeader, header: Header) -> bool:
    """Whether the fields are those that a block can have in a member with this header."""
    if block.method is Method.MODEL:
        model = BlockHeader(Method.MODEL, 0, block.payload_size, block.crc, last=True, offset=0)
        named = header.model_id is not None and not header.window
        return named and block == model and block.payload_size > 0
    if block.model_id is not None and not block.method.needs_model:
        return False
    if not (0 if block.last else 1) <= block.raw_size <= MAX_BLOCK_SIZE:
        return False
    if (of := block.literals) and not 0 < of.section < block.raw_size - of.size:
        return False
    return can_stand_for(block.coded_size, block.literal_size, block.method)


def can_stand_for(coded: int, literals: int, method: Method) -> bool:
    """Whether ``coded`` bytes of payload can stand for so many literals."""
    if method is Method.STORED:
        return coded == literals
    return coded < literals <= most_raw_bytes(coded)


def most_raw_bytes(payload_size: int) -> int:
    """Return how many literals a coded payload of so many bytes can stand for, at most."""
    return MOST_PER_BYTE * (payload_size + 6) if payload_size > 1 else 0

"""Where the blocks of an archive are: by its indexes, else by walking from header to header.

Nothing is decoded here, and no payload is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from nncompress.errors import ArchiveError, DamagedArchiveError, LimitError, TruncatedArchiveError

from .codec import CodecSource, decode_block
from .fields import Cursor, Incomplete
from .format import (
    INDEX_TAIL,
    MAX_BLOCKS,
    MAX_INDEX_SIZE,
    BlockHeader,
    Header,
    IndexBuilder,
    parse_block_header,
    parse_header,
    parse_index,
)

Parsed = TypeVar("Parsed")

HEADER_ROOM = 64  # more than any header of a member and a block together


@dataclass(frozen=True)
class BlockPlace:
    """A block's place: ``position`` in the archive, ``start`` in the whole contents; bytes.

    ``offset`` is its start in the contents of its member, ``size`` what its record takes in the
    archive without the member's header, ``crc`` is the CRC-32 of the raw bytes.
    """

    member: int
    header: Header
    position: int
    size: int
    start: int
    offset: int
    raw_size: int
    crc: int


@dataclass(frozen=True)
class ArchiveMap:
    """The blocks of an archive, in order.

    ``members`` counts its members. ``fault`` is None, or the error that ended the walk over an
    archive that is cut off or damaged, whose blocks up to there are listed.
    """

    blocks: tuple[BlockPlace, ...]
    members: int
    archive_size: int
    fault: ArchiveError | None = None

    @property
    def raw_size(self) -> int:
        """Bytes of the contents, as declared by the headers."""
        return self.blocks[-1].start + self.blocks[-1].raw_size if self.blocks else 0


@dataclass(frozen=True)
class _Member:
    position: int
    header: Header
    entries: tuple[tuple[int, int, int], ...]


def read_map(file: BinaryIO) -> ArchiveMap:
    """Find all blocks of the seekable ``file``.

    Indexes are followed from the end of the file to its start; what they do not cover is walked.
    Raises LimitError when there are more than ``MAX_BLOCKS`` blocks, which would take too much
    memory; such an archive can still be read in order.
    """
    end = archive_size = file.seek(0, os.SEEK_END)
    indexed = _Members()
    while (member := _member_before(file, end)) is not None:
        indexed.add(member)
        end = member.position
    walked, fault = _walk(file, end)
    members = [*walked, *reversed(indexed.found)]
    if not members and fault is None:
        fault = TruncatedArchiveError("the input is empty, which is no archive", offset=0)
    return ArchiveMap(tuple(_places(members)), len(members), archive_size, fault)


class _Members:
    """Collects members, and stops before their blocks take too much memory."""

    def __init__(self) -> None:
        self.found: list[_Member] = []
        self.blocks = 0

    def add(self, member: _Member) -> None:
        self.blocks += len(member.entries)
        if self.blocks > MAX_BLOCKS:
            raise LimitError(f"the archive has more than {MAX_BLOCKS} blocks", limit=MAX_BLOCKS)
        self.found.append(member)


def _member_before(file: BinaryIO, end: int) -> _Member | None:
    """Return the member whose index ends at ``end``, or None where no sound index ends there."""
    if end < INDEX_TAIL:
        return None
    file.seek(end - 4)
    size = int.from_bytes(file.read(4), "little")
    if not INDEX_TAIL < size <= min(end, MAX_INDEX_SIZE):
        return None
    file.seek(end - size)
    try:
        index = parse_index(file.read(size))
    except ArchiveError:
        return None
    position = end - size - index.blocks_size
    if position < 0 or len(index.entries) < 2:
        return None
    return _Member(position, index.header, index.entries)


def _walk(file: BinaryIO, end: int) -> tuple[list[_Member], ArchiveError | None]:
    """Follow the headers from the start of the file to ``end``."""
    members = _Members()
    position = 0
    fault: ArchiveError | None = None
    while position < end and fault is None:
        try:
            member, position, fault = _walk_member(file, position, end)
        except ArchiveError as error:
            error.offset = position
            return members.found, error
        members.add(member)
    return members.found, fault


def _walk_member(file: BinaryIO, start: int, end: int) -> tuple[_Member, int, ArchiveError | None]:
    """Walk over one member: what was found, where it ends, and the fault that stopped the walk."""
    header, size = _parse(file, start, end, 0, parse_header)
    position = start + size
    index = IndexBuilder(header)
    entries: list[tuple[int, int, int]] = []
    fault = None
    try:
        offset, last = 0, False
        while not last:
            if len(entries) == MAX_BLOCKS:
                raise DamagedArchiveError("damaged archive: too many blocks")
            block, size = _parse_block(file, position, end, header, offset)
            size += block.payload_size
            if position + size > end:
                raise _cut(offset)
            index.add(size, block)
            entries.append((size, block.raw_size, block.crc))
            position += size
            offset += block.raw_size
            last = block.last
        if len(entries) > 1:
            position += len(index.start()) + INDEX_TAIL
            if position > end:
                raise TruncatedArchiveError("the archive is cut off: its index is missing")
    except ArchiveError as error:
        error.offset = position
        fault = error
    return _Member(start, header, tuple(entries)), position, fault


def _cut(offset: int) -> TruncatedArchiveError:
    return TruncatedArchiveError(
        f"the archive is cut off: its contents after byte {offset} are missing"
    )


def _parse(
    file: BinaryIO, position: int, end: int, offset: int, parse: Callable[[Cursor], Parsed]
) -> tuple[Parsed, int]:
    """Parse what stands at ``position``; returns its size too."""
    file.seek(position)
    cursor = Cursor(file.read(max(0, min(HEADER_ROOM, end - position))))
    try:
        return parse(cursor), cursor.position
    except Incomplete:
        raise _cut(offset) from None


def _parse_block(
    file: BinaryIO, position: int, end: int, header: Header, offset: int
) -> tuple[BlockHeader, int]:
    return _parse(
        file, position, end, offset, lambda cursor: parse_block_header(cursor, header, offset)
    )


def _places(members: list[_Member]) -> list[BlockPlace]:
    places = []
    start = 0
    for number, member in enumerate(members):
        position = member.position + len(member.header.pack())
        offset = 0
        for size, raw_size, crc in member.entries:
            places.append(
                BlockPlace(number, member.header, position, size, start, offset, raw_size, crc)
            )
            position += size
            start += raw_size
            offset += raw_size
    return places


def read_block_header(file: BinaryIO, place: BlockPlace) -> BlockHeader:
    """Read and check the header of a block, against its place too."""
    return _read_place(file, place)[0]


def read_block(file: BinaryIO, place: BlockPlace, source: CodecSource) -> bytes:
    """Read, decode and check one block."""
    header, head = _read_place(file, place)
    file.seek(place.position + head)
    payload = file.read(header.payload_size)
    try:
        if len(payload) != header.payload_size:
            raise _cut(place.offset)
        return decode_block(source, place.header.model_id, header, payload)
    except ArchiveError as error:
        error.offset = place.position
        raise


def _read_place(file: BinaryIO, place: BlockPlace) -> tuple[BlockHeader, int]:
    end = place.position + place.size
    block, head = _parse_block(file, place.position, end, place.header, place.offset)
    if (block.raw_size, head + block.payload_size, block.crc) != (
        place.raw_size,
        place.size,
        place.crc,
    ):
        raise DamagedArchiveError(
            f"damaged archive: index and header of the block at byte {place.offset} disagree",
            offset=place.position,
        )
    return block, head

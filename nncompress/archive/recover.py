"""Getting what is left out of a damaged archive.

Blocks are found by the index where it is sound, else by walking, and after a damaged header by
searching for the bytes that mark a block or a member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from nncompress.errors import ArchiveError

from .access import WINDOW, ArchiveMap, BlockPlace, read_block, read_map
from .codec import CodecSource
from .fields import Cursor, Incomplete
from .format import (
    MAGIC,
    MOST_PER_BYTE,
    SYNC,
    BlockHeader,
    Header,
    parse_block_header,
    parse_header,
)
from .walk import HEADER_ROOM


@dataclass(frozen=True)
class Segment:
    """A piece of the contents from ``start`` on: ``data``, or None where ``size`` bytes are lost.

    ``error`` says why they are lost.
    """

    start: int
    size: int
    data: bytes | None
    error: ArchiveError | None = None


def recover(file: BinaryIO, source: CodecSource, max_block: int | None = None) -> Iterator[Segment]:
    """Yield the contents of the seekable archive ``file`` in order, good blocks and lost ranges.

    Memory stays at one block. What stood after the last good block of an archive that is cut off
    cannot be known and is left out; a final segment of size 0 then carries the error. Raises
    MemoryLimitError at a block whose raw bytes and payload take more than ``max_block`` bytes.
    """
    found = read_map(file)
    end = 0
    for place in _all_places(file, found):
        if place.start < end:  # two claims to the same bytes: the first good one stands
            continue
        segment = _read(file, place, source, max_block)
        if segment.data is None and place.guessed:
            continue
        if place.start > end:
            yield Segment(end, place.start - end, None, found.fault)
        yield segment
        end = place.start + place.raw_size
    if found.fault is not None:
        yield Segment(end, 0, None, found.fault)


@dataclass(frozen=True)
class _Place(BlockPlace):
    guessed: bool = False


def _read(file: BinaryIO, place: _Place, source: CodecSource, max_block: int | None) -> Segment:
    try:
        return Segment(place.start, place.raw_size, read_block(file, place, source, max_block))
    except ArchiveError as error:
        return Segment(place.start, place.raw_size, None, error)


def _all_places(file: BinaryIO, found: ArchiveMap) -> Iterator[_Place]:
    """Yield the blocks of the map, and where its walk ended those that a search finds."""
    fault_at = found.fault.offset if found.fault is not None else None
    searched = fault_at is None
    shift = 0  # what the search has found in front of the members that follow it
    for place in found.blocks:
        if not searched and fault_at is not None and place.position > fault_at:
            for guess in _search(file, fault_at, place.position, found):
                yield guess
                shift = max(shift, guess.start + guess.raw_size - place.start)
            searched = True
        yield _Place(**{**vars(place), "start": place.start + shift})
    if not searched and fault_at is not None:
        yield from _search(file, fault_at, found.archive_size, found)


def _search(file: BinaryIO, start: int, end: int, found: ArchiveMap) -> Iterator[_Place]:
    """Yield what looks like blocks between two positions of the archive."""
    before = [place for place in found.blocks if place.position < start]
    member = before[-1].member if before else 0
    header = before[-1].header if before else _header_of(found)
    base = before[-1].start - before[-1].offset if before else 0
    reach = known = before[-1].start + before[-1].raw_size if before else 0
    for position, mark in _marks(file, start, end):
        file.seek(position)
        cursor = Cursor(file.read(min(HEADER_ROOM, end - position)))
        try:
            offset = 0
            new_header = header
            if mark == MAGIC:
                new_header = parse_header(cursor)
            else:
                offset = _peek_offset(cursor)
            head = cursor.position
            block = parse_block_header(cursor, new_header, offset)
        except (ArchiveError, Incomplete):
            continue
        if mark == MAGIC:
            if position > 0 or before:
                member, base = member + 1, reach
            header = new_header
        if base + offset - known > (position - start) * MOST_PER_BYTE:
            continue  # no damage of this length can hide that much
        place = _place(block, header, position + head, cursor.position - head, base, member)
        reach = max(reach, place.start + place.raw_size)
        yield place


def _header_of(found: ArchiveMap) -> Header:
    return found.blocks[0].header if found.blocks else Header()


def _peek_offset(cursor: Cursor) -> int:
    """Return the offset field of the block at the cursor, which stays where it is."""
    offset = Cursor(cursor.data, cursor.position + len(SYNC)).varint()
    if offset == 0:
        raise Incomplete
    return offset


def _place(
    block: BlockHeader, header: Header, position: int, head: int, base: int, member: int
) -> _Place:
    return _Place(
        member=member,
        header=header,
        position=position,
        size=head + block.payload_size,
        start=base + block.offset,
        offset=block.offset,
        raw_size=block.raw_size,
        crc=block.crc,
        guessed=True,
    )


def _marks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the positions of SYNC and MAGIC between two positions, in order."""
    overlap = len(SYNC) - 1
    position = start
    while position < end:
        file.seek(position)
        window = file.read(min(WINDOW + overlap, end - position))
        hits = [(at, mark) for mark in (SYNC, MAGIC) for at in _find_all(window, mark)]
        for at, mark in sorted(hits):
            if at < WINDOW:
                yield position + at, mark
        position += WINDOW


def _find_all(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)

"""Getting what is left out of a damaged archive.

Blocks are found by the index where it is sound, else by walking, and after a damaged header by
searching for the bytes that mark a block or a member.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

from nncompress.errors import ArchiveError, DamagedArchiveError

from .access import WINDOW, ArchiveMap, BlockPlace, read_literals, read_map
from .codec import CodecSource, Decoded, complete_block
from .fields import Cursor, Incomplete
from .format import (
    MAGIC,
    MOST_COPIED_PER_BYTE,
    MOST_PER_BYTE,
    SYNC,
    BlockHeader,
    Header,
    parse_block_header,
    parse_header,
)
from .history import KeptLiterals
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


def recover(
    file: BinaryIO,
    source: CodecSource,
    max_block: int | None = None,
    history: KeptLiterals | None = None,
) -> Iterator[Segment]:
    """Yield the contents of the seekable archive ``file`` in order, good bytes and lost ranges.

    A block that cannot be decoded costs its own bytes and the copies of them in later blocks. What
    stood after the last good block of an archive that is cut off cannot be known and is left out; a
    final segment of size 0 then carries the error.

    Args:
        file: the archive.
        source: gives codecs.
        max_block: bytes that raw bytes and payload of a block may take; MemoryLimitError is raised
            at one that takes more.
        history: keeps literals for the copies; None keeps them in memory.
    """
    history = history or KeptLiterals(sys.maxsize)
    found = read_map(file)
    end, member = 0, -1
    for place in _all_places(file, found):
        if place.member != member:
            member = place.member
            history.begin(place.header.window)
        if place.start < end:  # two claims to the same bytes: the first good one stands
            continue
        segments = _read(file, place, source, max_block, history)
        if place.guessed and all(segment.data is None for segment in segments):
            continue
        if place.start > end:
            yield Segment(end, place.start - end, None, found.fault)
        yield from segments
        end = place.start + place.raw_size
    if found.fault is not None:
        yield Segment(end, 0, None, found.fault)


@dataclass(frozen=True)
class _Place(BlockPlace):
    guessed: bool = False


def _read(
    file: BinaryIO,
    place: _Place,
    source: CodecSource,
    max_block: int | None,
    history: KeptLiterals,
) -> list[Segment]:
    """Return the bytes of a block, in as many segments as its lost parts make of it."""
    try:
        header, decoded = read_literals(file, place, source, max_block)
        try:
            data = complete_block(header, decoded, history.find)
            segments = [Segment(place.start, place.raw_size, data)]
        except DamagedArchiveError as error:
            segments = list(_what_is_left(place, header, decoded, history, error))
    except ArchiveError as error:
        return [Segment(place.start, place.raw_size, None, error)]
    if place.literal_start is not None:
        history.add(place.literal_start, decoded, place.raw_size)
    return segments


def _what_is_left(
    place: _Place,
    header: BlockHeader,
    decoded: Decoded,
    history: KeptLiterals,
    error: DamagedArchiveError,
) -> Iterator[Segment]:
    """Yield a block, of whose copies some repeat what is lost."""
    start, lost, good = place.start, 0, bytearray()
    for size, piece in _parts(header, decoded, history):
        if piece is None:
            if good:
                yield Segment(start, len(good), bytes(good))
                start, good = start + len(good), bytearray()
            lost += size
            continue
        if lost:
            yield Segment(start, lost, None, error)
            start, lost = start + lost, 0
        good += piece
    if len(good) == place.raw_size:  # all is there, and yet its CRC-32 is wrong
        raise error
    if good:
        yield Segment(start, len(good), bytes(good))
    elif lost:
        yield Segment(start, lost, None, error)


def _parts(
    header: BlockHeader, decoded: Decoded, history: KeptLiterals
) -> Iterator[tuple[int, bytes | None]]:
    """Yield literals and copies in order; None for bytes that are lost."""
    assert header.literals is not None
    first, at = header.literals.start, 0
    for place, length, source in decoded.copies.rows():
        yield place - at, decoded.literals[at:place]
        at = place
        outside = min(length, max(0, first - source))
        yield from _found(source, outside, history)
        inside = max(0, source - first)
        yield length - outside, decoded.literals[inside : inside + length - outside]
    yield len(decoded.literals) - at, decoded.literals[at:]


def _found(number: int, size: int, history: KeptLiterals) -> Iterator[tuple[int, bytes | None]]:
    """Yield literals from ``number`` on; None for those that are lost."""
    end = number + size
    while number < end:
        known = min(history.next_known(number), end)
        if known > number:
            yield known - number, None
        number = known
        with suppress(DamagedArchiveError):  # the next one is lost
            for piece in history.find(number, end - number):
                yield len(piece), bytes(piece)
                number += len(piece)


def _all_places(file: BinaryIO, found: ArchiveMap) -> Iterator[_Place]:
    """Yield the blocks of the map, and where its walk ended those that a search finds."""
    fault_at = found.fault.offset if found.fault is not None else None
    searched = fault_at is None
    shift = 0  # what the search has found in front of the members that follow it
    for place in found.blocks:
        if not searched and fault_at is not None and place.position > fault_at:
            for guess in _numbered(_search(file, fault_at, place.position, found)):
                yield guess
                shift = max(shift, guess.start + guess.raw_size - place.start)
            searched = True
        yield _Place(**{**vars(place), "start": place.start + shift})
    if not searched and fault_at is not None:
        yield from _numbered(_search(file, fault_at, found.archive_size, found))


def _numbered(guesses: Iterator[_Place]) -> Iterator[_Place]:
    """Yield blocks with the numbers of their literals, told also by a later block."""
    places = list(guesses)
    for at in range(len(places) - 2, -1, -1):
        place, following = places[at], places[at + 1]
        follows = place.start + place.raw_size == following.start
        if place.literal_start is None and following.literal_start is not None and follows:
            start = following.literal_start - place.literal_size
            places[at] = replace(place, literal_start=start)
    return iter(places)


def _search(file: BinaryIO, start: int, end: int, found: ArchiveMap) -> Iterator[_Place]:
    """Yield what looks like blocks between two positions of the archive."""
    before = [place for place in found.blocks if place.position < start]
    member = before[-1].member if before else 0
    header = before[-1].header if before else _header_of(found)
    base = before[-1].start - before[-1].offset if before else 0
    reach = known = before[-1].start + before[-1].raw_size if before else 0
    literals = _literal_end(before[-1]) if before else 0
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
            header, literals = new_header, 0
        most = MOST_COPIED_PER_BYTE if header.window else MOST_PER_BYTE
        if base + offset - known > (position - start) * most:
            continue  # no damage of this length can hide that much
        if block.literals is not None:
            literals = block.literals.start
        elif base + block.offset != reach:  # what lies between is lost
            literals = None
        place = _place(
            block, header, position + head, cursor.position - head, base, member, literals
        )
        if place.start + place.raw_size > reach:
            reach, literals = place.start + place.raw_size, _literal_end(place)
        yield place


def _header_of(found: ArchiveMap) -> Header:
    return found.blocks[0].header if found.blocks else Header()


def _peek_offset(cursor: Cursor) -> int:
    """Return the offset field of the block at the cursor, which stays where it is."""
    offset = Cursor(cursor.data, cursor.position + len(SYNC)).varint()
    if offset == 0:
        raise Incomplete
    return offset


def _literal_end(place: BlockPlace) -> int | None:
    """Return the number of the literal behind a block."""
    return None if place.literal_start is None else place.literal_start + place.literal_size


def _place(
    block: BlockHeader,
    header: Header,
    position: int,
    head: int,
    base: int,
    member: int,
    literals: int | None,
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
        literal_size=block.literal_size,
        literal_start=literals,
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

"""Find the blocks that a damaged archive still has.

They are found by the index where it is sound, else by walking, and after a damaged header by
searching for the bytes that mark a block or a member.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from nncompress.errors import ArchiveError

from .access import WINDOW, ArchiveMap, BlockPlace, ModelPlace
from .embedded import keep_model
from .fields import Cursor, Incomplete
from .format import (
    MAGIC,
    MOST_COPIED_PER_BYTE,
    MOST_PER_BYTE,
    SYNC,
    BlockHeader,
    Header,
    Method,
    parse_block_header,
    parse_header,
)
from .walk import HEADER_ROOM


@dataclass(frozen=True)
class FoundPlace(BlockPlace):
    """A block's place; ``guessed`` if only bytes that look like a header's say so."""

    guessed: bool = False


def all_places(file: BinaryIO, found: ArchiveMap) -> Iterator[FoundPlace]:
    """Yield the blocks of the map, and where its walk ended those that a search finds."""
    fault_at = found.fault.offset if found.fault is not None else None
    searched = fault_at is None
    shift = 0  # what the search has found in front of the members that follow it
    models: Mapping[bytes, ModelPlace] = {}
    for place in found.blocks:
        if not searched and fault_at is not None and place.position > fault_at:
            for guess in _numbered(_search(file, fault_at, place.position, found)):
                yield guess
                shift = max(shift, guess.start + guess.raw_size - place.start)
                models = guess.models
            searched = True
        moved = {"start": place.start + shift, "models": {**models, **place.models}}
        yield FoundPlace(**{**vars(place), **moved})
    if not searched and fault_at is not None:
        yield from _numbered(_search(file, fault_at, found.archive_size, found))


def _numbered(guesses: Iterator[FoundPlace]) -> Iterator[FoundPlace]:
    """Yield blocks with the numbers of their literals, told also by a later block."""
    places = list(guesses)
    for at in range(len(places) - 2, -1, -1):
        place, following = places[at], places[at + 1]
        follows = place.start + place.raw_size == following.start
        if place.literal_start is None and following.literal_start is not None and follows:
            start = following.literal_start - place.literal_size
            places[at] = replace(place, literal_start=start)
    return iter(places)


def _search(file: BinaryIO, start: int, end: int, found: ArchiveMap) -> Iterator[FoundPlace]:
    """Yield what looks like blocks between two positions of the archive."""
    before = [place for place in found.blocks if place.position < start]
    member = before[-1].member if before else 0
    header = before[-1].header if before else _header_of(found)
    base = before[-1].start - before[-1].offset if before else 0
    reach = known = before[-1].start + before[-1].raw_size if before else 0
    literals = _literal_end(before[-1]) if before else 0
    models = before[-1].models if before else {}
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
        at, size = position + head, cursor.position - head
        if block.method is Method.MODEL and header.model_id is not None:
            model = ModelPlace(header, at, size + block.payload_size)
            models = keep_model(models, header.model_id, model)
        place = _place(block, header, at, size, base, member, literals, models)
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
    models: Mapping[bytes, ModelPlace],
) -> FoundPlace:
    return FoundPlace(
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
        indexed=False,
        guessed=True,
        models=models,
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

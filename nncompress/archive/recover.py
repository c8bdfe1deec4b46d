"""Getting what is left out of a damaged archive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from nncompress.errors import ArchiveError, DamagedArchiveError, ModelError, NNCompressError

from .access import read_literals, read_map
from .codec import CodecSource, Decoded, complete_block
from .format import BlockHeader
from .history import KeptLiterals
from .search import FoundPlace, all_places


@dataclass(frozen=True)
class Segment:
    """A piece of the contents from ``start`` on: ``data``, or None where ``size`` bytes are lost.

    ``error`` says why they are lost.
    """

    start: int
    size: int
    data: bytes | None
    error: NNCompressError | None = None


def recover(
    file: BinaryIO,
    source: CodecSource,
    max_block: int | None = None,
    history: KeptLiterals | None = None,
) -> Iterator[Segment]:
    """Yield the contents of the seekable archive ``file`` in order, good bytes and lost ranges.

    A block that cannot be decoded, or whose model is not at hand, costs its own bytes and the
    copies of them in later blocks. Where the index is lost too, nothing proves that other blocks
    are those that such a later block means, and it loses all its copies of others. What stood after
    the last good block of an archive that is cut off cannot be known and is left out; a final
    segment of size 0 then carries the error.

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
    for place in all_places(file, found):
        if place.member != member or place.offset == 0:
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


def _read(
    file: BinaryIO,
    place: FoundPlace,
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
    except (ArchiveError, ModelError) as error:
        return [Segment(place.start, place.raw_size, None, error)]
    if place.literal_start is not None:
        history.add(place.literal_start, decoded, place.raw_size)
    return segments


def _what_is_left(
    place: FoundPlace,
    header: BlockHeader,
    decoded: Decoded,
    history: KeptLiterals,
    error: DamagedArchiveError,
) -> Iterator[Segment]:
    """Yield a block, of whose copies some repeat what is lost."""
    start, lost, good = place.start, 0, bytearray()
    for size, piece in _parts(header, decoded, history if place.indexed else KeptLiterals(0)):
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

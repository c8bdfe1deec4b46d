"""The copies of a block: as they stand in its payload, and put among its literals.

    section = packed body, see .packing
    body    = varint copies, then for each copy, one column after the other:
              varint literals between it and the copy before (the block's start for the first),
              varint length,
              zigzag varint of its source, less where the copy before would have gone on

A source is the number of a literal in the member; the block's first one has the number that its
header states. Where the copy before would have gone on is its source, its length and the literals
since then; for the first copy it is the number of the literal behind it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nncompress.errors import DamagedArchiveError

from .fields import Cursor, Incomplete, pack_varint
from .format import LiteralsHeader
from .packing import pack_body, unpack_body

LEAST_COPY = 32
"""A block has no more copies than one for so many bytes that they make."""

FIELD_SIZE = 9
"""Most bytes of a varint."""

MOST_UNJOINED = 1 << 13
"""So many pieces of a block are joined, since each takes more memory than some bytes."""

FindLiterals = Callable[[int, int], Iterator[bytes | bytearray | memoryview]]
"""Gives the literals of a member from a number on, so many; in pieces."""


def _numbers() -> array[int]:
    return array("q")


@dataclass(frozen=True)
class Copies:
    """Copies of one block, a place in each column for each.

    Attributes:
        places: how many literals of the block stand before it.
        lengths: its bytes.
        sources: number of the first literal that it repeats.
    """

    places: Sequence[int] = field(default_factory=_numbers)
    lengths: Sequence[int] = field(default_factory=_numbers)
    sources: Sequence[int] = field(default_factory=_numbers)

    def __len__(self) -> int:
        return len(self.places)

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Yield the place, the length and the source of each."""
        return zip(self.places, self.lengths, self.sources, strict=True)


NO_COPIES = Copies()


@dataclass(frozen=True)
class CopyRules:
    """What becomes a copy when a stream is compressed.

    Attributes:
        window: how many literals before a block its copies may reach back; 0 for no copies.
        least: bytes of the shortest copy from before the block.
        least_inside: the same from the block itself.
    """

    window: int = 0
    least: int = 64
    least_inside: int = 1024


NO_REPEATS = CopyRules()


def pack_copies(copies: Copies, start: int) -> bytes:
    """Return the section that stands for the copies of a block whose first literal is ``start``."""
    columns: tuple[list[bytes], ...] = ([], [], [])
    before, expected = 0, start
    for place, length, source in copies.rows():
        expected += place - before
        away = source - expected
        fields = place - before, length, 2 * away if away >= 0 else -2 * away - 1
        for column, value in zip(columns, fields, strict=True):
            column.append(pack_varint(value))
        before, expected = place, source + length
    return pack_body(pack_varint(len(copies)) + b"".join(map(b"".join, columns)))


def parse_copies(section: bytes, block: LiteralsHeader, raw_size: int, window: int) -> Copies:
    """Parse and check a section.

    Every copy that is returned lies between literals of the block and repeats literals that are in
    it or at most ``window`` before it, and all together make the block's raw bytes. Raises
    DamagedArchiveError.
    """
    try:
        copies = _parse(section, block, raw_size)
    except Incomplete:
        raise _damaged("they end too early") from None
    oldest, end = max(0, block.start - window), block.start + block.size
    total = 0
    for place, length, source in copies.rows():
        if place > block.size or not 0 < length <= raw_size:
            raise _damaged("one lies outside its block, or is empty")
        if not oldest <= source <= end - length:
            raise _damaged("one repeats what is not there")
        total += length
    if block.size + total != raw_size:
        raise _damaged("they do not make the block's size")
    return copies


def _damaged(why: str) -> DamagedArchiveError:
    return DamagedArchiveError(f"damaged archive: the copies of a block are wrong: {why}")


def _parse(section: bytes, block: LiteralsHeader, raw_size: int) -> Copies:
    most = (raw_size - block.size) // LEAST_COPY
    cursor = Cursor(_unpack(section, FIELD_SIZE + 3 * FIELD_SIZE * most))
    varint = cursor.varint
    count = varint()
    if not 0 < count <= most:
        raise _damaged("there are too many or none")
    # Lists first: to put numbers into arrays one by one takes longer.
    skipped = [varint() for _ in range(count)]
    lengths = [varint() for _ in range(count)]
    places, sources = [], []
    place, expected = 0, block.start
    for skip, length in zip(skipped, lengths, strict=True):
        number = varint()
        away = -(number + 1 >> 1) if number & 1 else number >> 1
        source = expected + skip + away
        if not 0 <= source < 1 << 62 or length > raw_size:
            raise _damaged("one repeats what is not there")
        place += skip
        places.append(min(place, raw_size + 1))
        sources.append(source)
        expected = source + length
    if cursor.position != len(cursor.data):
        raise _damaged("more bytes follow")
    return Copies(array("q", places), array("q", lengths), array("q", sources))


def _unpack(section: bytes, most: int) -> bytes:
    try:
        return unpack_body(section, most)
    except ValueError as error:
        raise _damaged(f"they are {error}") from None


def put_in(literals: bytes, copies: Copies, start: int, find: FindLiterals) -> bytes:
    """Return the raw bytes of a block.

    Args:
        literals: of the block.
        copies: what stands between them, as :func:`parse_copies` has it.
        start: number of the first literal.
        find: gives literals of blocks before; what it raises passes.
    """
    joined: list[bytes] = []
    pieces: list[bytes | bytearray | memoryview] = []
    view = memoryview(literals)
    at = 0
    for place, length, source in copies.rows():
        if place > at:
            pieces.append(view[at:place])
        at = place
        if source < start:
            outside = min(length, start - source)
            pieces.extend(find(source, outside))
            source, length = start, length - outside
        pieces.append(view[source - start : source - start + length])
        if len(pieces) >= MOST_UNJOINED:
            joined.append(b"".join(pieces))
            pieces.clear()
    pieces.append(view[at:])
    return b"".join([*joined, *pieces])

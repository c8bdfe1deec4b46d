"""Decode any block of an archive, and of the others only those whose literals it repeats."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from nncompress.errors import ArchiveError

from .access import BlockPlace, read_block_header, read_literals
from .codec import CodecSource, Decoded, complete_block
from .copies import Copies
from .format import BlockHeader
from .history import lost_literals


class Origins:
    """Tells in which blocks of an archive the literals of its members are.

    Args:
        places: the blocks.
    """

    def __init__(self, places: Sequence[BlockPlace]) -> None:
        self._sizes = [place.literal_size for place in places]
        self._starts = [(place.member, place.literal_start or 0) for place in places]

    def locate(self, member: int, literal: int) -> tuple[int, int]:
        """Return the number of a literal's block, and how many of its literals come before.

        Raises DamagedArchiveError where none is known.
        """
        number = bisect_right(self._starts, (member, literal)) - 1
        if number >= 0 and self._starts[number][0] == member:
            skipped = literal - self._starts[number][1]
            if skipped < self._sizes[number]:
                return number, skipped
        raise lost_literals(literal)

    def of(self, number: int, copies: Copies) -> list[int]:
        """List the blocks before a block that its copies repeat."""
        member, first = self._starts[number]
        found = set[int]()
        for _, length, source in copies.rows():
            while length and source < first:
                block, skipped = self.locate(member, source)
                found.add(block)
                taken = min(length, self._sizes[block] - skipped)
                source, length = source + taken, length - taken
        return sorted(found)


class Blocks:
    """The blocks of a seekable archive, each decoded when it is asked for.

    Literals of the last blocks are kept, since others may repeat them.

    Args:
        file: the archive.
        places: where its blocks are.
        source: gives codecs.
        max_block: bytes that raw bytes and payload of a block may take.
        room: bytes of literals that are kept besides those of the last block.
    """

    def __init__(
        self,
        file: BinaryIO,
        places: Sequence[BlockPlace],
        source: CodecSource,
        max_block: int | None = None,
        room: int = 0,
    ) -> None:
        self._file, self._places, self._source = file, places, source
        self._max_block, self._room = max_block, room
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._kept_size = 0
        self._origins = Origins(places)

    def read(self, number: int) -> bytes:
        """Return the raw bytes of a block; an ArchiveError tells where in the archive it stands."""
        place = self._places[number]
        header, decoded = self._literals(number)

        def find(literal: int, size: int) -> Iterator[bytes | memoryview]:
            return self._find(place.member, literal, size)

        try:
            return complete_block(header, decoded, find)
        except ArchiveError as error:
            error.offset = place.position if error.offset is None else error.offset
            raise

    def _find(self, member: int, literal: int, size: int) -> Iterator[bytes | memoryview]:
        while size:
            number, skipped = self._origins.locate(member, literal)
            piece = memoryview(self._literals(number)[1].literals)[skipped : skipped + size]
            yield piece
            literal, size = literal + len(piece), size - len(piece)

    def _literals(self, number: int) -> tuple[BlockHeader, Decoded]:
        place = self._places[number]
        if number in self._kept:
            self._kept.move_to_end(number)
            return read_block_header(self._file, place), self._kept[number]
        header, decoded = read_literals(self._file, place, self._source, self._max_block)
        if place.header.window:  # else none is asked for again
            self._kept[number] = decoded
            self._kept_size += len(decoded.literals)
            while self._kept_size > self._room and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._kept_size -= len(gone.literals)
        return header, decoded

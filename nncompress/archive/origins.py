"""Decode any block of an archive, and of the others only those whose literals it repeats."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

from nncompress.errors import ArchiveError

from .access import BlockPlace, read_block_header
from .codec import Decoded, complete_block
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
        member = self._starts[number][0]
        wanted = self.outside(number, copies)
        return sorted({piece[0] for span in wanted for piece in self.cut(member, *span)})

    def outside(self, number: int, copies: Copies) -> dict[tuple[int, int], bytearray]:
        """Return room for what copies repeat of blocks before their own.

        The keys are what :func:`~.copies.put_in` asks for: the first literal, and how many.
        """
        first = self._starts[number][1]
        spans = (
            (source, min(length, first - source))
            for _, length, source in copies.rows()
            if source < first
        )
        return {span: bytearray(span[1]) for span in spans}

    def cut(self, member: int, literal: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Yield the blocks of some literals, how many come before them there, and how many."""
        while size:
            block, skipped = self.locate(member, literal)
            taken = min(size, self._sizes[block] - skipped)
            yield block, skipped, taken
            literal, size = literal + taken, size - taken


class Blocks:
    """The blocks of a seekable archive, each decoded when it is asked for.

    Literals of the last blocks are kept, since others may repeat them.

    Args:
        file: the archive.
        places: where its blocks are.
        decode: returns the header and the literals of the block with a number.
        room: bytes of literals that are kept besides those of the last block.
    """

    def __init__(
        self,
        file: BinaryIO,
        places: Sequence[BlockPlace],
        decode: Callable[[int], tuple[BlockHeader, Decoded]],
        room: int = 0,
    ) -> None:
        self._file, self._places, self._decode, self._room = file, places, decode, room
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._kept_size = 0
        self._origins = Origins(places)

    def read(self, number: int) -> bytes:
        """Return the raw bytes of a block; an ArchiveError tells where in the archive it stands."""
        place = self._places[number]
        header, decoded = self._literals(number)

        try:
            found = self._gather(number, decoded.copies)
            return complete_block(header, decoded, lambda *span: iter((found[span],)))
        except ArchiveError as error:
            error.offset = place.position if error.offset is None else error.offset
            raise

    def _gather(self, number: int, copies: Copies) -> dict[tuple[int, int], bytearray]:
        """Return what copies repeat of other blocks, each of which is decoded once at most."""
        member = self._places[number].member
        found = self._origins.outside(number, copies)
        rooms = list(found.values())
        wanted: defaultdict[int, array[int]] = defaultdict(partial(array, "q"))
        for room, span in enumerate(found):
            at = 0
            for block, skipped, size in self._origins.cut(member, *span):
                wanted[block].extend((room, at, skipped, size))
                at += size
        # First those that are at hand, which others might push out.
        for block in sorted(wanted, key=lambda block: (block not in self._kept, block)):
            literals = memoryview(self._literals(block)[1].literals)
            fields = iter(wanted[block])
            for room, at, skipped, size in zip(fields, fields, fields, fields, strict=True):
                rooms[room][at : at + size] = literals[skipped : skipped + size]
        return found

    def _literals(self, number: int) -> tuple[BlockHeader, Decoded]:
        place = self._places[number]
        if number in self._kept:
            self._kept.move_to_end(number)
            return read_block_header(self._file, place), self._kept[number]
        header, decoded = self._decode(number)
        if place.header.window:  # else none is asked for again
            self._kept[number] = decoded
            self._kept_size += len(decoded.literals)
            while self._kept_size > self._room and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._kept_size -= len(gone.literals)
        return header, decoded

"""Cut a stream into blocks, after its repeats have become copies."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Protocol

from nncompress.archive.codec import BlockCodec
from nncompress.archive.copies import Copies, CopyRules
from nncompress.archive.format import MAX_BLOCK_SIZE, MAX_BLOCKS
from nncompress.archive.writer import BlockSizes, RawBlock, Splitter

if TYPE_CHECKING:
    from nncompress.transforms.repeats import RepeatFinder

FED = 1 << 18
"""Bytes that are looked at in one call."""

MOST_RAW = (1 << 24) - 1
"""A block of copies has no more raw bytes than this, or than two blocks without copies."""

SMALL_REST = 64
"""A block with copies is full when less than this part of it is left: one in so many bytes."""


class BlockSplitter(Protocol):
    """Cuts a stream into blocks."""

    def prepare(self, size: int, *, last: bool = False) -> None:
        """Do what takes long, so that the next call with so many bytes is soon over."""

    def push(self, data: bytes | bytearray | memoryview) -> list[RawBlock]:
        """Add ``data`` and return the blocks that are complete, none of them the last."""

    def rest(self, *, last: bool = True) -> RawBlock:
        """Return what is left, at most one block and perhaps nothing, and forget it."""


def open_splitter(codec: BlockCodec, block_size: int | None = None) -> BlockSplitter:
    """Return what cuts streams for a codec; ``block_size`` in place of the codec's own sizes."""
    sizes = (
        BlockSizes(block_size)
        if block_size
        else BlockSizes(codec.block_size, codec.first_block_size)
    )
    rules = codec.copy_rules
    return RepeatSplitter(sizes, rules) if rules.window else Splitter(sizes)


class RepeatSplitter:
    """Cuts a stream into blocks of literals and copies.

    Blocks have as many literals as :class:`~nncompress.archive.writer.Splitter` gives them bytes,
    since literals are what takes time. What is found does not depend on how the stream comes in.
    """

    def __init__(self, sizes: BlockSizes, rules: CopyRules) -> None:
        self._sizes, self._rules = sizes, rules
        self._buffer = bytearray()  # the block so far, and what follows
        self._fed = 0  # bytes of the block that the finder has
        self._finder: RepeatFinder | None = None
        self._literals = self._blocks = 0

    def prepare(self, size: int, *, last: bool = False) -> None:
        """Compile what finds repeats, if the next call needs it."""
        size += len(self._buffer) - self._fed
        needs = not self._is_little(size) if last else size > self._next_size()
        if self._finder is None and needs:
            self._open_finder().feed(b"")

    def push(self, data: bytes | bytearray | memoryview) -> list[RawBlock]:
        """Add ``data`` and return the blocks that are complete, none of them the last."""
        self._buffer += data
        blocks = []
        while len(self._buffer) - self._fed > (size := self._next_size()):
            self._feed(size)
            if self._is_full():
                blocks.append(self._end())
        return blocks

    def rest(self, *, last: bool = True) -> RawBlock:
        """Return what is left, at most one block and perhaps nothing, and forget it."""
        if self._finder is None and self._is_little(len(self._buffer)):
            if last:
                raw = bytes(self._buffer)
                self._buffer.clear()
                return RawBlock(raw, raw, last)
            self._feed(len(self._buffer))
        while left := len(self._buffer) - self._fed:
            self._feed(min(self._next_size(), left))
        return self._end(last=last)

    def _is_little(self, size: int) -> bool:
        """Whether it is too little for a copy, and for loading what finds one."""
        return size < 2 * self._rules.least_inside

    def _next_size(self) -> int:
        """Return how many bytes surely fit into the block, up to ``FED``."""
        literals = self._finder.literals if self._finder is not None else 0
        return min(FED, self._sizes.current - literals, self._most_raw() - self._fed)

    def _most_raw(self) -> int:
        return min(max(MOST_RAW, 2 * self._sizes.current), MAX_BLOCK_SIZE)

    def _open_finder(self) -> RepeatFinder:
        if self._finder is None:
            from nncompress.transforms.repeats import RepeatFinder

            rules = self._rules
            self._finder = RepeatFinder(rules.window, rules.least, rules.least_inside)
        return self._finder

    def _feed(self, size: int) -> None:
        with memoryview(self._buffer) as view, view[self._fed : self._fed + size] as piece:
            self._open_finder().feed(piece)
        self._fed += size

    def _is_full(self) -> bool:
        finder, size = self._open_finder(), self._sizes.current
        left = size - finder.literals
        return (
            left == 0
            or self._fed == self._most_raw()
            or (finder.copies > 0 and left < size // SMALL_REST)
        )

    def _end(self, *, last: bool = False) -> RawBlock:
        with memoryview(self._buffer) as view:
            raw = view[: self._fed].tobytes()
        del self._buffer[: self._fed]
        self._fed = 0
        self._sizes.advance()
        if self._finder is None:
            return RawBlock(raw, raw, last)
        literals, found = self._finder.take(raw)
        start = self._literals
        self._literals += len(literals)
        self._blocks += 1
        if self._blocks == MAX_BLOCKS:  # the writer begins another member
            self._finder, self._literals, self._blocks = None, 0, 0
        if not len(found):
            return RawBlock(raw, raw, last)
        copies = Copies(*(_column(found[:, number]) for number in range(3)))
        return RawBlock(raw, literals, last, copies, start)


def _column(numbers: Any) -> array[int]:
    column = array("q")
    column.frombytes(numbers.tobytes())
    return column

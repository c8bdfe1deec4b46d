"""Read literals back from the file that an archive is being restored to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from nncompress.archive.codec import Decoded
from nncompress.archive.history import LiteralHistory, lost_literals
from nncompress.pipeline.stream import Writer

from .output import OutputFile, os_failure
from .remote import RemoteOutput


@contextmanager
def read_back_from(sink: Writer) -> Iterator[LiteralHistory | None]:
    """Give a history that reads what was written to ``sink``; None where that cannot be read."""
    path = sink.data_path if isinstance(sink, OutputFile | RemoteOutput) else None
    if path is None:
        yield None
        return
    with path.open("rb", buffering=0) as file:
        try:
            yield WrittenLiterals(file)
        except OSError as error:
            raise os_failure(path, error) from None


@dataclass(frozen=True)
class _Written:
    """Where a block is in the file, and how many bytes of copies stand before each literal."""

    start: int
    size: int
    position: int
    places: list[int]
    copied: list[int]


class WrittenLiterals:
    """The history of contents that go to a file in order; see :mod:`nncompress.archive.history`.

    Args:
        file: the same file, opened for reading; contents begin at its start, and each block is in
            it before the next one is restored.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0
        self.begin(0)

    def begin(self, window: int) -> None:
        """Forget all: a member begins whose copies reach back so many literals."""
        self._window = window
        self._starts: list[int] = []
        self._blocks: list[_Written] = []

    def add(self, start: int, block: Decoded, raw_size: int) -> None:
        """Take the next block, whose literals are numbered from ``start`` on."""
        size = len(block.literals)
        if self._window and size:
            copied = [0, *accumulate(block.copies.lengths)]
            places = list(block.copies.places)
            self._starts.append(start)
            self._blocks.append(_Written(start, size, self._size, places, copied))
            gone = bisect_right(self._starts, start + size - self._window) - 1
            if gone > len(self._starts) // 8:
                del self._starts[:gone], self._blocks[:gone]
        self._size += raw_size

    def find(self, number: int, size: int) -> Iterator[bytes | memoryview]:
        """Yield ``size`` literals from ``number`` on, in pieces."""
        while size:
            place = bisect_right(self._starts, number) - 1
            skipped = number - self._starts[place] if place >= 0 else 0
            if place < 0 or skipped >= self._blocks[place].size:
                raise lost_literals(number)
            block = self._blocks[place]
            copies = bisect_right(block.places, skipped)
            end = block.places[copies] if copies < len(block.places) else block.size
            take = min(size, end - skipped)
            yield self._read(block.position + skipped + block.copied[copies], take)
            number, size = number + take, size - take

    def _read(self, position: int, size: int) -> bytes:
        self._file.seek(position)
        data = b""
        while len(data) < size and (piece := self._file.read(size - len(data))):
            data += piece
        return data.ljust(size, b"\0")  # a hole at the end, which the file does not yet have

"""Keep the literals of the last blocks, which copies in later blocks repeat."""

from __future__ import annotations

import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from nncompress.errors import DamagedArchiveError, FileError

from .codec import Decoded
from .format import MAX_BLOCK_SIZE


class LiteralHistory(Protocol):
    """What keeps the literals of a member, numbered from 0."""

    def begin(self, window: int) -> None:
        """Forget all: a member begins whose copies reach back so many literals."""

    def add(self, start: int, block: Decoded, raw_size: int) -> None:
        """Take the next block, whose literals are numbered from ``start`` on."""

    def find(self, number: int, size: int) -> Iterator[bytes | memoryview]:
        """Yield ``size`` literals from ``number`` on, in pieces; nothing may change meanwhile.

        Raises:
            DamagedArchiveError: they are not there, since their block is lost.
        """


def lost_literals(number: int) -> DamagedArchiveError:
    """Return the error for literals that are not at hand."""
    return DamagedArchiveError(
        f"damaged archive: a block repeats bytes of one that is lost (literal {number})"
    )


class KeptLiterals:
    """Keeps literals in memory, and the older of them in a temporary file.

    Args:
        room: bytes that may be kept in memory.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._spilled: _Spill | None = None
        self.begin(0)

    def begin(self, window: int) -> None:
        """Forget all: a member begins whose copies reach back so many literals."""
        self._window = window
        self._starts: list[int] = []
        self._sizes: list[int] = []
        self._blocks: list[bytes | None] = []  # None is in the file
        self._in_memory = self._first_in_memory = 0
        if self._spilled is not None:
            self._spilled.close()
            self._spilled = None

    def add(self, start: int, block: Decoded, raw_size: int) -> None:
        """Take the next block, whose literals are numbered from ``start`` on."""
        size = len(block.literals)
        if not self._window or not size:
            return
        self._starts.append(start)
        self._sizes.append(size)
        self._blocks.append(block.literals)
        self._in_memory += size
        self._forget(start + size - self._window)
        while self._in_memory > self._room and self._first_in_memory < len(self._blocks) - 1:
            self._spill(self._first_in_memory)

    def find(self, number: int, size: int) -> Iterator[bytes | memoryview]:
        """Yield ``size`` literals from ``number`` on, in pieces."""
        while size:
            place = bisect_right(self._starts, number) - 1
            skipped = number - self._starts[place] if place >= 0 else 0
            if place < 0 or skipped >= self._sizes[place]:
                raise lost_literals(number)
            take = min(size, self._sizes[place] - skipped)
            block = self._blocks[place]
            if block is not None:
                yield memoryview(block)[skipped : skipped + take]
            elif self._spilled is not None:
                yield from self._spilled.read(number, take)
            number += take
            size -= take

    def next_known(self, number: int) -> int:
        """Return the first literal from ``number`` on that is at hand, or one beyond all others."""
        place = bisect_right(self._starts, number) - 1
        if place >= 0 and number < self._starts[place] + self._sizes[place]:
            return number
        return self._starts[place + 1] if place + 1 < len(self._starts) else sys.maxsize

    def _forget(self, oldest: int) -> None:
        """Forget blocks that end before ``oldest``, once they are many."""
        count = 0
        while self._starts[count] + self._sizes[count] <= oldest:
            count += 1
        if count > len(self._starts) // 8:
            gone = self._blocks[:count]
            self._in_memory -= sum(len(block) for block in gone if block is not None)
            self._first_in_memory = max(0, self._first_in_memory - count)
            del self._starts[:count], self._sizes[:count], self._blocks[:count]

    def _spill(self, place: int) -> None:
        block = self._blocks[place]
        if block is not None:
            if self._spilled is None:
                self._spilled = _Spill(2 * self._window + MAX_BLOCK_SIZE)
            self._spilled.write(self._starts[place], block)
            self._in_memory -= len(block)
        self._blocks[place] = None
        self._first_in_memory = place + 1


class _Spill:
    """A temporary file of bounded size, without a name, in which later literals replace old ones.

    Args:
        capacity: its size; literals are at their number modulo this.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        with _told():
            self._file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (kept open)

    def write(self, number: int, data: bytes) -> None:
        """Write literals from ``number`` on."""
        view = memoryview(data)
        while view:
            at = number % self._capacity
            with _told():
                self._file.seek(at)
                written = self._file.write(view[: self._capacity - at])
            view, number = view[written:], number + written

    def read(self, number: int, size: int) -> Iterator[bytes]:
        """Yield literals from ``number`` on."""
        while size:
            at = number % self._capacity
            with _told():
                self._file.seek(at)
                data = self._file.read(min(size, self._capacity - at))
            if not data:
                raise lost_literals(number)
            yield data
            number, size = number + len(data), size - len(data)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


@contextmanager
def _told() -> Iterator[None]:
    """Make an error of the system one of our own, which says what the file is for."""
    try:
        yield
    except OSError as error:
        raise FileError(
            f"temporary file in {tempfile.gettempdir()} for what the archive repeats: "
            f"{error.strerror or error}; give more memory with --memory-limit"
        ) from None

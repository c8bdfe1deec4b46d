"""Bound the memory that blocks take and the bytes that come out of an archive."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from nncompress.archive.codec import BlockCodec, Progress, no_progress
from nncompress.archive.format import Method
from nncompress.archive.reader import BlockRecord
from nncompress.errors import MemoryLimitError

SHARE = 4
"""Without a limit, blocks at once take this part of the memory: one in so many bytes."""

SMALLEST_BLOCK = 1 << 16
"""Bytes; a memory limit makes no block smaller, since each starts cold."""


WINDOW_SHARE = 8
"""Of a memory limit, the literals that copies may repeat take at most one in so many bytes."""

SMALLEST_WINDOW = 1 << 20
"""Where there is room for less, no repeats are sought."""


@dataclass(frozen=True)
class Limits:
    """Bounds for reading, in bytes; None is no bound.

    Attributes:
        max_block: what a block may take, raw bytes and payload together.
        max_output: what may come out in all.
    """

    max_block: int | None = None
    max_output: int | None = None


def needed_to_encode(codec: BlockCodec, size: int) -> int:
    """Return the bytes of memory that a block of ``size`` raw bytes takes, by any method."""
    methods = [Method.MIXING]
    if codec.model_id is not None:
        methods.append(Method.NETWORK_MIXING)  # tried beside the other, one after the other
    return max(codec.memory(method, size) for method in methods)


def needed_to_decode(codec: BlockCodec, record: BlockRecord) -> int:
    """Return the bytes of memory that a block takes; its payload says by which method.

    Raises:
        ArchiveError: the payload cannot be one.
    """
    header = record.header
    if header.method in (Method.STORED, Method.MODEL):
        return 0
    coded = record.payload[len(record.payload) - header.coded_size :]
    return codec.memory(header.method, header.literal_size, coded)


def needed_to_find(window: int) -> int:
    """Return the bytes of memory that finding repeats in a window takes at most.

    A quarter of the window goes to the index, another to literals that are kept until all of them
    are moved.
    """
    return window + window // 2


def in_units(size: int) -> str:
    """Return a number of bytes as ``--memory-limit`` takes it, rounded up from a megabyte on."""
    for shift, unit in ((20, "M"), (10, "K")):
        if size >= 1 << shift:
            return f"{-(-size >> shift)}{unit}"
    return str(size)


class LimitedCodec:
    """A codec whose blocks may take ``limit`` bytes of memory.

    When encoding, blocks become as small as ``SMALLEST_BLOCK`` to fit; ``fits`` is false if that
    does not help. Repeats are sought in what is left, or not at all.
    """

    def __init__(self, codec: BlockCodec, limit: int) -> None:
        self._codec = codec
        self._limit = limit
        self.spec = codec.spec
        self.model_id, self.embedded = codec.model_id, codec.embedded
        self.block_size = codec.block_size
        while self._too_large(self.block_size) and self.block_size // 2 >= SMALLEST_BLOCK:
            self.block_size //= 2
        self.first_block_size = min(codec.first_block_size, self.block_size)
        self.fits = not self._too_large(self.block_size)
        left = limit - min(limit, needed_to_encode(codec, self.block_size))
        window = min(codec.copy_rules.window, limit // WINDOW_SHARE, left * 2 // 3)
        self.copy_rules = replace(
            codec.copy_rules, window=window if window >= SMALLEST_WINDOW else 0
        )

    def _too_large(self, size: int) -> bool:
        return needed_to_encode(self._codec, size) > self._limit

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return what the codec needs."""
        return self._codec.memory(method, size, payload)

    def choose(self, data: bytes) -> BlockCodec:
        """Return the codec for a block, or itself to store it where that takes too much memory."""
        return self if self._too_large(len(data)) else self._codec.choose(data)

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        """Encode a block.

        Raises:
            MemoryLimitError: it needs more than the limit.
        """
        self._check(needed_to_encode(self._codec, len(data)))
        return self._codec.encode(data, progress, alone=alone)

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Decode a block.

        Raises:
            MemoryLimitError: it needs more than the limit.
            ArchiveError: the payload is wrong.
        """
        self._check(self._codec.memory(method, size, payload))
        return self._codec.decode(method, payload, size, progress)

    def _check(self, needed: int) -> None:
        if needed > self._limit:
            raise MemoryLimitError(
                f"a block needs {needed} bytes of memory, more than the limit of {self._limit}",
                limit=self._limit,
                needed=needed,
            )


class Room:
    """Memory for the jobs at once. One that needs more than there is has it all to itself."""

    def __init__(self, size: int) -> None:
        self._size, self._taken = size, 0
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + size <= self._size)
            self._taken += size

    def give(self, size: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Take room for as long as the context lasts."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)

    def close(self) -> None:
        """Keep nobody waiting."""
        with self._changed:
            self._size = sys.maxsize
            self._changed.notify_all()

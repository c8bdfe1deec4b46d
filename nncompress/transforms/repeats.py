"""Take repeats at any distance out of a stream before its blocks are coded.

A stream becomes literals and copies of literals. All literals so far, one after the other, are
numbered from 0; a copy names the number of the first literal that it repeats. So a copy never needs
another copy, whatever the stream repeats.
"""

from __future__ import annotations

from ctypes import memmove

import numpy as np
from numpy.typing import NDArray

from .repeat_kernels import (
    BASE,
    BLOCK_START,
    COPIES,
    END,
    INDEXED,
    NEXT,
    OLDEST,
    STATE_SIZE,
    WAYS,
    find_repeats,
    spread_index,
)
from .sampling import HASHED, PADDING, RATE_BITS

FIRST_ROOM = 1 << 19
"""Literals that there is room for at first."""

GROWTH = 16
"""So many times the room is there the next time; pages that are not yet used take no memory."""

FIRST_BITS = 10
"""log2 of the buckets of the index at first."""

MOST_WINDOW = 1 << 31
"""Literals that may be kept: positions are told from each other by 32 bits."""


class RepeatFinder:
    """Finds repeats in a stream that comes in pieces.

    Memory grows with the literals, up to about one and a half times the window.

    Args:
        window: how many literals before the block a copy may reach back.
        least: bytes of the shortest copy from before the block.
        least_inside: the same for literals of the block itself, which its own model knows.
    """

    def __init__(self, window: int, least: int, least_inside: int) -> None:
        self._window = min(window, MOST_WINDOW)
        self._least = np.array([max(least, HASHED), max(least_inside, HASHED)], np.int64)
        self._bits = FIRST_BITS
        self._index = np.zeros(WAYS << FIRST_BITS, np.uint64)
        self._history = np.empty(FIRST_ROOM, np.uint8)
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[NEXT] = -1
        self._data = np.zeros(HASHED + PADDING, np.uint8)
        self._masks = np.empty(0, np.uint32)
        self._places = np.empty(0, np.int64)
        self._hashes = np.empty(0, np.uint64)
        self._copies = np.empty((0, 3), np.int64)

    @property
    def literals(self) -> int:
        """Literals of the block so far."""
        return int(self._state[END] - self._state[BLOCK_START])

    @property
    def copies(self) -> int:
        """Copies of the block so far."""
        return int(self._state[COPIES])

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes; what is found may depend on how a stream is cut.

        The first call compiles, so it may be one without bytes.
        """
        size = len(data)
        if len(self._places) < HASHED + size:
            self._places = np.empty(HASHED + size, np.int64)
            self._hashes = np.empty(HASHED + size, np.uint64)
            self._masks = np.empty(size // 32 + 2, np.uint32)
            context, self._data = self._data, np.zeros(HASHED + size + PADDING, np.uint8)
            self._data[:HASHED] = context[:HASHED]
        if size:
            self._data[HASHED : HASHED + size] = np.frombuffer(data, np.uint8)
        self._make_room(size)
        self._state[OLDEST] = max(self._state[BASE], self._state[BLOCK_START] - self._window)
        find_repeats(
            self._data,
            HASHED + size,
            self._state,
            self._history,
            self._index,
            self._bits,
            self._least,
            self._copies,
            self._masks,
            self._places,
            self._hashes,
        )
        self._data[:HASHED] = self._data[size : size + HASHED].copy()

    def take(self, raw: bytes | None = None) -> tuple[bytes, NDArray[np.int64]]:
        """End the block, and return its literals and copies.

        Copies are int64 [count, 3]: how many literals of the block stand before it, its length, and
        the number of the literal that it begins with, counted from the start of the stream.

        Args:
            raw: all bytes of the block, which are its literals where there are no copies.
        """
        start, base = int(self._state[BLOCK_START]), int(self._state[BASE])
        if raw is None or self.copies:
            raw = self._history[start - base : int(self._state[END]) - base].tobytes()
        copies = self._copies[: self.copies].copy()
        copies[:, 0] -= start
        self._state[BLOCK_START] = self._state[END]
        self._state[COPIES] = 0
        return raw, copies

    def _make_room(self, size: int) -> None:
        """Make room for the literals and copies of ``size`` bytes more."""
        count = self.copies + size // HASHED + 2
        if count > len(self._copies):
            self._copies = np.concatenate((self._copies, np.empty((count, 3), np.int64)))
        end, base = int(self._state[END]), int(self._state[BASE])
        if end - base + size > len(self._history):
            start = max(base, int(self._state[BLOCK_START]) - self._window)
            kept = self._history[start - base : end - base]
            if (end - start + size) > len(self._history) * 7 // 8:
                most = self._window + self._window // 4 + self.literals + FIRST_ROOM
                room = max(min(GROWTH * len(self._history), most), end - start + size)
                history = np.empty(room, np.uint8)
                history[: end - start] = kept
                self._history = history
            else:
                # numpy would copy what overlaps by way of as much new memory.
                memmove(self._history.ctypes.data, kept.ctypes.data, kept.nbytes)
            self._state[BASE] = start
        expected = int(self._state[INDEXED]) + (size >> RATE_BITS)
        while expected > 2 << self._bits and self._bits < _index_bits(self._window):
            index = np.zeros(2 * len(self._index), np.uint64)
            self._bits += 1
            spread_index(self._index, index, self._bits)
            self._index = index


def _index_bits(window: int) -> int:
    """Return log2 of the buckets that a window can fill."""
    return max(FIRST_BITS, (window >> RATE_BITS).bit_length() - WAYS.bit_length())

"""Take samples of files, and code them with an eye on what each part of them costs."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from nncompress.archive.codec import Progress
from nncompress.archive.writer import BlockSizes
from nncompress.coding.block import BlockCoder
from nncompress.coding.levels import Level
from nncompress.files.source import open_source
from nncompress.pipeline.remote import Place

NOISE = 0.98
"""What costs more than this part of its size is noise, of which nothing is learnt."""


class SampledFiles:
    """The bytes of several files, as if they stood one after the other."""

    def __init__(self, paths: Sequence[Place]) -> None:
        self.paths = paths
        self._sizes = [_size(path) for path in paths]
        self._starts = [0, *accumulate(self._sizes)]
        self.total = self._starts[-1]

    def pieces(self, count: int, size: int) -> list[bytes]:
        """Read pieces of up to ``size`` bytes at equal distances, each from one file."""
        return [
            self._around((2 * number + 1) * self.total // (2 * count), size)
            for number in range(count)
        ]

    def _around(self, place: int, size: int) -> bytes:
        number = bisect_right(self._starts, place) - 1
        own = place - self._starts[number]
        with open_source(self.paths[number], replaces=True, searched=True) as source:
            source.file.seek(max(0, min(own - size // 2, self._sizes[number] - size)))
            return source.file.read(size)

    def blocks(self, level: Level) -> Counter[int]:
        """Count the blocks, by their size, that a level cuts the files into."""
        found = Counter[int]()
        for size in self._sizes:
            sizes, rest = BlockSizes(level.block_size, level.first_block_size), size
            while rest:
                block = min(rest, sizes.current)
                found[block] += 1
                rest -= block
                sizes.advance()
        return found

    def __len__(self) -> int:
        return len(self.paths)


def _size(path: Place) -> int:
    with open_source(path, replaces=True) as source:
        return source.size


class SampleRun:
    """A sample as it was coded: bytes done and made, and the time, at each report."""

    def __init__(self, coder: BlockCoder, data: bytes, progress: Progress, weight: int) -> None:
        self._done, self._made = [0], [0]
        self._times = [time.perf_counter()]

        def report(size: int, made: int = 0, /) -> None:
            self._done.append(self._done[-1] + size)
            self._made.append(self._made[-1] + made)
            self._times.append(time.perf_counter())
            progress(weight * size)

        coder.encode(data, report)
        self.size = max(1, self._done[-1])

    def made_of(self, done: float) -> float:
        """Return the bytes made of the first ``done`` bytes."""
        after = min(bisect_left(self._done, done), len(self._done) - 1)
        before = max(0, after - 1)
        step = self._done[after] - self._done[before]
        part = (done - self._done[before]) / step if step else 0.0
        return self._made[before] + part * (self._made[after] - self._made[before])

    def cost(self, first: float, last: float) -> float:
        """Return the bytes that a byte between two places costs."""
        return (self.made_of(last) - self.made_of(first)) / (last - first)

    def cost_in_block(self, size: int, power: float) -> float:
        """Return the mean cost of a byte in a block of ``size`` bytes.

        After the sample, whose second half tells where it has come to, it falls with ``power``.
        """
        if self.made_of(self.size) > NOISE * self.size:
            return 1.0
        if size <= self.size:
            return self.made_of(size) / size
        late = self.cost(self.size / 2, self.size) / (2 - 2**power)
        rest = late * self.size * ((size / self.size) ** (1 - power) - 1)
        return float((self.made_of(self.size) + rest) / size)

    @property
    def seconds_per_byte(self) -> float:
        """The time of a byte in the second half, or in all where there are few reports."""
        middle = bisect_left(self._done, self.size / 2)
        first = middle if middle < len(self._done) - 1 else 0
        return (self._times[-1] - self._times[first]) / max(1, self.size - self._done[first])

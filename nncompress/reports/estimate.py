"""Estimate what each level would make of files, and in what time, from samples that are coded.

Two kinds of samples are taken from all over the files, and coded for real, in some seconds: chunks,
with mixing alone, and many short pieces, one a lane, beside the network. What a byte costs falls
with a power of the bytes seen before, and so the end of a sample tells what a block will cost.

What repeats at a distance is in no sample, so files that repeat become smaller than estimated.
"""

from __future__ import annotations

import math
import statistics
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from nncompress.archive.codec import Progress
from nncompress.archive.writer import BlockSizes
from nncompress.coding.block import NETWORK_TIME, BlockCoder, open_block_coder
from nncompress.coding.choice import NETWORK_GAIN, NETWORK_SURE, SAMPLE_PIECE
from nncompress.coding.levels import LEVELS, Level
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.files.source import open_source
from nncompress.machine.resources import cpus
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.stream import Null, compress_stream

WHOLE = 1 << 16
"""Files of no more bytes in all are coded as a whole."""

CHUNKS, CHUNK = 16, 1 << 16
"""Number and bytes of the chunks, which the fastest profile of mixing alone codes."""

OTHERS = 4
"""One chunk in so many is coded with the other profiles too: it tells their lead."""

SPREAD_SAMPLE = 1 << 15
"""Bytes of a spread sample."""

NOISE = 0.98
"""What costs more than this part of its size is noise, of which nothing is learnt."""

MIXING_POWER, NETWORK_POWER = 0.04, 0.02
"""With what powers of the bytes seen before the cost of a byte falls, in the mean of files of text,
code, tables and machine code. Samples are too short to tell those of a file."""

ARCHIVE_BYTES = 40
"""Header and index of an archive, about."""

MIXING_ERROR, NETWORK_ERROR = 0.06, 0.1
"""By what part the sizes may be off besides what the samples differ among each other."""


@dataclass(frozen=True)
class Estimate:
    """What a level makes of the files.

    Attributes:
        level: its number.
        size: bytes of the archives.
        error: the part of ``size`` by which it may be off; 0 where all was coded.
        seconds: time to compress, and about as long to decompress.
    """

    level: int
    size: int
    error: float
    seconds: float


def estimate(
    paths: Sequence[Path],
    options: CodingOptions,
    levels: Sequence[int],
    bar: Callable[[int], AbstractContextManager[Progress]],
) -> tuple[int, list[Estimate]]:
    """Estimate what each level makes of files.

    Args:
        paths: the files; each becomes an archive.
        options: how they are coded, but for the level.
        levels: their numbers.
        bar: shows progress over so many bytes.

    Returns:
        The bytes of the files, and an estimate for each level.

    Raises:
        ConfigError: there is nothing to code.
        FileError: a file cannot be read.
        ModelError: a model is missing or damaged.
        Skip: one of them is no regular file.
    """
    files = _Files(paths)
    if not files.total:
        raise ConfigError("there is nothing to estimate: no bytes to compress")
    if options.method == "stored":
        raise ConfigError("stored blocks need no estimate: they stay as large as they are")
    if files.total <= WHOLE:
        with bar(len(levels) * files.total) as progress:
            coded = [_coded(files, replace(options, level=level), progress) for level in levels]
    else:
        samples = _Samples(files, options, levels)
        with bar(samples.work) as progress:
            samples.code_chunks(progress)
            coded = [samples.estimate(level, progress) for level in levels]
    return files.total, coded


def _coded(files: _Files, options: CodingOptions, progress: Progress) -> Estimate:
    """Code small files as a whole."""
    assert options.level is not None
    coder, start, size = Coder(options), time.perf_counter(), 0
    for path in files.paths:
        with open_source(path, replaces=True) as source:
            size += compress_stream(source, Null(), coder, progress).archive_size
    return Estimate(options.level, size, 0.0, time.perf_counter() - start)


class _Files:
    """The bytes of several files, as if they stood one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
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
        with open_source(self.paths[number], replaces=True) as source:
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


def _size(path: Path) -> int:
    with open_source(path, replaces=True) as source:
        return source.size


class _Run:
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


@dataclass(frozen=True)
class _Way:
    """What one way of coding makes of all blocks."""

    size: float
    seconds: float


class _Samples:
    """Codes samples of files at several levels, and draws conclusions."""

    def __init__(self, files: _Files, options: CodingOptions, levels: Sequence[int]) -> None:
        self._files, self._options = files, options
        self._threads = options.threads or cpus()
        method = options.method or "auto"
        self._method = "network+mixing" if method in ("auto", "mixing") else method
        every = LEVELS if method == self._method else ()
        some = {level for level in levels if LEVELS[level].network and method == "auto"}
        self._with_network = {*some, *(set(levels) & set(every))}
        self._with_mixing = set() if every else set(levels)
        self._profiles = sorted({0, *(LEVELS[level].alone for level in self._with_mixing)})
        self._coders: dict[str, BlockCoder] = {}

    @property
    def work(self) -> int:
        """What the samples count for in reports of progress."""
        chunks = CHUNKS * CHUNK + CHUNKS // OTHERS * CHUNK * (len(self._profiles) - 1)
        return chunks + NETWORK_TIME * SPREAD_SAMPLE * len(self._with_network)

    def code_chunks(self, progress: Progress) -> None:
        """Learn from chunks how mixing alone fares, with each profile."""
        chunks = self._files.pieces(CHUNKS, CHUNK)
        self._runs = {alone: self._code_alone(alone, chunks, progress) for alone in self._profiles}
        costs = [run.made_of(run.size) / run.size for run in self._runs[0]]
        mean = max(1e-9, statistics.fmean(costs))
        self._error = statistics.stdev(costs) / mean / math.sqrt(CHUNKS)

    def _code_alone(self, alone: int, chunks: list[bytes], progress: Progress) -> list[_Run]:
        level = next(level for level in LEVELS.values() if level.alone == alone)
        coder = BlockCoder(level=level, method="mixing", threads=self._threads)
        own = chunks if alone == 0 else chunks[OTHERS // 2 :: OTHERS]
        blocks = self._files.blocks(level).total()
        with ThreadPoolExecutor(min(self._threads, blocks)) as pool:
            return list(pool.map(lambda chunk: _Run(coder, chunk, progress, 1), own))

    def estimate(self, number: int, progress: Progress) -> Estimate:
        """Return what a level makes of the files."""
        blocks = self._files.blocks(LEVELS[number])
        ways: list[_Way] = []
        error = MIXING_ERROR
        if number in self._with_mixing:
            ways.append(self._mixing(LEVELS[number], blocks))
        if number in self._with_network:
            run, gain = self._code_spread(number, progress)
            found = self._network(run, blocks)
            if not ways or gain < NETWORK_SURE:
                ways, error = [found], NETWORK_ERROR
            elif gain < NETWORK_GAIN:
                ways.append(found)  # both are tried
        size = min(way.size for way in ways) + ARCHIVE_BYTES * len(self._files)
        return Estimate(number, round(size), error + self._error, sum(way.seconds for way in ways))

    def _mixing(self, level: Level, blocks: Counter[int]) -> _Way:
        fastest, own = self._runs[0], self._runs[level.alone]
        lead = 1.0
        if own is not fastest:
            same = sum(run.made_of(run.size) for run in fastest[OTHERS // 2 :: OTHERS])
            lead = sum(run.made_of(run.size) for run in own) / max(1.0, same)
        cost = lead * self._cost(fastest, blocks, MIXING_POWER)
        seconds = statistics.fmean(run.seconds_per_byte for run in own)
        at_once = min(self._threads, blocks.total())
        return _Way(min(1.0, cost) * self._files.total, seconds * self._files.total / at_once)

    def _network(self, run: _Run, blocks: Counter[int]) -> _Way:
        cost = self._cost([run], blocks, NETWORK_POWER)
        at_once = min(max(1, self._threads // 2), blocks.total())
        seconds = run.seconds_per_byte * self._files.total / at_once
        return _Way(min(1.0, cost) * self._files.total, seconds)

    def _cost(self, runs: list[_Run], blocks: Counter[int], power: float) -> float:
        made = sum(
            count * size * run.cost_in_block(size, power)
            for size, count in blocks.items()
            for run in runs
        )
        return made / len(runs) / self._files.total

    def _code_spread(self, number: int, progress: Progress) -> tuple[_Run, float]:
        """Code a spread sample beside the network; its bytes to those of mixing alone, too."""
        level = LEVELS[number]
        lanes = 1 << level.max_lanes_bits
        pieces = self._files.pieces(lanes, SPREAD_SAMPLE // lanes)
        coder = self._open(number)
        coder.level = replace(level, bytes_per_lane=SPREAD_SAMPLE // lanes)
        run = _Run(coder, b"".join(pieces), progress, NETWORK_TIME)
        if number not in self._with_mixing:
            return run, 0.0
        begins = b"".join(piece[:SAMPLE_PIECE] for piece in pieces)
        _, alone = BlockCoder(level=level, method="mixing").encode(begins)
        return run, run.made_of(len(begins)) / len(alone)

    def _open(self, number: int) -> BlockCoder:
        """Open the coder of a level's model; levels that share one share its network."""
        name = LEVELS[number].model
        if name not in self._coders:
            options = replace(self._options, level=number, method=self._method)
            self._coders[name] = open_block_coder(options)
        return self._coders[name]

"""Estimate what each level would make of files, and in what time, from samples that are coded.

Two kinds of samples are taken from all over the files, and coded for real, in some seconds: chunks
with mixing alone, and shorter pieces beside the network. What a byte costs with mixing alone falls
with a power of the bytes seen before, so that the end of a sample tells what a block will cost.
Beside a network it falls too, but the less, the further the network is ahead.

What repeats at a distance is in no sample, so files that repeat become smaller than estimated.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from nncompress.archive.codec import Progress
from nncompress.coding.block import NETWORK_TIME, BlockCoder
from nncompress.coding.choice import NETWORK_GAIN, NETWORK_SURE
from nncompress.coding.levels import LEVELS, Level
from nncompress.coding.opening import open_block_coder
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.files.source import open_source
from nncompress.machine.resources import cpus
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.remote import Place
from nncompress.pipeline.stream import Null, compress_stream

from .samples import SampledFiles, SampleRun

WHOLE = 1 << 16
"""Files of no more bytes in all are coded as a whole."""

CHUNKS, CHUNK = 16, 1 << 16
"""Number and bytes of the chunks, which the fastest profile of mixing alone codes."""

OTHERS = 4
"""One chunk in so many is coded with the other profiles too: it tells their lead."""

SHORT_PIECES, SHORT_PIECE = 8, 1 << 12
"""Number and bytes of the pieces that are coded beside a network, as one block."""

MIXING_POWER = 0.04
"""The power of the bytes seen before with which the cost of a byte falls, in the mean of files of
text, code, tables and machine code. Samples are too short to tell that of a file."""

NO_SHARE, SHARE_SLOPE = 0.57, 2.1
"""Where the network brings a sample to the first part of what mixing alone makes, it learns nothing
more; from there on it gains that share of what mixing alone does, as found on prose and on code."""

ARCHIVE_BYTES = 40
"""Header and index of an archive, about."""

MIXING_ERROR, NETWORK_ERROR = 0.06, 0.12
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
    paths: Sequence[Place],
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
    files = SampledFiles(paths)
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


def _coded(files: SampledFiles, options: CodingOptions, progress: Progress) -> Estimate:
    """Code small files as a whole."""
    assert options.level is not None
    coder, start, size = Coder(options), time.perf_counter(), 0
    for path in files.paths:
        with open_source(path, replaces=True) as source:
            size += compress_stream(source, Null(), coder, progress).archive_size
    return Estimate(options.level, size, 0.0, time.perf_counter() - start)


@dataclass(frozen=True)
class _Way:
    """What one way of coding makes of all blocks."""

    size: float
    seconds: float


class _Samples:
    """Codes samples of files at several levels, and draws conclusions."""

    def __init__(self, files: SampledFiles, options: CodingOptions, levels: Sequence[int]) -> None:
        self._files, self._options = files, options
        self._threads = options.threads or cpus()
        method = options.method or "auto"
        self._method = "network+mixing" if method in ("auto", "mixing") else method
        every = LEVELS if method == self._method else ()
        some = {level for level in levels if LEVELS[level].network and method == "auto"}
        self._with_network = {*some, *(set(levels) & set(every))}
        self._with_mixing = set() if every else set(levels)
        self._profiles = sorted({0, *(LEVELS[level].alone for level in levels)})
        self._coders: dict[str, BlockCoder] = {}

    @property
    def work(self) -> int:
        """What the samples count for in reports of progress."""
        chunks = CHUNKS * CHUNK + CHUNKS // OTHERS * CHUNK * (len(self._profiles) - 1)
        return chunks + (NETWORK_TIME + 1) * SHORT_PIECES * SHORT_PIECE * len(self._with_network)

    def code_chunks(self, progress: Progress) -> None:
        """Learn from chunks how mixing alone fares, with each profile."""
        chunks = self._files.pieces(CHUNKS, CHUNK)
        self._runs = {alone: self._code_alone(alone, chunks, progress) for alone in self._profiles}
        costs = [run.made_of(run.size) / run.size for run in self._runs[0]]
        mean = max(1e-9, statistics.fmean(costs))
        self._error = statistics.stdev(costs) / mean / math.sqrt(CHUNKS)

    def _code_alone(self, alone: int, chunks: list[bytes], progress: Progress) -> list[SampleRun]:
        level = next(level for level in LEVELS.values() if level.alone == alone)
        coder = BlockCoder(level=level, method="mixing", threads=self._threads)
        own = chunks if alone == 0 else chunks[OTHERS // 2 :: OTHERS]
        blocks = self._files.blocks(level).total()
        with ThreadPoolExecutor(min(self._threads, blocks)) as pool:
            return list(pool.map(lambda chunk: SampleRun(coder, chunk, progress, 1), own))

    def estimate(self, number: int, progress: Progress) -> Estimate:
        """Return what a level makes of the files."""
        level = LEVELS[number]
        blocks = self._files.blocks(level)
        mixing = self._mixing(level, blocks)
        ways, error = [mixing], MIXING_ERROR
        if number in self._with_network:
            network, gain = self._network(number, blocks, mixing, progress)
            if number not in self._with_mixing or gain < NETWORK_SURE:
                ways, error = [network], NETWORK_ERROR
            elif gain < NETWORK_GAIN:
                ways.append(network)  # both are tried
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

    def _network(
        self, number: int, blocks: Counter[int], mixing: _Way, progress: Progress
    ) -> tuple[_Way, float]:
        """Return what the network makes, and how far it is ahead at the begin of a block."""
        level, data = LEVELS[number], b"".join(self._files.pieces(SHORT_PIECES, SHORT_PIECE))
        coder, lanes = self._open(number), 1 << level.max_lanes_bits
        coder.level = replace(level, bytes_per_lane=len(data) // lanes)
        run = SampleRun(coder, data, progress, NETWORK_TIME)
        alone = SampleRun(BlockCoder(level=level, method="mixing"), data, progress, 1)
        half = len(data) // 2
        ahead = run.cost(half, run.size) / max(1e-9, alone.cost(half, alone.size))
        learns = self._method == "network+mixing"
        share = min(1.0, max(0.0, SHARE_SLOPE * (ahead - NO_SHARE))) if learns else 0.0
        falls = mixing.size / self._files.total / max(1e-9, alone.cost(half, alone.size))
        cost = min(1.0, run.cost(half, run.size) * falls**share)
        at_once = min(max(1, self._threads // 2), blocks.total())
        seconds = run.seconds_per_byte * self._files.total / at_once
        return _Way(cost * self._files.total, seconds), run.made_of(half) / alone.made_of(half)

    def _cost(self, runs: list[SampleRun], blocks: Counter[int], power: float) -> float:
        made = sum(
            count * size * run.cost_in_block(size, power)
            for size, count in blocks.items()
            for run in runs
        )
        return made / len(runs) / self._files.total

    def _open(self, number: int) -> BlockCoder:
        """Open the coder of a level's model; levels that share one share its network."""
        name = LEVELS[number].model
        if name not in self._coders:
            options = replace(self._options, level=number, method=self._method)
            self._coders[name] = open_block_coder(options)
        return self._coders[name]

"""Measure what bytes cost under a network: the ideal code length, computed without coding.

Bytes are cut into blocks and lanes exactly as the block coder cuts them, and every lane starts
cold, so that the figure is what an archive made by the network alone would have, but for the range
coder's rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.format import Method
from nncompress.archive.writer import BlockSizes, Splitter
from nncompress.coding.levels import Level
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.lanes import Layout
from nncompress.machine.resources import cpus
from nncompress.pipeline.fileobj import FilePath

if TYPE_CHECKING:
    from nncompress.exact.engine import Network
    from nncompress.network.model import SHARNN

Meter = Callable[[bytes, Layout, Progress], float]
"""Returns the bits that a block costs in a layout, and reports the bytes done."""

MEASURED_PIECE = 1 << 20
"""Bytes of the data that are cut into blocks at once."""

FLOAT_STEPS = 64
"""Steps that the float network reads at once."""


def bits_per_byte(
    data: bytes | bytearray | memoryview,
    *,
    model: FilePath | None = None,
    level: int | None = None,
    device: str = "auto",
    threads: int = 0,
) -> float:
    """Return how many bits a model's network needs for a byte of ``data``, on average.

    It is the network's cross-entropy on the data, in bits, as ``nncompress eval`` measures it:
    nothing is coded, the mixer takes no part, and each lane of a block starts without knowledge of
    what came before. What an archive takes, with mixer and headers, is
    ``8 * len(nncompress.compress(data)) / len(data)``.

    Args:
        data: any bytes, at least one.
        model: model file, or name of a known model; None for the one of the level.
        level: whose blocks and lanes to take, 1 to 9; None for the default.
        device: where the network is computed, as for :func:`nncompress.compress`.
        threads: threads to use, 0 for one a core.

    Raises:
        TypeError: ``data`` are no bytes.
        ConfigError: an argument has an impossible value, or there are no data.
        ModelError: the model is missing or damaged.
        DeviceError: the device is missing or not exact.

    >>> import nncompress
    >>> english = b"The quick brown fox jumps over the lazy dog. " * 4
    >>> nncompress.bits_per_byte(english) < nncompress.bits_per_byte(bytes(range(180)))
    True
    """
    from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
    from nncompress.coding.opening import open_block_coder

    whole = memoryview(data).cast("B")
    if not len(whole):
        raise ConfigError("there are no bytes to measure")
    name = model if model is None or isinstance(model, str) else Path(os.fsdecode(model))
    options = CodingOptions(name, level, "network", device, threads)
    pieces = (
        bytes(whole[start : start + MEASURED_PIECE])
        for start in range(0, len(whole), MEASURED_PIECE)
    )
    meter = network_meter(open_block_coder(options).network, threads)
    return ideal_bits(pieces, LEVELS[level or DEFAULT_LEVEL], meter, no_progress) / len(whole)


def ideal_bits(pieces: Iterable[bytes], level: Level, meter: Meter, progress: Progress) -> float:
    """Return the bits that bytes cost in the blocks and lanes of a level.

    Args:
        pieces: the bytes, in pieces of any size.
        level: how they are cut into blocks and lanes.
        meter: what measures a block.
        progress: called with the bytes done since its last call.
    """
    return sum(
        meter(block, level.layout(len(block), Method.NETWORK), progress)
        for block in _cut_blocks(pieces, level)
    )


def _cut_blocks(pieces: Iterable[bytes], level: Level) -> Iterator[bytes]:
    splitter = Splitter(BlockSizes(level.block_size, level.first_block_size))
    for piece in pieces:
        yield from (block.raw for block in splitter.push(piece))
    if rest := splitter.rest().raw:
        yield rest


def network_meter(network: Network, threads: int = 0) -> Meter:
    """Make a meter of the integer network.

    Args:
        network: the network.
        threads: how many groups of lanes are measured at once, 0 for one a core.
    """

    def meter(data: bytes, layout: Layout, progress: Progress) -> float:
        table = layout.cut(data)

        def group(bounds: tuple[int, int]) -> float:
            told = progress if bounds[0] == 0 else None
            return float(_lane_bits(network, table, layout, bounds, told).sum())

        # Groups share nothing, so each has a thread; compiled kernels do not hold Python's lock.
        with ThreadPoolExecutor(threads or cpus()) as pool:
            return sum(pool.map(group, layout.groups()))

    return meter


def _lane_bits(
    network: Network,
    table: NDArray[np.uint8],
    layout: Layout,
    bounds: tuple[int, int],
    progress: Progress | None,
) -> NDArray[np.float64]:
    """Return the bits that each lane lo..hi-1 costs, float64 [hi - lo]; ``bounds`` are (lo, hi)."""
    lo, hi = bounds
    lanes = network.lanes(hi - lo)
    weights = lanes.start().weights
    bits = np.zeros(hi - lo)
    every = np.arange(hi - lo)
    for step in range(layout.steps):
        count = max(0, min(hi, layout.active(step)) - lo)
        symbols = table[step, lo:hi]
        chosen = weights[every[:count], symbols[:count]]
        # Weights are at most 2**20, so that their sum is exact in int64, and in float64.
        total = weights[:count].sum(axis=1, dtype=np.int64)
        bits[:count] += np.log2(total / chosen)
        if step + 1 < layout.steps:
            weights = lanes.step(np.ascontiguousarray(symbols)).weights
        if progress is not None:
            progress(layout.active(step))
    return bits


def float_meter(model: SHARNN, threads: int = 0) -> Meter:
    """Make a meter of the float network that a model was made from.

    Args:
        model: the float network, in evaluation mode.
        threads: number of threads, 0 for one a core.
    """
    import torch
    import torch.nn.functional as F

    from nncompress.exact.config import START_SYMBOL

    @torch.inference_mode()
    def meter(data: bytes, layout: Layout, progress: Progress) -> float:
        # The integer network has set it to what its own products are to have.
        torch.set_num_threads(threads or cpus())
        table = torch.from_numpy(layout.cut(data).T.astype(np.int64))
        start = torch.full((layout.lanes, 1), START_SYMBOL)
        before = torch.cat([start, table[:, :-1]], dim=1)
        state = model.initial_state(layout.lanes)
        nats = 0.0
        for low in range(0, layout.steps, FLOAT_STEPS):
            high = min(low + FLOAT_STEPS, layout.steps)
            logits, state = model(before[:, low:high], state)
            wanted = table[:, low:high].clone()
            if high == layout.steps:
                wanted[layout.active(high - 1) :, -1] = -1  # lanes that have ended
            loss = F.cross_entropy(
                logits.flatten(0, 1), wanted.flatten(), ignore_index=-1, reduction="sum"
            )
            nats += loss.double().item()
            progress(sum(layout.active(step) for step in range(low, high)))
        return nats / float(np.log(2))

    return meter

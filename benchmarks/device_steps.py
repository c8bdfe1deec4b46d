"""Measure what a step of many rows takes on a device: network, copies and mixing apart.

    python benchmarks/device_steps.py FILE [--device cuda] [--kernels torch] [--rows N ...]

Blocks of 32 lanes, cut from FILE, share the rows as they do when a file is compressed. At a step
the device reads a byte a row and predicts the next, and then threads mix and code a byte a row.
With two halves of the rows in turn, the slower of the two counts. On a CPU torch's kernels stand
for a device, to try the script: nncompress has faster ones there.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import torch
from folder import RESULTS, write_results
from readme import device_steps_table

from nncompress.archive.codec import no_progress
from nncompress.archive.format import Method
from nncompress.coding.compiled_steps import CompiledEncoder
from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
from nncompress.coding.lockstep_block import SharingBlock
from nncompress.coding.lockstep_rows import SharedRows
from nncompress.coding.lockstep_threads import TurnThreads
from nncompress.coding.predictors import make_predictor
from nncompress.errors import NNCompressError
from nncompress.exact.device_step import DeviceExchange
from nncompress.exact.engine import Network
from nncompress.exact.modelfile import Model, load_model
from nncompress.exact.opening import open_network
from nncompress.exact.store import resolve_model
from nncompress.lanes import Layout
from nncompress.machine.device import torch_device
from nncompress.machine.resources import cpus
from nncompress.mixing.profiles import Kind

LANES = 32
"""Of a block, as at the default level."""

BLOCK = 1 << 20
"""Bytes of a block: its tables are large enough to be far from the CPU, and 32 fit into memory."""

ROWS = (32, 128, 512, 1024)

STEPS = 50
"""That are measured."""

FILLING = 400
"""Steps that are mixed before: pages of a mixer's tables cost far more when they are first used."""

WARM_UP = 2
"""Steps that are not counted: kernels are compiled, and a CUDA graph is recorded."""


def measured(work: Callable[[], object]) -> float:
    """Return the microseconds that a call takes."""
    start = time.perf_counter()
    work()
    return 1e6 * (time.perf_counter() - start)


def blocks_of(model: Model, data: bytes, rows: int) -> list[SharingBlock]:
    """Return blocks that together have so many rows."""
    blocks = []
    number = LEVELS[DEFAULT_LEVEL].profile(Method.NETWORK_MIXING, Kind.TEXT)
    for index in range(rows // LANES):
        start = index * BLOCK % max(1, len(data) - BLOCK)
        piece = data[start : start + BLOCK]
        layout = Layout(len(piece), LANES)
        predictor = make_predictor(model, Method.NETWORK_MIXING, number, layout)
        coder = CompiledEncoder(predictor, layout.cut(piece))
        blocks.append(SharingBlock(layout, coder, no_progress))
    return blocks


def step_times(
    network: Network, blocks: list[SharingBlock], threads: int, steps: int
) -> tuple[float, float]:
    """Return the microseconds of a step on the device, and of mixing and coding after it."""
    if FILLING + steps >= blocks[0].layout.steps:
        raise click.ClickException("the file is too small for so many steps")
    shared, helpers = SharedRows(network, LANES * len(blocks)), TurnThreads(threads)
    for index, block in enumerate(blocks):
        shared.join(block, index * LANES)
    addresses = [block.address for block in blocks]

    def step() -> None:
        shared.launch()
        shared.wait()

    def mix() -> None:
        helpers.post(addresses)
        helpers.finish()

    device = [measured(step) for _ in range(WARM_UP + steps)][WARM_UP:]
    with helpers.started():
        mixing = [measured(mix) for _ in range(FILLING + steps)][FILLING:]
    return statistics.median(device), statistics.median(mixing)


def copy_time(exchange: DeviceExchange, place: torch.device, steps: int) -> float:
    """Return the microseconds of the copies of a step, in and out, alone."""

    def copy() -> None:
        exchange.copy_in()
        exchange.copy_out()
        if place.type == "cuda":
            torch.cuda.synchronize(place)

    return statistics.median(measured(copy) for _ in range(steps))


def measure_steps(
    data: bytes,
    device: str,
    kernels: str,
    name: str,
    rows: Sequence[int],
    threads: int,
    steps: int,
) -> Iterator[dict[str, Any]]:
    """Yield what a step takes, for each number of rows: medians of ``steps``."""
    try:
        place = torch_device(device)
    except NNCompressError as error:
        raise click.ClickException(f"not measured: {error}") from None
    model = load_model(resolve_model(name))
    if place.type == "cpu" and kernels == "auto":
        kernels = "torch"  # not those that the CPU has for itself
    network = open_network(model, device, kernels)
    for count in rows:
        blocks = blocks_of(model, data, count)
        whole, mixing = step_times(network, blocks, threads, steps)
        exchange = DeviceExchange(LANES * len(blocks), network.config.dim, place)
        copies = copy_time(exchange, place, steps)
        yield {
            "rows": count,
            "blocks": len(blocks),
            "kernels": network.kernels,
            "network_us": whole - copies,
            "copies_us": copies,
            "mixing_us": mixing,
            "bytes_in": exchange.sizes[0],
            "bytes_out": exchange.sizes[1],
        }


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", default="cuda", show_default=True, help="cuda, cuda:N or cpu.")
@click.option("--kernels", type=click.Choice(["auto", "torch", "triton"]), default="auto")
@click.option("-m", "--model", "name", default="default", show_default=True)
@click.option("--rows", multiple=True, type=int, default=ROWS, show_default=True)
@click.option("--threads", default=0, help="That mix; 0 for one a CPU.")
@click.option("--steps", default=STEPS, show_default=True, help="Steps that are measured.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "device_steps.json"
)
def main(
    file: Path,
    device: str,
    kernels: str,
    name: str,
    rows: tuple[int, ...],
    threads: int,
    steps: int,
    target: Path,
) -> None:
    """Measure steps on a device with the bytes of FILE."""
    threads, found = threads or cpus(), list[dict[str, Any]]()
    settings = {"file": file.name, "device": device, "model": name, "threads": threads}
    for row in measure_steps(file.read_bytes(), device, kernels, name, rows, threads, steps):
        found.append(row)
        write_results(target, **settings, steps=steps, rows=found)
    click.echo(device_steps_table({"rows": found}))


if __name__ == "__main__":
    main()

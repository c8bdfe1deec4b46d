"""Measure what a cluster costs beside the threads of one process, and what would bound a large one.

    python benchmarks/cluster.py [--part NAME]... [--json FILE]

The parts are ``pairs`` (worker processes on this machine against threads, without start-up),
``killed`` (a worker is killed with ``kill -9`` in the middle of a file of 64 MiB) and ``stages``
(the client's search for repeats, and what passes through a scheduler a second). From these and the
speed of a core follows a simulation on paper of many machines. The text is made here. About two
minutes a part with two cores; other parts of an earlier run are kept.
"""

from __future__ import annotations

import io
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from folder import RESULTS, kept_results, write_results

from nncompress.coding.options import CodingOptions
from nncompress.machine.resources import cpus
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.dask_cluster import DaskCluster, open_cluster
from nncompress.pipeline.splitting import open_splitter
from nncompress.pipeline.stream import Null, compress_stream, decompress_stream

LEVEL = 1
PAIR_SIZE = 4 << 20
KILLED_SIZE = 64 << 20
REPEAT = 3
SMALL_TASKS = 1000
LARGE_TASKS, LARGE = 24, 4 << 20
MACHINES, CORES, LINK = 100, 16, 1.25e9
"""Of the simulation: machines, their cores, and the client's link in bytes a second (10 Gbit)."""
TERABYTE = 10**12


def make_text(size: int) -> bytes:
    """Return words in an order by chance, rare ones rarely: some order, but hardly a repeat."""
    chance = np.random.default_rng(22)
    letters = chance.integers(97, 123, (20_000, 8), dtype=np.uint8)
    words = [bytes(row[: 2 + number % 7]) for number, row in enumerate(letters)]
    picked = (chance.pareto(0.9, size // 3) * 20).astype(np.int64) % len(words)
    return b" ".join(words[number] for number in picked)[:size]


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compressed(data: bytes, coder: Coder) -> bytes:
    sink = io.BytesIO()
    compress_stream(io.BytesIO(data), sink, coder)
    return sink.getvalue()


def restored_seconds(archive: bytes, coder: Coder) -> float:
    return seconds_of(lambda: decompress_stream(io.BytesIO(archive), Null(), coder))


def measure_pairs() -> dict[str, Any]:
    """Time one and two cores, as threads and as worker processes, in turn."""
    data = make_text(PAIR_SIZE)
    found: dict[str, Any] = {"bytes": len(data), "level": LEVEL}
    for cores in sorted({1, min(2, cpus())}):
        options = CodingOptions(level=LEVEL, threads=1)  # in each worker process
        start = time.perf_counter()
        with open_cluster(f"local:{cores}") as cluster:
            started = time.perf_counter() - start
            elsewhere = Coder(options, cluster=cluster)
            here = Coder(CodingOptions(level=LEVEL, threads=cores))
            archives = [compressed(data[: 1 << 18], coder) for coder in (here, elsewhere)]
            rows = []
            for number in range(REPEAT):
                took = {}
                for coder in (here, elsewhere) if number % 2 == 0 else (elsewhere, here):
                    start = time.perf_counter()
                    archives.append(compressed(data, coder))
                    took[coder] = time.perf_counter() - start
                rows.append((took[here], took[elsewhere]))
            assert len(set(archives)) == 2  # of the beginning, and of the whole
            back = [restored_seconds(archives[-1], coder) for coder in (here, elsewhere)]
        found[f"{cores} cores"] = {
            "start_seconds": started,
            "threads_seconds": [row[0] for row in rows],
            "workers_seconds": [row[1] for row in rows],
            "ratio": statistics.median(row[1] / row[0] for row in rows),
            "decompress_ratio": back[1] / back[0],
        }
    one, two = (found[name]["workers_seconds"] for name in ("1 cores", "2 cores"))
    found["two_workers_to_one"] = statistics.median(two) / statistics.median(one)
    return found


def measure_killed() -> dict[str, Any]:
    """Kill a worker in the middle of a file, and compare the archive with that of this process."""
    data = make_text(KILLED_SIZE)
    options = CodingOptions(level=LEVEL, threads=1)
    with open_cluster(f"local:{min(2, cpus())}") as cluster:
        assert isinstance(cluster, DaskCluster)
        half, killed = threading.Event(), []
        done = 0

        def progress(size: int, made: int = 0, /) -> None:
            nonlocal done
            done += size
            if done > len(data) // 2:
                half.set()

        def kill() -> None:
            half.wait()
            pid = next(iter(cluster._client.run(os.getpid).values()))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

        killer = threading.Thread(target=kill)
        killer.start()
        sink = io.BytesIO()
        took = seconds_of(
            lambda: compress_stream(
                io.BytesIO(data), sink, Coder(options, cluster=cluster), progress
            )
        )
        killer.join()
    start = time.perf_counter()
    same = compressed(data, Coder(CodingOptions(level=LEVEL))) == sink.getvalue()
    return {
        "bytes": len(data),
        "level": LEVEL,
        "archive_bytes": len(sink.getvalue()),
        "workers_killed": len(killed),
        "seconds": took,
        "seconds_of_threads": time.perf_counter() - start,
        "same_archive": same,
    }


def measure_stages() -> dict[str, Any]:
    """Time what is done once, however many workers there are."""
    data = make_text(32 << 20)
    codec = Coder(CodingOptions(level=LEVEL)).encoder
    list(_blocks(data[: 1 << 20], codec))
    repeats = seconds_of(lambda: sum(1 for _ in _blocks(data, codec)))
    one = Coder(CodingOptions(level=LEVEL, threads=1))
    with open_cluster("local:2") as cluster:
        assert isinstance(cluster, DaskCluster)
        client = cluster._client
        small = seconds_of(lambda: client.gather(client.map(abs, range(SMALL_TASKS), pure=False)))
        block = os.urandom(LARGE)

        def pass_large() -> None:
            waiting = []
            for _ in range(LARGE_TASKS):
                waiting.append(client.submit(len, block, pure=False))
                if len(waiting) > 2:
                    waiting.pop(0).result()
            client.gather(waiting)

        large = seconds_of(pass_large)
    default = Coder(CodingOptions(threads=1))
    speeds = []
    for coder, size in ((one, 4 << 20), (default, 1 << 19)):
        compressed(data[: 1 << 16], coder)
        speeds.append(size / seconds_of(lambda c=coder, n=size: compressed(data[:n], c)))
    return {
        "repeats_bytes_per_second": len(data) / repeats,
        "small_tasks_per_second": SMALL_TASKS / small,
        "scheduler_bytes_per_second": LARGE_TASKS * LARGE / large,
        "core_bytes_per_second": {"level 1": speeds[0], "default level": speeds[1]},
        "block_bytes": {"level 1": codec.block_size, "default level": default.encoder.block_size},
    }


def _blocks(data: bytes, codec: Any) -> Iterator[object]:
    splitter = open_splitter(codec)
    for start in range(0, len(data), 1 << 18):
        yield from splitter.push(data[start : start + (1 << 18)])
    yield splitter.rest()


def simulate(stages: dict[str, Any], core_speed: float, block: int) -> list[dict[str, Any]]:
    """Say what each stage could do alone for ``MACHINES`` machines, the slowest first."""
    bounds = {
        "workers": MACHINES * CORES * core_speed,
        "repeats, at the client": stages["repeats_bytes_per_second"],
        "bytes through the scheduler": stages["scheduler_bytes_per_second"],
        "the client's link": LINK,
        "tasks of the scheduler": stages["small_tasks_per_second"] * block,
    }
    rows = [
        {"stage": name, "bytes_per_second": speed, "hours_for_1_TB": TERABYTE / speed / 3600}
        for name, speed in bounds.items()
    ]
    return sorted(rows, key=lambda row: row["bytes_per_second"])


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "pairs": measure_pairs,
    "killed": measure_killed,
    "stages": measure_stages,
}


@click.command()
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="Only these.")
@click.option("--json", "target", type=click.Path(path_type=Path), default=RESULTS / "cluster.json")
def main(parts: tuple[str, ...], target: Path) -> None:
    """Measure the parts, and print what was found."""
    kept = kept_results(target, True)
    found = {name: kept[name] for name in (*PARTS, "simulation") if name in kept}
    for name in parts or PARTS:
        found[name] = PARTS[name]()
        write_results(target, **found)
        click.echo(f"{name}: {found[name]}")
    if "stages" in found:
        stages = found["stages"]
        found["simulation"] = {
            name: simulate(stages, speed, stages["block_bytes"][name])
            for name, speed in stages["core_bytes_per_second"].items()
        }
        write_results(target, **found)
        click.echo(found["simulation"])


if __name__ == "__main__":
    main()

"""Speed, start-up time and peak memory of whole ``nncompress`` processes on one file.

    python benchmarks/throughput.py FILE [--method METHOD] [--repeat N]

Each command runs ``--repeat`` times after one run that fills numba's cache; the median counts. An xz
-9e of the same bytes in the same run stands beside it.
"""

from __future__ import annotations

import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from folder import RESULTS, write_results

OURS = [sys.executable, "-m", "nncompress"]


def _run(arguments: list[str]) -> tuple[float, int]:
    """Wall seconds and peak resident bytes of a process that must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{' '.join(arguments)} failed with {process.returncode}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _median(arguments: list[str], repeat: int) -> dict[str, float]:
    runs = [_run(arguments) for _ in range(repeat)]
    return {
        "seconds": statistics.median(seconds for seconds, _ in runs),
        "peak_bytes": max(memory for _, memory in runs),
    }


def _both_ways(source: Path, folder: Path, options: list[str], repeat: int) -> dict[str, Any]:
    archive, restored = folder / "archive.nnc", folder / "restored"
    compress = [*OURS, "compress", "-q", "-f", *options, "-o", str(archive), str(source)]
    decompress = [*OURS, "decompress", "-q", "-f", "-o", str(restored), str(archive)]
    _run(compress)
    ways = {"compress": _median(compress, repeat), "decompress": _median(decompress, repeat)}
    if restored.read_bytes() != source.read_bytes():
        raise click.ClickException("the file did not come back")
    size = source.stat().st_size
    for way in ways.values():
        way["bytes_per_second"] = size / way["seconds"]
    return {"bytes": size, "archive_bytes": archive.stat().st_size, **ways}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--method", help="As for compress; default: its own choice.")
@click.option("--level", type=click.IntRange(1, 9), help="As for compress.")
@click.option("--repeat", default=3, show_default=True, help="Runs of each command.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "throughput.json"
)
def main(file: Path, method: str | None, level: int | None, repeat: int, target: Path) -> None:
    options = ([f"-{level}"] if level else []) + (["--method", method] if method else [])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = folder / "small"
        small.write_bytes(file.read_bytes()[:1024])
        facts = {
            "file": file.name,
            "options": options,
            "whole_file": _both_ways(file, folder, options, repeat),
            "first_1024_bytes": _both_ways(small, folder, options, repeat),
            "help": _median([*OURS, "--help"], repeat),
        }
    data = file.read_bytes()
    start = time.perf_counter()
    packed = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
    facts["xz_9e"] = {"bytes": len(packed), "seconds": time.perf_counter() - start}
    for part in ("whole_file", "first_1024_bytes"):
        for way in ("compress", "decompress"):
            measured = facts[part][way]
            click.echo(
                f"{part} {way}: {measured['seconds']:.2f} s, "
                f"{measured['bytes_per_second'] / 1000:.1f} KB/s, "
                f"{measured['peak_bytes'] / 2**20:.0f} MiB"
            )
    click.echo(
        f"--help: {facts['help']['seconds']:.2f} s; archive {facts['whole_file']['archive_bytes']} bytes"
    )
    write_results(target, **facts)


if __name__ == "__main__":
    main()

"""Measure whole processes: what a user waits for after a command, start-up included."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

WARM_UP_SIZE = 1 << 16
"""Bytes that are enough to have every kernel compiled."""

OURS = [sys.executable, "-m", "nncompress"]


# A process's peak counts that of the one that starts it, so a small one does.
_START = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def _run_process(arguments: Sequence[str]) -> tuple[float, int]:
    """Return wall seconds and peak resident bytes of a process that must succeed."""
    command = [sys.executable, "-S", "-c", _START, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, status, peak = done.stdout.split()
    if int(status):
        raise click.ClickException(f"{' '.join(arguments)} failed with {status}")
    return float(seconds), int(peak) * (1 if sys.platform == "darwin" else 1024)


def repeated(arguments: Sequence[str], repeat: int) -> dict[str, Any]:
    """Return the median seconds and the most memory of several runs."""
    runs = [_run_process(arguments) for _ in range(repeat)]
    return {
        "seconds": statistics.median(seconds for seconds, _ in runs),
        "peak_bytes": max(memory for _, memory in runs),
    }


def both_ways(
    data: bytes, options: Sequence[str], repeat: int, decoding: Sequence[str] = ()
) -> dict[str, Any]:
    """Measure compressing, and decompressing with options of its own; the bytes must come back."""
    with tempfile.TemporaryDirectory() as name:
        source, archive, restored = (Path(name, part) for part in ("source", "archive", "restored"))
        source.write_bytes(data)
        compress = [*OURS, "compress", "-q", "-f", *options, "-o", str(archive), str(source)]
        decompress = [*OURS, "decompress", "-q", "-f", *decoding, "-o", str(restored), str(archive)]
        ways = {"compress": repeated(compress, repeat), "decompress": repeated(decompress, repeat)}
        if restored.read_bytes() != data:
            raise click.ClickException("the file did not come back")
        size = archive.stat().st_size
    for way in ways.values():
        way["bytes_per_second"] = len(data) / way["seconds"]
    return {"bytes": len(data), "archive_bytes": size, **ways}


def warm_up(data: bytes, options: Sequence[str] = ()) -> None:
    """Let kernels be compiled, for as many lanes as there may be; once after an installation."""
    both_ways(data[:WARM_UP_SIZE], options, 1)

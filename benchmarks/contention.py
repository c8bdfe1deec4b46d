"""Measure compressing beside other work: with fixed numbers of threads, and with the default.

    python benchmarks/contention.py FILE [--load NAME]... [--threads 1,2,0] [--repeat N]
        [--block-size N] [--against DIR] [--resume] [--json FILE]

Whole processes, start-up included, one after the other in every round, beside each load: busy loops
and programs that copy memory, at nice 0 and 19, from this session and from one of their own, which
Linux may give a share of its own whatever its niceness; and under quotas of a control group, where
one can be made. Every run must make the same archive. With ``--against``, the default of another
version of the sources runs in the same rounds. A file of 300 KB takes a quarter of an hour.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
from folder import RESULTS, kept_results, resume, write_results
from readme import contention_table

SPIN = "while True: pass"
COPY = "import numpy as np; a = np.ones(1 << 25); b = a.copy()\nwhile True: b[:] = a"
"""256 MiB from one place to another, again and again."""

WRITE = """\
import sys, nncompress
source, target, threads, block = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
with nncompress.open(target, "w", threads=int(threads), block_size=int(block) or None) as archive:
    archive.write(data)
"""


class Load(NamedTuple):
    """What else runs: so many processes of a program, at a niceness, and the quota of CPUs."""

    processes: int = 0
    program: str = SPIN
    nice: int = 0
    own_session: bool = False
    quota: float = 0


LOADS = {
    "nothing": Load(),
    "one busy loop": Load(1),
    "two busy loops": Load(2),
    "one busy loop, nice 19": Load(1, nice=19),
    "two busy loops, nice 19": Load(2, nice=19),
    "one that copies memory": Load(1, COPY),
    "two that copy memory": Load(2, COPY),
    "one that copies memory, nice 19": Load(1, COPY, 19),
    "two that copy memory, nice 19": Load(2, COPY, 19),
    "one busy loop, own session": Load(1, own_session=True),
    "one that copies memory, nice 19, own session": Load(1, COPY, 19, own_session=True),
    "quota of 1 CPU": Load(quota=1),
    "quota of 1.5 CPUs": Load(quota=1.5),
}

GROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000


@contextmanager
def busy(load: Load) -> Iterator[None]:
    """Let a load run."""
    with ExitStack() as stack:
        for _ in range(load.processes):
            process = subprocess.Popen(
                [sys.executable, "-c", load.program],
                preexec_fn=partial(os.nice, load.nice),
                start_new_session=load.own_session,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        time.sleep(0.5 if load.processes else 0)
        yield


@contextmanager
def limited(quota: float) -> Iterator[Path | None]:
    """Yield the file that takes a process into a control group with a quota; None for none.

    Raises:
        OSError: there can be no such group here.
    """
    if not quota:
        yield None
        return
    second = (GROUPS / "cgroup.controllers").exists()
    group = (GROUPS if second else GROUPS / "cpu") / f"nncompress-contention-{os.getpid()}"
    group.mkdir()
    try:
        microseconds = round(quota * PERIOD)
        if second:
            (group / "cpu.max").write_text(f"{microseconds} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(microseconds))
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def enter(group: Path | None) -> None:
    """Take this process into a control group."""
    if group is not None:
        group.write_text(str(os.getpid()))


def seconds(
    sources: Path, file: Path, archive: Path, threads: int, block: int, group: Path | None
) -> float:
    """Compress a file in a process of its own; return how long it took."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", WRITE, str(file), str(archive), str(threads), str(block)],
        cwd=sources,
        env=os.environ | {"PYTHONPATH": str(sources)},
        preexec_fn=partial(enter, group),
        check=True,
    )
    return time.perf_counter() - start


def measure(
    file: Path, load: Load, variants: dict[str, tuple[Path, int]], block: int
) -> dict[str, float]:
    """Return the seconds of each variant, one after the other beside the load.

    Raises:
        ClickException: two archives differ.
    """
    times, archives = {}, set()
    with tempfile.TemporaryDirectory() as folder, limited(load.quota) as group, busy(load):
        archive = Path(folder, "archive")
        for name, (sources, threads) in variants.items():
            times[name] = seconds(sources, file.resolve(), archive, threads, block, group)
            archives.add(archive.read_bytes())
    if len(archives) > 1:
        raise click.ClickException("the archives differ")
    return times


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--load", "loads", multiple=True, type=click.Choice(list(LOADS)), help="Only these.")
@click.option("--threads", default="1,2,0", show_default=True, help="Numbers for -T; 0: default.")
@click.option("--repeat", default=3, show_default=True, help="Rounds, each of all loads.")
@click.option("--block-size", default=0, help="Raw bytes of a block; 0: the level's own.")
@click.option(
    "--against",
    type=click.Path(exists=True, path_type=Path, resolve_path=True),
    help="Another version's sources.",
)
@resume
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "contention.json"
)
def main(
    file: Path,
    loads: Sequence[str],
    threads: str,
    repeat: int,
    block_size: int,
    against: Path | None,
    resume: bool,
    target: Path,
) -> None:
    """Measure FILE beside each load."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that loads end too
    own = Path(__file__).resolve().parents[1]
    variants = {f"-T {n}" if n else "default": (own, n) for n in map(int, threads.split(","))}
    if against is not None:
        variants["before"] = (against, 0)
    rows: list[dict[str, Any]] = kept_results(target, resume).get("rows", [])
    for done in range(repeat):
        for name in loads or LOADS:
            row = row_of(rows, file, block_size, name, list(variants))
            if len(row["rounds"]) > done:
                continue
            try:
                row["rounds"].append(measure(file, LOADS[name], variants, block_size))
            except OSError as error:
                click.echo(f"{name}: not here ({error})", err=True)
                continue
            for variant in variants:
                times = [each[variant] for each in row["rounds"]]
                row["seconds"][variant] = statistics.median(times)
            write_results(target, rows=[row for row in rows if row["rounds"]])
            click.echo(contention_table({"rows": [row]}))


def row_of(
    rows: list[dict[str, Any]], file: Path, block_size: int, load: str, variants: list[str]
) -> dict[str, Any]:
    """Return the row of these runs; a new one where there is none."""
    facts = {
        "file": file.name,
        "bytes": file.stat().st_size,
        "block_size": block_size,
        "load": load,
        "variants": variants,
    }
    for row in rows:
        if facts.items() <= row.items():
            return row
    rows.append(facts | {"seconds": {}, "rounds": []})
    return rows[-1]


if __name__ == "__main__":
    main()

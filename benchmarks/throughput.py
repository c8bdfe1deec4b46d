"""Measure speed, start-up and peak memory of whole processes that compress and decompress a file.

    python benchmarks/throughput.py FILE [--device cuda] [--repeat N] [--resume] [--json FILE]

After a run on its beginning that lets kernels be compiled, each command runs ``--repeat`` times;
the median counts. The same bytes go through the fast level and through xz -9e without start-up,
too, as in ``nncompress compare``. About four minutes for a file of 1 MB.

With ``--device cuda`` the default level alone is measured there, on a file that should have 64 MiB
or more, and then what its steps consist of: see ``device_steps.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from device_steps import ROWS, STEPS, measure_steps
from folder import RESULTS, kept_results, resume, write_results
from peers import without_startup
from processes import OURS, both_ways, repeated, warm_up
from readme import device_steps_table, throughput_table

from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
from nncompress.coding.options import CodingOptions
from nncompress.machine.resources import cpus
from nncompress.reports.peer import PeerSettings

SMALL = 1024
CASES = (
    ("default level", [], None),
    ("mixing alone, `--method mixing`", ["--method", "mixing"], None),
    ("mixing alone, `-1`", ["-1"], None),
    ("first 1,024 bytes, default level", [], SMALL),
)
WITHOUT_START_UP = (
    (
        "mixing alone, `-1`, without start-up",
        "nncompress mixing",
        PeerSettings(CodingOptions(level=1)),
    ),
    ("`xz -9e`, without start-up", "xz -9e", PeerSettings()),
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", help="Measure the default level on it: cuda, cuda:N or cpu.")
@click.option("--repeat", default=3, show_default=True, help="Runs of each command.")
@resume
@click.option("--json", "target", type=click.Path(path_type=Path), help="Where to write it.")
def main(file: Path, device: str | None, repeat: int, resume: bool, target: Path | None) -> None:
    """Measure whole processes on FILE."""
    if device is not None:
        measure_device(file, device, repeat, target or RESULTS / "device.json")
    else:
        measure_cpu(file, repeat, resume, target or RESULTS / "throughput.json")


def measure_device(file: Path, device: str, repeat: int, target: Path) -> None:
    """Measure the default level on a device, and its steps."""
    data, options = file.read_bytes(), ["--device", device]
    model = LEVELS[DEFAULT_LEVEL].model
    steps = list(measure_steps(data, device, "auto", model, ROWS, cpus(), STEPS))
    warm_up(data, options)
    rows = [{"what": f"default level on {device}"} | both_ways(data, options, repeat, options)]
    settings = {"file": file.name, "device": device, "repeat": repeat, "threads": cpus()}
    write_results(target, **settings, rows=rows, steps=steps)
    click.echo(throughput_table({"rows": rows}))
    click.echo(device_steps_table({"rows": steps}))


def measure_cpu(file: Path, repeat: int, resume: bool, target: Path) -> None:
    """Measure the fast levels and the default one on the CPU."""
    settings = {"file": file.name, "repeat": repeat}
    rows: list[dict[str, Any]] = kept_results(target, resume, **settings).get("rows", [])
    shown_help = repeated([*OURS, "--help"], repeat)
    write_results(target, **settings, rows=rows, help=shown_help)
    data, done = file.read_bytes(), {row["what"] for row in rows}
    for _, options, _ in CASES:
        warm_up(data, options)

    def keep(what: str, measured: dict[str, Any]) -> None:
        rows.append({"what": what} | measured)
        write_results(target, **settings, rows=rows, help=shown_help)

    for what, options, size in CASES:
        if what not in done:
            keep(what, both_ways(data[:size], options, repeat))
    for what, peer, chosen in WITHOUT_START_UP:
        if what not in done:
            keep(what, without_startup(peer, data, chosen))
    click.echo(throughput_table({"rows": rows}))


if __name__ == "__main__":
    main()

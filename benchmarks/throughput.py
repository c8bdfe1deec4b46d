"""Measure speed, start-up and peak memory of whole processes that compress and decompress a file.

    python benchmarks/throughput.py FILE [--repeat N] [--resume] [--json FILE]

After a run on its beginning that lets kernels be compiled, each command runs ``--repeat`` times;
the median counts. The same bytes go through the fast level and through xz -9e without start-up,
too, as in ``nncompress compare``. About four minutes for a file of 1 MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from folder import RESULTS, kept_results, resume, write_results
from peers import without_startup
from processes import OURS, both_ways, repeated, warm_up
from readme import throughput_table

from nncompress.coding.options import CodingOptions
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
@click.option("--repeat", default=3, show_default=True, help="Runs of each command.")
@resume
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "throughput.json"
)
def main(file: Path, repeat: int, resume: bool, target: Path) -> None:
    """Measure whole processes on FILE."""
    settings = {"file": file.name, "repeat": repeat}
    rows: list[dict[str, Any]] = kept_results(target, resume, **settings).get("rows", [])
    data, done = file.read_bytes(), {row["what"] for row in rows}
    for _, options, _ in CASES:
        warm_up(data, options)

    def keep(what: str, measured: dict[str, Any]) -> None:
        rows.append({"what": what} | measured)
        write_results(target, **settings, rows=rows, help=repeated([*OURS, "--help"], repeat))

    for what, options, size in CASES:
        if what not in done:
            keep(what, both_ways(data[:size], options, repeat))
    for what, peer, chosen in WITHOUT_START_UP:
        if what not in done:
            keep(what, without_startup(peer, data, chosen))
    click.echo(throughput_table({"rows": rows}))


if __name__ == "__main__":
    main()

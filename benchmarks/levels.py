"""Measure size, speed and memory at every level, as whole processes on one file.

    python benchmarks/levels.py FILE [--level N ...] [--resume] [--json FILE]

One run each way a level, after one on its beginning that lets kernels be compiled, and one of
``xz -9e`` before it: what that takes tells how fast the machine was at the time. The JSON file is
written after each level, so that --resume goes on from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from folder import RESULTS, kept_results, resume, write_results
from peers import without_startup
from processes import both_ways, warm_up
from readme import levels_table

from nncompress.coding.levels import LEVELS
from nncompress.reports.peer import PeerSettings


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--level", "chosen", type=click.IntRange(min(LEVELS), max(LEVELS)), multiple=True,
    help="Only this level; repeat for more.",
)  # fmt: skip
@resume
@click.option("--json", "target", type=click.Path(path_type=Path), default=RESULTS / "levels.json")
def main(file: Path, chosen: tuple[int, ...], resume: bool, target: Path) -> None:
    """Measure every level on FILE."""
    rows: list[dict[str, Any]] = kept_results(target, resume, file=file.name).get("rows", [])
    data, done = file.read_bytes(), {row["level"] for row in rows}
    for level in chosen or LEVELS:
        if level not in done:
            warm_up(data, [f"-{level}"])
            xz = without_startup("xz -9e", data, PeerSettings())
            rows.append({"level": level, "xz": xz} | both_ways(data, [f"-{level}"], 1))
            rows.sort(key=lambda row: row["level"])
            write_results(target, file=file.name, rows=rows)
    click.echo(levels_table({"rows": rows}))


if __name__ == "__main__":
    main()

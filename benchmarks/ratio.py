"""Compare sizes and speeds on all files of a folder, one table a file and one for all.

    python benchmarks/ratio.py --eval DIR [-m MODEL] [--json FILE]

The codecs, and how they are run, are those of ``nncompress compare``. The table goes to standard
output as Markdown.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
from folder import RESULTS, evaluation_files, write_results

from nncompress.benchmark.codecs import Settings
from nncompress.benchmark.compare import choose, compare, totals
from nncompress.benchmark.table import markdown


@click.command()
@click.option("--eval", "folder", type=click.Path(path_type=Path), help="Folder of held-out files.")
@click.option("-m", "--model", help="Model file, or name of a known one.")
@click.option("--level", type=int, help="Level of own methods.")
@click.option("--codec", "chosen", multiple=True, help="Only this codec; repeat for more.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds a codec.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "ratio.json",
    help="Write the figures here.",
)  # fmt: skip
def main(
    folder: Path | None,
    model: str | None,
    level: int | None,
    chosen: tuple[str, ...],
    timeout: float,
    target: Path,
) -> None:
    """Compare sizes and speeds on all files of a folder."""
    codecs, absent = choose(chosen)
    files = ((name, path.read_bytes()) for name, path in evaluation_files(folder))
    settings = Settings(model, level, 0, timeout)
    before = os.getloadavg() if hasattr(os, "getloadavg") else None
    trials = compare(
        files, codecs, settings, lambda codec, name: click.echo(f"{name}: {codec}", err=True)
    )
    click.echo(markdown(trials))
    write_results(
        target,
        level=level,
        load_before=before,
        absent=absent,
        trials=[trial.facts() for trial in trials],
        totals=[trial.facts() for trial in totals(trials)],
    )


if __name__ == "__main__":
    main()

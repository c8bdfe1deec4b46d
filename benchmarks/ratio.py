"""Compare sizes and speeds on all files of a folder, one table a file and one for all.

    python benchmarks/ratio.py --eval DIR [-m MODEL] [--level N ...] [--codec NAME ...] [--brief]
                               [--resume] [--json FILE]

The peers, and how they are run, are those of ``nncompress compare``, with a few more in peers.py.
With ``--level``, given once or more, our own methods run at each of these levels. The table goes to
standard output as Markdown, with ``--brief`` the sizes alone: a line a file, then one for each
folder of files and one for all. The JSON file is written after every file.
"""

from __future__ import annotations

from pathlib import Path

import click
from folder import RESULTS, evaluation_files, kept_results, resume, write_results
from peers import contenders
from readme import brief_table

from nncompress.coding.levels import LEVELS
from nncompress.coding.options import CodingOptions
from nncompress.reports.compare import Trial, totals, trial_from
from nncompress.reports.table import markdown


@click.command()
@click.option("--eval", "folder", type=click.Path(path_type=Path), help="Folder of held-out files.")
@click.option("-m", "--model", help="Model file, or name of a known one.")
@click.option(
    "--level", "levels", type=click.IntRange(min(LEVELS), max(LEVELS)), multiple=True,
    help="Level of own methods; repeat for more.",
)  # fmt: skip
@click.option("--codec", "chosen", multiple=True, help="Only this codec; repeat for more.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds a codec.")
@click.option("--brief", is_flag=True, help="Print one table of sizes.")
@resume
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "ratio.json",
    help="Write the figures here.",
)  # fmt: skip
def main(
    folder: Path | None,
    model: str | None,
    levels: tuple[int, ...],
    chosen: tuple[str, ...],
    timeout: float,
    brief: bool,
    resume: bool,
    target: Path,
) -> None:
    """Compare sizes and speeds on all files of a folder."""
    rivals, absent = contenders(chosen, levels, CodingOptions(model), timeout)
    shared = {"levels": levels, "absent": absent, "codecs": [rival.name for rival in rivals]}
    kept = kept_results(target, resume, **shared).get("trials", [])
    trials: list[Trial] = [trial_from(facts) for facts in kept]
    done = {trial.file for trial in trials}
    for name, path in evaluation_files(folder):
        if name in done:
            continue
        for rival in rivals:
            click.echo(f"{name}: {rival.name}", err=True)
            trials.append(rival.run(name, path.read_bytes()))
        facts = shared | {"trials": [trial.facts() for trial in trials]}
        facts["totals"] = [trial.facts() for trial in totals(trials)]
        write_results(target, **facts)
    click.echo(brief_table(trials) if brief else markdown(trials))


if __name__ == "__main__":
    main()

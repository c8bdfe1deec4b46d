"""Compare sizes and speeds on all files of a folder, one table a file and one for all.

    python benchmarks/ratio.py --eval DIR [-m MODEL] [--resume] [--json FILE]

The peers, and how they are run, are those of ``nncompress compare``. The table goes to standard
output as Markdown; the JSON file is written after every file.
"""

from __future__ import annotations

from pathlib import Path

import click
from folder import RESULTS, evaluation_files, kept_results, resume, write_results

from nncompress.coding.options import CodingOptions
from nncompress.reports.compare import Trial, compare, totals, trial_from
from nncompress.reports.peer import PeerSettings
from nncompress.reports.peers import choose_peers
from nncompress.reports.table import markdown


@click.command()
@click.option("--eval", "folder", type=click.Path(path_type=Path), help="Folder of held-out files.")
@click.option("-m", "--model", help="Model file, or name of a known one.")
@click.option("--level", type=int, help="Level of own methods.")
@click.option("--codec", "chosen", multiple=True, help="Only this codec; repeat for more.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds a codec.")
@resume
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
    resume: bool,
    target: Path,
) -> None:
    """Compare sizes and speeds on all files of a folder."""
    peers, absent = choose_peers(chosen)
    shared = {"level": level, "absent": absent, "codecs": [peer.name for peer in peers]}
    kept = kept_results(target, resume, **shared).get("trials", [])
    trials: list[Trial] = [trial_from(facts) for facts in kept]
    done = {trial.file for trial in trials}
    settings = PeerSettings(CodingOptions(model, level), timeout)
    for name, path in evaluation_files(folder):
        if name in done:
            continue
        trials += compare(
            [(name, path.read_bytes())],
            peers,
            settings,
            lambda peer, name: click.echo(f"{name}: {peer}", err=True),
        )
        write_results(
            target,
            **shared,
            trials=[trial.facts() for trial in trials],
            totals=[trial.facts() for trial in totals(trials)],
        )
    click.echo(markdown(trials))


if __name__ == "__main__":
    main()

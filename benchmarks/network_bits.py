"""Measure the bits per byte of a model's network alone on the files of a folder.

    python benchmarks/network_bits.py --eval DIR [-m MODEL] [--float WEIGHTS --float-file NAME]
        [--json FILE]

The same as ``nncompress eval`` on each file. With float weights it measures what integers cost,
too; floats take about three times as long as integers, so that one file is often enough for them.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
from folder import RESULTS, evaluation_files, kept_results, resume, write_results

from nncompress.archive.codec import no_progress
from nncompress.coding.options import CodingOptions
from nncompress.exact.modelfile import load_model
from nncompress.exact.store import resolve_model
from nncompress.reports.evaluate import Evaluation, evaluate


@click.command()
@click.option("--eval", "folder", type=click.Path(path_type=Path), help="Folder of held-out files.")
@click.option("-m", "--model", help="Model file, or name of a known one.")
@click.option("--float", "weights", type=click.Path(path_type=Path), help="Float weights.")
@click.option(
    "--float-file", "floats", multiple=True, help="Use them on this file; repeat for more."
)
@click.option("--level", type=int, help="Cut lanes as this level does.")
@click.option("--file", "chosen", multiple=True, help="Only this file; repeat for more.")
@click.option("--threads", default=0, show_default=True, help="Threads; 0: all cores.")
@resume
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "network_bits.json",
    help="Write the figures here.",
)  # fmt: skip
def main(
    folder: Path | None,
    model: str | None,
    weights: Path | None,
    floats: tuple[str, ...],
    level: int | None,
    chosen: tuple[str, ...],
    threads: int,
    resume: bool,
    target: Path,
) -> None:
    """Measure a model's network on all files of a folder."""
    settings = {
        "identity": load_model(resolve_model(model)).identity.hex(),
        "level": level,
        "float_weights": weights and weights.name,
    }
    rows: list[dict[str, Any]] = kept_results(target, resume, **settings).get("rows", [])
    files = evaluation_files(folder)
    known = [name for name, _ in files]
    if unknown := [name for name in (*chosen, *floats) if name not in known]:
        raise click.ClickException(f"no file {unknown[0]!r} in the folder")
    for name, path in files:
        if (chosen and name not in chosen) or name in {row["file"] for row in rows}:
            continue
        compared = weights if not floats or name in floats else None
        coding = CodingOptions(model, level, threads=threads)
        evaluation = Evaluation(path, coding, float_weights=compared)
        facts = evaluate(evaluation, lambda label, size: nullcontext(no_progress))
        rows.append(facts | {"file": name})
        words = f", floats {facts['float']['bits_per_byte']:.4f}" if compared else ""
        click.echo(f"{name}: {facts['network']['bits_per_byte']:.4f} bits per byte{words}")
        rows.sort(key=lambda row: known.index(row["file"]))
        write_results(target, **settings, rows=rows)


if __name__ == "__main__":
    main()

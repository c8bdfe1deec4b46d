"""Measure the bits per byte of a model's network alone on all files of a folder, and what integers cost.

    python benchmarks/network_bits.py --eval DIR [-m MODEL] [--float WEIGHTS] [--json FILE]

The same as ``nncompress eval`` on each file.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click
from folder import RESULTS, evaluation_files, write_results

from nncompress.benchmark.evaluation import Request, evaluate
from nncompress.codecs import CodecOptions


@click.command()
@click.option("--eval", "folder", type=click.Path(path_type=Path), help="Folder of held-out files.")
@click.option("-m", "--model", help="Model file, or name of a known one.")
@click.option("--float", "weights", type=click.Path(path_type=Path), help="Float weights.")
@click.option("--level", type=int, help="Cut lanes as this level does.")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "network_bits.json",
    help="Write the figures here.",
)  # fmt: skip
def main(
    folder: Path | None, model: str | None, weights: Path | None, level: int | None, target: Path
) -> None:
    """Measure a model's network on all files of a folder."""
    rows = []
    for name, path in evaluation_files(folder):
        request = Request(path, CodecOptions(model, level), float_weights=weights)
        facts = evaluate(request, lambda label, size: nullcontext(lambda done: None))
        rows.append(facts | {"file": name})
        floats = f", floats {facts['float']['bits_per_byte']:.4f}" if weights else ""
        click.echo(f"{name}: {facts['network']['bits_per_byte']:.4f} bits per byte{floats}")
    write_results(target, level=level, rows=rows)


if __name__ == "__main__":
    main()

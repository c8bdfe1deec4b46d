"""Define ``nncompress eval``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError

from . import options
from .console import Console
from .escape import show_text


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@options.model
@click.option(
    "--against",
    metavar="MODEL",
    help="Measure this model, too, and show by how much the other is smaller or larger.",
)
@click.option("--split", type=click.Choice(["enwik8"]), help="FILE is enwik8: measure a part.")
@click.option(
    "--part",
    type=click.Choice(["train", "valid", "test"]),
    default="test",
    show_default=True,
    help="Part of the split.",
)
@options.first_bytes()
@click.option("--coded", is_flag=True, help="Code the files, too, as compress would.")
@click.option(
    "--float",
    "float_weights",
    metavar="WEIGHTS",
    type=click.Path(path_type=Path),
    help="Compare with float weights (.safetensors), or with a model's integers turned into "
    "floats.",
)
@options.level
@options.device
@options.threads
@click.option("--baselines", is_flag=True, help="Print published figures and their sources.")
@options.as_json
def command(
    files: tuple[Path, ...],
    model: str | None,
    against: str | None,
    split: str | None,
    part: str,
    size: int | None,
    coded: bool,
    float_weights: Path | None,
    level: int | None,
    device: str,
    threads: int,
    baselines: bool,
    as_json: bool,
) -> None:
    """Measure the bits per byte of a model's network on FILEs, without coding.

    With --against, of two models side by side. With --split enwik8 on its usual 90/5/5 million
    bytes, beside the paper's figures.
    """
    from nncompress.reports import evaluate_text
    from nncompress.reports.corpora import WHERE_TO_GET
    from nncompress.reports.evaluate import Evaluation, evaluate

    coding = CodingOptions(model, level, None, device, threads)
    if not files and not baselines:
        raise ConfigError(f"no FILE given; {WHERE_TO_GET}" if split else "no FILE given")
    if not files:
        _print_baselines(coding, as_json=as_json)
        return
    names = list(dict.fromkeys(files))
    chosen = part if split else None
    evaluation = Evaluation(names, coding, against, chosen, size, float_weights, coded)
    facts = evaluate(evaluation, Console().progress)
    _print(evaluate_text.evaluation_lines(facts), facts if as_json else None)


def _print_baselines(coding: CodingOptions, *, as_json: bool) -> None:
    from nncompress.reports.baselines import load
    from nncompress.reports.evaluate_text import baseline_lines
    from nncompress.reports.sizes import own_baselines

    own = own_baselines(coding)
    facts = {**load(), "own": own}
    _print(baseline_lines(own), facts if as_json else None)


def _print(lines: Iterable[str], facts: object | None) -> None:
    if facts is not None:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in lines:
        show_text(line)

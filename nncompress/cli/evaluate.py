"""Define ``nncompress eval``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError

from . import options
from .console import Console
from .escape import show_text


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@options.model
@click.option("--split", type=click.Choice(["enwik8"]), help="FILE is enwik8: measure a part.")
@click.option(
    "--part",
    type=click.Choice(["train", "valid", "test"]),
    default="test",
    show_default=True,
    help="Part of the split.",
)
@options.first_bytes()
@click.option("--coded", is_flag=True, help="Code the file, too, as compress would.")
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
    file: Path | None,
    model: str | None,
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
    """Measure the bits per byte of a model's network on FILE, without coding.

    With --split enwik8 on its usual 90/5/5 million bytes, beside the paper's figures.
    """
    from nncompress.reports import evaluate_text
    from nncompress.reports.baselines import load
    from nncompress.reports.corpora import WHERE_TO_GET
    from nncompress.reports.evaluate import Evaluation, evaluate

    if file is None and not baselines:
        raise ConfigError(f"no FILE given; {WHERE_TO_GET}" if split else "no FILE given")
    if file is None:
        _print(evaluate_text.baseline_lines(), load() if as_json else None)
        return
    coding = CodingOptions(model, level, None, device, threads)
    evaluation = Evaluation(file, coding, part if split else None, size, float_weights, coded)
    facts = evaluate(evaluation, Console().progress)
    _print(evaluate_text.evaluation_lines(facts), facts if as_json else None)


def _print(lines: object, facts: object | None) -> None:
    if facts is not None:
        click.echo(json.dumps(facts, indent=2))
        return
    assert hasattr(lines, "__iter__")
    for line in lines:
        show_text(str(line))

"""Define ``nncompress train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nncompress.errors import FileError
from nncompress.machine.device import require_torch
from nncompress.network.presets import PRESETS
from nncompress.training.config import TrainConfig


def parse_shares(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    """Read ``NAME=NUMBER`` options; a click callback.

    Returns:
        The numbers by name, each above 0.

    Raises:
        click.BadParameter: a value is something else.
    """
    shares = {}
    for value in values:
        name, separator, number = value.partition("=")
        try:
            shares[name] = float(number)
        except ValueError:
            separator = ""
        if not (name and separator and 0 < shares[name] < float("inf")):
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER with a number above 0")
    return shares


@click.command()
@click.argument("corpora", metavar="CORPUS...", nargs=-1, required=True)
@click.option("--out", required=True, help="Folder for the run: checkpoints, weights, log.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="default",
    show_default=True,
    help="Shape of a new network.",
)
@click.option(
    "--init",
    metavar="FILE",
    help="Start from the float weights in a .safetensors file, or from a model file (.nncmodel).",
)
@click.option(
    "--teacher",
    "teachers",
    metavar="FILE",
    multiple=True,
    help="Learn also from what this trained network predicts; repeat for the mean of several.",
)
@click.option(
    "--teacher-share",
    type=float,
    default=TrainConfig.teacher_share,
    show_default=True,
    help="Share of each target that is the teachers' word.",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
@click.option(
    "--weight",
    "shares",
    metavar="NAME=NUMBER",
    multiple=True,
    callback=parse_shares,
    help="Share of a category; repeat for each. Default: by size on disk.",
)
@click.option("--steps", type=int, default=TrainConfig.steps, help="Train for this many steps.")
@click.option("--hours", type=float, default=TrainConfig.hours, help="Train for this long.")
@click.option(
    "--lanes", type=int, default=TrainConfig.lanes, show_default=True, help="Lanes a step."
)
@click.option(
    "--segment",
    type=int,
    default=TrainConfig.segment,
    show_default=True,
    help="Bytes of a lane a step.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["adamw", "muon", "lamb"]),
    default=TrainConfig.optimizer,
    show_default=True,
)
@click.option(
    "--rate", type=float, default=TrainConfig.rate, show_default=True, help="Peak learning rate."
)
@click.option(
    "--warmup", type=int, default=TrainConfig.warmup, show_default=True, help="Steps of warm-up."
)
@click.option("--decay", default=TrainConfig.decay, show_default=True, help="cosine or linear.")
@click.option(
    "--decay-from",
    type=float,
    default=TrainConfig.decay_from,
    show_default=True,
    help="Share of the training after which the rate falls; constant until then.",
)
@click.option(
    "--clip", type=float, default=TrainConfig.clip, show_default=True, help="Largest gradient norm."
)
@click.option(
    "--weight-decay",
    type=float,
    default=TrainConfig.weight_decay,
    show_default=True,
    help="For matrices.",
)
@click.option(
    "--precision", default=TrainConfig.precision, show_default=True, help="bfloat16 or float32."
)
@click.option(
    "--compile", is_flag=True, help="On CUDA: a third faster after half a minute; takes Triton."
)
@click.option(
    "--quantize-from",
    type=float,
    default=TrainConfig.quantize_from,
    show_default=True,
    help="Share of the training after which it rounds like the integer network.",
)
@click.option(
    "--seed", type=int, default=TrainConfig.seed, show_default=True, help="Seed of the sampling."
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=int, default=0, help="CPU threads; default: PyTorch's choice.")
@click.option(
    "--checkpoint-minutes",
    type=float,
    default=TrainConfig.checkpoint_minutes,
    show_default=True,
    help="Between checkpoints.",
)
@click.option(
    "--validate-minutes",
    type=float,
    default=TrainConfig.validate_minutes,
    show_default=True,
    help="Between validations.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress lines.")
def command(
    corpora: tuple[str, ...],
    out: str,
    preset: str,
    init: str | None,
    teachers: tuple[str, ...],
    resume: bool,
    shares: dict[str, float],
    device: str,
    threads: int,
    quiet: bool,
    **settings: Any,
) -> int:
    """Train a SHA-RNN on files, folders, or .xz shards: documents separated by NUL, or tars.

    The weights are OUT/model.safetensors; 'nncompress quantize' makes a model of them. Under
    torchrun every process trains on text of its own.
    """
    require_torch("train")
    from nncompress.training.run import Setup, train

    config = TrainConfig(**settings)
    setup = Setup(
        corpora=tuple(Path(corpus) for corpus in corpora),
        folder=Path(out),
        preset=preset,
        init=Path(init) if init else None,
        resume=resume,
        teachers=tuple(Path(teacher) for teacher in teachers),
        shares=shares,
        device=device,
        threads=threads,
    )
    try:
        train(setup, config, (lambda entry: None) if quiet else _report)
    except OSError as error:
        raise FileError(f"{error.filename or out}: {error.strerror or error}") from None
    return 0


def _report(entry: dict[str, Any]) -> None:
    from nncompress.training.progress import line

    click.echo(line(entry), err=True)

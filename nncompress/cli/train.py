"""Define ``nncompress train``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nncompress.archive.codec import Progress
from nncompress.errors import FileError
from nncompress.files.output import write_file
from nncompress.machine.device import require_torch
from nncompress.network.presets import PRESETS, chosen_shape
from nncompress.training.config import FINE_TUNING, MINUTES, ON_CPU, SETTING_WORDS, TrainConfig

from . import options
from .console import OK, WARNING, Console
from .escape import say, show_text
from .signals import first_interrupt_stops


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


class Teller:
    """Tells on standard error what happens in long work."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(quiet=quiet)

    def say(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self._console.quiet:
            say(text)

    def entry(self, entry: dict[str, Any]) -> None:
        """Print an entry of the log of training."""
        from nncompress.training.progress import line

        self.say(line(entry))

    def progress(self, label: str, size: int) -> AbstractContextManager[Progress]:
        """Show a progress bar, on a terminal only."""
        return self._console.progress(label, size)


held_out_share = click.option(
    "--hold-out",
    metavar="SHARE",
    type=float,
    help="Share of the corpus that is not trained on: the end of each file where they are few, "
    "else whole documents. Default: 0.1 of files, 0.02 of documents.",
)
categories = click.option(
    "--weight",
    "shares",
    metavar="NAME=NUMBER",
    multiple=True,
    callback=parse_shares,
    help="Share of a category; repeat for each. Default: by size on disk.",
)


work_threads = click.option(
    "-T",
    "--threads",
    metavar="N",
    type=click.IntRange(0, 1024),
    default=0,
    help="CPU threads; 0, the default: as many as are quick.",
)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def setting(name: str, words: str, **more: Any) -> Decorator:
    """Make the option of a field of :class:`TrainConfig`."""
    default = getattr(TrainConfig, name)
    option = f"--{name.replace('_', '-')}"
    kind = click.Choice(SETTING_WORDS[name]) if name in SETTING_WORDS else type(default)
    return click.option(option, type=kind, default=default, help=words, **more)


def shown(name: str, words: str) -> Decorator:
    """Make the option of a field whose default is worth showing."""
    return setting(name, words, show_default=True)


@click.command()
@click.argument("corpora", metavar="CORPUS...", nargs=-1)
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    required=True,
    help="What to make: a model file (.nncmodel), or a folder with float weights only.",
)
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    help="Start from an installed model, a model file, or float weights (.safetensors).",
)
@click.option("--resume", is_flag=True, help="Go on with the run of OUT.")
@options.force
@click.option("--valid", metavar="FILE", multiple=True, help="Hold out this, none of CORPUS.")
@held_out_share
@categories
@setting("minutes", f"Train for this long.  [default: {MINUTES:g}]")
@setting("steps", "Train for this many steps instead.")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the run's curve of bits per byte (.csv; .png and .svg with matplotlib).",
)
@click.option("--preset", type=click.Choice(list(PRESETS)), help="Shape of a new network.")
@click.option("--width", type=int, help="Width of a new network, in place of its preset's.")
@click.option("--layers", type=int, help="Its number of blocks.")
@click.option("--heads", type=int, help="Its heads of attention; a model file takes one.")
@click.option("--window", type=int, help="Positions that its attention reads.")
@click.option(
    "--teacher",
    "teachers",
    metavar="MODEL",
    multiple=True,
    help="Learn also from what this trained network predicts; repeat for the mean of several.",
)
@shown("teacher_share", "Share of each target that is the teachers' word.")
@shown("lanes", "Lanes a step.")
@shown("segment", "Bytes of a lane a step.")
@shown("optimizer", "How weights are changed.")
@setting(
    "rate",
    f"Peak learning rate.  [default: {TrainConfig.rate:g}; with --from {FINE_TUNING['rate']:g}]",
)
@shown("warmup", "Steps of warm-up.")
@shown("decay", "How the rate falls.")
@shown("decay_from", "Share of the training after which the rate falls; constant until then.")
@shown("clip", "Largest gradient norm.")
@shown("weight_decay", "For matrices.")
@setting(
    "precision",
    f"Of products in training.  [default: {TrainConfig.precision}; on a CPU {ON_CPU['precision']}]",
)
@click.option(
    "--compile", is_flag=True, help="On CUDA: a third faster after half a minute; takes Triton."
)
@shown("quantize_from", "Share of the training after which it rounds like the integer network.")
@shown("seed", "Seed of the sampling.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@work_threads
@shown("checkpoint_minutes", "Between checkpoints.")
@shown("validate_minutes", "Between validations, at most.")
@click.option("-q", "--quiet", is_flag=True, help="No progress lines.")
@click.pass_context
def command(
    context: click.Context,
    /,
    corpora: tuple[str, ...],
    out: str,
    start: str | None,
    resume: bool,
    force: bool,
    valid: tuple[str, ...],
    hold_out: float | None,
    shares: dict[str, float],
    plot: Path | None,
    preset: str | None,
    width: int | None,
    layers: int | None,
    heads: int | None,
    window: int | None,
    teachers: tuple[str, ...],
    device: str,
    threads: int,
    quiet: bool,
    **settings: Any,
) -> int:
    """Train a model on your own files: a better one for what you compress.

    CORPUS is a file, a folder, or an .xz shard: documents separated by NUL, or a tar. A part is
    held out; it chooses the best weights, and tells what the new model gains.

    With a model file as OUT, 'nncompress train --from default LOGS --out logs.nncmodel' does all:
    trains, makes the model and its card, verifies it, and measures. Then 'nncompress -m
    ./logs.nncmodel FILE' uses it, and 'nncompress models import' installs it. With a folder as OUT
    it only trains; under torchrun every process trains on text of its own.
    """
    if not corpora and not resume:
        raise click.UsageError("Missing argument 'CORPUS...'.")
    require_torch("train")
    from nncompress.training.loop import LOG_FILE
    from nncompress.training.own_model import Order, folder_of, make_model, makes_model
    from nncompress.training.run import Setup, train

    if plot is not None:
        from nncompress.reports.curve import require_curve, training_curve

        require_curve(plot)
    setup = Setup(
        folder=folder_of(Path(out)),
        corpora=tuple(map(Path, corpora)),
        start=start,
        shape=chosen_shape(preset, width, layers, heads, window),
        resume=resume,
        replace=force,
        teachers=teachers,
        shares=shares,
        valid=tuple(map(Path, valid)),
        hold_out=hold_out,
        device=device,
        threads=threads,
    )
    teller = Teller(quiet=quiet)
    given = {name: value for name, value in settings.items() if _is_given(context, name)}
    try:
        if makes_model(Path(out)):
            words = f"nncompress train {shlex.join(sys.argv[2:])}"
            order = Order(Path(out), setup, given, words, force)
            gain, complete = make_model(order, teller, first_interrupt_stops)
            for text in gain.lines():
                show_text(text)
        else:
            with first_interrupt_stops() as stop:
                complete = train(setup, given, teller, stop).complete
    except OSError as error:
        raise FileError(f"{error.filename or out}: {error.strerror or error}") from None
    if plot is not None:
        write_file(plot, training_curve(setup.folder / LOG_FILE, plot.suffix[1:].lower()))
    if complete:
        return OK
    teller.say(f"nncompress: stopped before its end; --resume goes on from {setup.folder}")
    return WARNING


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not ParameterSource.DEFAULT

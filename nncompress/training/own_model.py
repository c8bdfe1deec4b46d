"""Make a model of one's own text: the work of ``nncompress train --out NAME.nncmodel``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nncompress.errors import ConfigError
from nncompress.exact.engine import Network
from nncompress.exact.modelfile import MODEL_SUFFIX, Model, load_model
from nncompress.files.output import write_file
from nncompress.quantize.to_floats import find_network, is_model

from .card import make_card
from .config import TrainConfig
from .corpus import CorpusError
from .gain import Gain, check_round_trip, measure_gain
from .holdout import measuring_part
from .loop import BEST_FILE, Trainer
from .processes import in_several
from .progress import Watcher, announce_run, clock
from .release import MIXER_ROUNDS, MIXER_SAMPLE, Release, check_shape, release
from .run import Setup, train

MEASURED = TrainConfig.validate
"""Bytes of held-out text as :func:`~.holdout.measuring_part` counts them."""

ROUND_TRIP = 1 << 16
"""Bytes of held-out text that a new model must give back before it gets its name."""

WORK = 1e11
"""Parameters times bytes that a CPU codes in a second, for a first guess at the time it takes."""

RUN_SUFFIX = ".run"
"""Of the run's folder, beside the model file."""

MADE_FILE = "made.nncmodel"
"""The model in the run's folder, until it is verified."""


@dataclass(frozen=True)
class Order:
    """What to make.

    Attributes:
        out: the model file; its card gets the same name, with ``.md``.
        setup: the training run.
        given: settings of the training, by the names that :class:`~.config.TrainConfig` has.
        command: what the user typed, for the card.
        replace: whether a file that exists may be replaced.
        mixer_sample: see :class:`~.release.Release`.
    """

    out: Path
    setup: Setup
    given: Mapping[str, Any]
    command: str
    replace: bool = False
    mixer_sample: int = MIXER_SAMPLE


Interrupts = Callable[[], AbstractContextManager[Callable[[], bool]]]
"""Makes a context that yields what says, within it, whether the user wants the training to end."""


def make_model(
    order: Order, watcher: Watcher, interrupts: Interrupts = lambda: nullcontext(lambda: False)
) -> tuple[Gain, bool]:
    """Train on a part of the text, make a model file and its card, and measure on the other part.

    Args:
        order: what to make.
        watcher: is told what happens.
        interrupts: used while the network is trained; where the training is to end before its time
            the model is made of the best weights so far.

    Returns:
        What the model gains on held-out text, and whether the training was complete.

    Raises:
        NNCompressError: a setting or a file is wrong; the model does not verify.
        OSError: a file cannot be read.
    """
    _check(order)
    with interrupts() as stop:
        trainer = train(order.setup, order.given, watcher, stop, _announce)
    if not trainer.complete:
        watcher.say("stopped: the model is made of the best weights so far")
    made = order.setup.folder / MADE_FILE
    release(_release(order, trainer, made), watcher)
    texts = measuring_part(trainer.split, trainer.sampler.shares, MEASURED)
    model = _verify(made, texts, order.setup.threads, watcher)
    write_file(order.out, made.read_bytes(), force=order.replace)
    made.unlink()
    watcher.say(f"{order.out}: verified; now it is measured")
    gain = measure_gain(texts, _base(trainer), order.out, order.setup.threads, watcher)
    card = make_card(order.out, model, gain, order.command)
    write_file(order.out.with_suffix(".md"), card.encode(), force=order.replace)
    return gain, trainer.complete


def makes_model(out: Path) -> bool:
    """Say whether a result is a model file by its name; else it is a folder with float weights."""
    return out.suffix == MODEL_SUFFIX


def folder_of(out: Path) -> Path:
    """Return the folder of the run whose result has a name: beside a model file, or the result."""
    return out.with_suffix(RUN_SUFFIX) if makes_model(out) else out


def _check(order: Order) -> None:
    """Refuse before the training what would fail after it."""
    if in_several():
        raise ConfigError("several processes train into a folder: give one as --out")
    if order.setup.start is None and not order.setup.resume:
        check_shape(order.setup.new_shape)
    for path in (order.out, order.out.with_suffix(".md")):
        if path.exists() and not order.replace:
            raise ConfigError(f"{path}: exists already; use -f to overwrite")


def _announce(trainer: Trainer, watcher: Watcher) -> None:
    """Say what is going to happen, unless the gain could not be measured at its end."""
    texts = measuring_part(trainer.split, trainer.sampler.shares, MEASURED)
    if not texts or not trainer.held_out:
        raise CorpusError("nothing of the corpus is held out: give it more text, or --valid")
    samples = MIXER_ROUNDS * MIXER_SAMPLE * len(trainer.sampler.shares)
    work = (samples + 3 * sum(map(len, texts.values()))) * trainer.model.config.parameter_count()
    announce_run(
        trainer, watcher, f", then about {clock(work / WORK)} to make the model and measure it"
    )


def _release(order: Order, trainer: Trainer, made: Path) -> Release:
    return Release(
        trainer.folder / BEST_FILE,
        trainer.split,
        made,
        trainer.sampler.shares,
        mixer_sample=order.mixer_sample,
        base=_base_file(trainer),
        threads=order.setup.threads,
    )


def _base_file(trainer: Trainer) -> Path | None:
    start = _base(trainer)
    return None if start is None else find_network(start)


def _base(trainer: Trainer) -> str | None:
    """Return the model that the new one is compared with: the one it started from, if any."""
    start = trainer.facts.get("started_from")
    return start if start is not None and is_model(find_network(start)) else None


def _verify(path: Path, texts: Mapping[str, bytes], threads: int, watcher: Watcher) -> Model:
    """Check a model file's contents, its known answers, and an archive made with it."""
    watcher.say("verifying the model")
    model = load_model(path)
    model.check(Network(model.parameters))
    check_round_trip(b"".join(texts.values())[:ROUND_TRIP], path, threads)
    return model

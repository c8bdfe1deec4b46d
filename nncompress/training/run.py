"""Open and run a training run, as a command line asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nncompress.errors import ConfigError
from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN
from nncompress.network.presets import PRESETS
from nncompress.quantize.to_floats import find_network, load_network

from .checkpoint import read_record
from .config import FINE_TUNING, ON_CPU, TrainConfig
from .holdout import Split, split_corpora
from .loop import BEST_FILE, LOG_FILE, MODEL_FILE, RUN_FILE, Trainer
from .processes import joined, own_device
from .progress import Watcher, announce_run
from .teacher import Teacher


@dataclass(frozen=True)
class Setup:
    """Where a run reads and writes, and what it starts from.

    Attributes:
        folder: the run's own.
        corpora: files, folders or shards; none for a run that goes on, which knows them.
        start: float weights, a model file, or the name of an installed model to start from; None
            for a new network.
        shape: of a new network; None for the preset "default".
        resume: whether to go on from the folder's checkpoint.
        replace: whether a run that the folder holds may be deleted.
        teachers: networks to learn from too, named like ``start``.
        shares: of the categories, on any positive scale; empty for their sizes on disk.
        valid: files, folders or shards to hold out.
        hold_out: share of the corpora to hold out instead; None for the default.
        device: "cpu", "cuda" or "cuda:N".
        threads: of the CPU, 0 to 1024; 0 for PyTorch's choice.
    """

    folder: Path
    corpora: tuple[Path, ...] = ()
    start: str | None = None
    shape: SHARNNConfig | None = None
    resume: bool = False
    replace: bool = False
    teachers: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    valid: tuple[Path, ...] = ()
    hold_out: float | None = None
    device: str = "cpu"
    threads: int = 0

    @property
    def new_shape(self) -> SHARNNConfig:
        """Return the shape of a new network."""
        return self.shape or PRESETS["default"]


def train(
    setup: Setup,
    given: Mapping[str, Any],
    watcher: Watcher,
    stop: Callable[[], bool] = lambda: False,
    began: Callable[[Trainer, Watcher], None] = announce_run,
) -> Trainer:
    """Train to the end of the schedule, in every process that torchrun started.

    Args:
        setup: where the run reads and writes.
        given: settings of :class:`TrainConfig` by name; a run that goes on keeps all others.
        watcher: is told what happens.
        stop: asked after every step; True ends the training there.
        began: called before the first step; says what is going to happen.

    Returns:
        The trainer, whose files are written.

    Raises:
        NNCompressError: a setting, a corpus, a network or the checkpoint is wrong, or a file cannot
            be written.
        OSError: a file cannot be read.
    """
    with open_run(setup, given) as trainer:
        began(trainer, watcher)
        if not trainer.step and setup.start is not None:
            trainer.validate(watcher.entry)
        trainer.train(watcher.entry, stop)
        return trainer


@contextmanager
def open_run(setup: Setup, given: Mapping[str, Any]) -> Iterator[Trainer]:
    """Make the trainer of a run, new or from its checkpoint; see :func:`train`."""
    if not 0 <= setup.threads <= 1024:
        raise ConfigError(f"threads must lie between 0 and 1024, not {setup.threads}")
    if setup.threads:
        torch.set_num_threads(setup.threads)
    if setup.shape is not None and (setup.resume or setup.start is not None):
        raise ConfigError("a network that is there has its shape: give none")
    device = own_device(setup.device)
    opened = _resumed if setup.resume else _new
    with opened(setup, given, device) as trainer:
        yield trainer


@contextmanager
def _new(setup: Setup, given: Mapping[str, Any], device: torch.device) -> Iterator[Trainer]:
    usual: dict[str, Any] = dict(ON_CPU) if device.type == "cpu" else {}
    usual |= FINE_TUNING if setup.start is not None else {}
    config = TrainConfig.of(usual | dict(given))
    model = starting_network(setup)
    split = split_corpora(setup.corpora, setup.hold_out, setup.valid)
    teacher = _load_teacher(setup.teachers, device)
    start = setup.start and _from_anywhere(setup.start)
    facts = {"started_from": start, "teachers": [_from_anywhere(t) for t in setup.teachers]}
    _make_folder(setup)
    with joined(device):
        yield Trainer(model, config, split, setup.shares, setup.folder, device, teacher, facts)


@contextmanager
def _resumed(setup: Setup, given: Mapping[str, Any], device: torch.device) -> Iterator[Trainer]:
    path = setup.folder / RUN_FILE
    if not path.exists():
        raise ConfigError(f"{setup.folder}: no checkpoint to resume from")
    record = read_record(path)
    try:
        before = TrainConfig(**record["training"])
        shape = SHARNNConfig.from_json(record["network"])
        facts, shares = dict(record["facts"]), dict(record["data"]["shares"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: its record is damaged or of another version: {error}") from None
    split = Split.from_json(record["split"])
    if setup.corpora:
        split = split.moved_to(setup.corpora)
    teacher = _load_teacher(setup.teachers or tuple(facts.get("teachers", ())), device)
    config = TrainConfig.of(given, before)
    with joined(device):
        shares, model = dict(setup.shares) or shares, SHARNN(shape)
        trainer = Trainer(model, config, split, shares, setup.folder, device, teacher, facts)
        trainer.resume()
        yield trainer


def _from_anywhere(name: str) -> str:
    """Return a network's name so that it is found from any folder."""
    path = find_network(name)
    return str(path.absolute()) if Path(name) == path else name


def _load_teacher(names: tuple[str, ...], device: torch.device) -> Teacher | None:
    return Teacher.load([find_network(name) for name in names], device) if names else None


def starting_network(setup: Setup) -> SHARNN:
    """Make the network that a run starts from.

    Raises:
        ModelError: the file to start from is damaged, or holds no network.
        OSError: it cannot be read.
    """
    if setup.start is not None:
        return load_network(find_network(setup.start))
    torch.manual_seed(0)
    return SHARNN(setup.new_shape)


def _make_folder(setup: Setup) -> None:
    folder = setup.folder
    if (folder / RUN_FILE).exists() or (folder / LOG_FILE).exists():
        if not setup.replace:
            raise ConfigError(f"{folder}: holds a run; --resume goes on with it, -f starts anew")
        for path in (
            *(folder / name for name in (MODEL_FILE, BEST_FILE, LOG_FILE)),
            *folder.glob("run*.safetensors"),
        ):
            path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)

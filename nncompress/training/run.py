"""Run training from beginning to end, as a command line asks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist

from nncompress.errors import ConfigError
from nncompress.machine.device import torch_device
from nncompress.network.model import SHARNN
from nncompress.network.presets import PRESETS
from nncompress.quantize.to_floats import load_network

from .config import TrainConfig
from .corpus import find_sources
from .loop import RUN_FILE, Report, Trainer
from .teacher import Teacher


@dataclass(frozen=True)
class Setup:
    """Where a run reads and writes, and what it starts from.

    Attributes:
        corpora: files, folders or shards.
        folder: the run's own.
        preset: name of a new network's shape, unless ``init`` is given.
        init: float weights or a model file to start from, or None.
        resume: whether to go on from the folder's checkpoint.
        teachers: float weights or model files to learn from too.
        shares: of the categories, on any positive scale; empty for their sizes on disk.
        device: "cpu", "cuda" or "cuda:N".
        threads: of the CPU, 0 to 1024; 0 for PyTorch's choice.
    """

    corpora: tuple[Path, ...]
    folder: Path
    preset: str = "default"
    init: Path | None = None
    resume: bool = False
    teachers: tuple[Path, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 0


def train(setup: Setup, config: TrainConfig, report: Report) -> None:
    """Train to the end of the schedule, in every process that torchrun started.

    Args:
        setup: where the run reads and writes.
        config: how to train.
        report: gets every entry of the log.

    Raises:
        NNCompressError: a setting, a corpus, a network or the checkpoint is wrong, or a file cannot
            be written.
        OSError: a file cannot be read.
    """
    if not 0 <= setup.threads <= 1024:
        raise ConfigError(f"threads must lie between 0 and 1024, not {setup.threads}")
    if setup.threads:
        torch.set_num_threads(setup.threads)
    device = _own_device(setup.device)
    model = starting_network(setup)
    teacher = Teacher.load(setup.teachers, device) if setup.teachers else None
    sources = find_sources(setup.corpora)
    _check_folder(setup)
    setup.folder.mkdir(parents=True, exist_ok=True)
    with _processes(device):
        trainer = Trainer(model, config, sources, setup.shares, setup.folder, device, teacher)
        if setup.resume:
            trainer.resume()
        trainer.train(report)


def starting_network(setup: Setup) -> SHARNN:
    """Make the network that a run starts from.

    Raises:
        ConfigError: there is no such preset.
        ModelError: the file to start from is damaged, or holds no network.
        OSError: it cannot be read.
    """
    if setup.init is not None:
        return load_network(setup.init)
    if setup.preset not in PRESETS:
        raise ConfigError(f"no preset {setup.preset!r}; there are {', '.join(PRESETS)}")
    torch.manual_seed(0)
    return SHARNN(PRESETS[setup.preset])


def _check_folder(setup: Setup) -> None:
    present = (setup.folder / RUN_FILE).exists()
    if setup.resume and not present:
        raise ConfigError(f"{setup.folder}: no checkpoint to resume from")
    if present and not setup.resume:
        raise ConfigError(f"{setup.folder}: holds a run; give --resume, or another folder")


def _own_device(name: str) -> torch.device:
    """Return the device to train on; under torchrun, each process on a machine has its own GPU."""
    device = torch_device(name)
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


@contextmanager
def _processes(device: torch.device) -> Iterator[None]:
    """Join the other processes, where torchrun started several."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()

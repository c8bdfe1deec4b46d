"""A training run from beginning to end: what a command line says, made into a trainer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist

from nncompress.errors import ConfigError, DeviceError
from nncompress.exact.config import PRESETS
from nncompress.network.model import SHARNN
from nncompress.quantize.to_floats import load_network

from .config import TrainConfig
from .data import find_sources
from .loop import RUN, Report, Trainer
from .teacher import Teacher


@dataclass(frozen=True)
class Setup:
    """Where a run reads and writes, and what it starts from.

    corpora: files, folders or shards. folder: the run's own. preset: name of a new network's shape,
    unless ``init`` names float weights or a model file. resume: go on from the folder's checkpoint.
    teachers: float weights or model files to learn from too. weights: of the categories. device:
    ``cpu``, ``cuda`` or ``cuda:N``. threads: of the CPU; 0 for PyTorch's choice.
    """

    corpora: tuple[Path, ...]
    folder: Path
    preset: str = "default"
    init: Path | None = None
    resume: bool = False
    teachers: tuple[Path, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 0


def run(setup: Setup, config: TrainConfig, report: Report) -> None:
    """Train to the end of the schedule, in every process that torchrun started."""
    if not 0 <= setup.threads <= 1024:
        raise ConfigError(f"threads must lie between 0 and 1024, not {setup.threads}")
    if setup.threads:
        torch.set_num_threads(setup.threads)
    device = _device(setup.device)
    model = starting_network(setup)
    teacher = Teacher.load(setup.teachers, device) if setup.teachers else None
    sources = find_sources(setup.corpora)
    _check_folder(setup)
    setup.folder.mkdir(parents=True, exist_ok=True)
    with _processes(device):
        trainer = Trainer(model, config, sources, setup.weights, setup.folder, device, teacher)
        if setup.resume:
            trainer.resume()
        trainer.train(report)


def starting_network(setup: Setup) -> SHARNN:
    """Make the network a run starts from; ``ConfigError`` for a preset that does not exist."""
    if setup.init is not None:
        return load_network(setup.init)
    if setup.preset not in PRESETS:
        raise ConfigError(f"no preset {setup.preset!r}; there are {', '.join(PRESETS)}")
    torch.manual_seed(0)
    return SHARNN(PRESETS[setup.preset])


def _check_folder(setup: Setup) -> None:
    present = (setup.folder / RUN).exists()
    if setup.resume and not present:
        raise ConfigError(f"{setup.folder}: no checkpoint to resume from")
    if present and not setup.resume:
        raise ConfigError(f"{setup.folder}: holds a run; give --resume, or another folder")


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"no device is called {name!r}; use cpu or cuda") from None
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"cannot train on {name!r}; use cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device is available; use --device cpu")
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

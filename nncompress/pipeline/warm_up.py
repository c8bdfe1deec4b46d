"""Compile beforehand all that commands would compile at their first use, and keep it.

Each kernel is used once as commands use it, on a few bytes, so that nothing is left out. Those that
``explain`` alone needs are compiled meanwhile in another process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nncompress.archive.codec import no_progress
from nncompress.coding.block import BlockCoder
from nncompress.coding.opening import model_file
from nncompress.coding.options import CodingOptions
from nncompress.coding.recording import RecordingCoder
from nncompress.errors import FileError
from nncompress.exact.modelfile import Model, load_model
from nncompress.machine.child import start_child
from nncompress.machine.jit import make_folder
from nncompress.machine.kernel_cache import FAULTS
from nncompress.transforms.filters import PARAMETERS, Transform, apply_transform, undo_transform
from nncompress.transforms.repeat_kernels import spread_index
from nncompress.transforms.repeats import RepeatFinder

_METHODS = ("network", "network+mixing", "mixing")
_SAMPLE = b"one byte, and another byte. " * 4


@dataclass(frozen=True)
class Warmth:
    """What :func:`warm_up` found and made.

    Attributes:
        folder: where the machine code is kept.
        files: how many files that folder holds.
        size: their bytes.
        added: how many of them are new.
        seconds: how long it took.
    """

    folder: Path
    files: int
    size: int
    added: int
    seconds: float


def warm_up() -> Warmth:
    """Compile the kernels that are not kept yet.

    Raises:
        FileError: no folder can keep them.
        ModelError: the default model is missing or damaged.
    """
    began = time.perf_counter()
    folder, fault = make_folder()
    if folder is None:
        raise FileError(f"compiled kernels cannot be kept: {fault}")
    before = {path for path, _ in _files(folder)}
    other = None if before else start_child(f"{__name__}:{use_steps.__name__}")
    try:
        _use_transforms()
        model = load_model(model_file(CodingOptions()))
        for method in _METHODS:
            _use_method(model, method)
    finally:
        if other is not None:
            other.wait()
    use_steps()
    after = dict(_files(folder))
    added = len(after.keys() - before)
    if FAULTS:
        raise FileError(f"compiled kernels cannot be kept: {FAULTS[0]}", str(folder))
    seconds = time.perf_counter() - began
    return Warmth(folder, len(after), sum(after.values()), added, seconds)


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """List the files with machine code, and their sizes."""
    for path in folder.rglob("*.nbc"):
        yield path, path.stat().st_size


def _use_transforms() -> None:
    """Find repeats, let their index grow, and apply and undo all filters."""
    RepeatFinder(1 << 20, 64, 64).feed(_SAMPLE)
    spread_index(np.zeros(8, np.uint64), np.zeros(16, np.uint64), 1)
    for kind, labels in PARAMETERS.items():
        for parameter in range(len(labels)):
            transform = Transform(kind, parameter)
            undo_transform(transform, apply_transform(transform, _SAMPLE), len(_SAMPLE))


def _use_method(model: Model, method: str) -> None:
    """Code bytes and decode them again."""
    coder = BlockCoder(model, method=method, threads=1)
    number, payload = coder.encode(_SAMPLE)
    coder.decode(number, payload, len(_SAMPLE))


def use_steps() -> None:
    """Take notes while coding, as ``explain`` does, plane by plane, as training mixes too."""
    RecordingCoder(BlockCoder(method="mixing", threads=1)).record(_SAMPLE, no_progress)

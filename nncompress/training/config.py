"""Describe how a network is trained, in one frozen, validated object.

It is imported for the command line's help, and so imports neither PyTorch nor numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nncompress.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    Attributes:
        lanes: texts that are read side by side; a step trains on ``lanes`` x ``segment`` bytes in
            each process. 1 to 2**16.
        segment: bytes of a lane a step; gradients reach back one segment. 2 to 2**16.
        reset: segments after which all lanes start anew from the cold state, as a coder's lanes do;
            0 for never.
        optimizer: "adamw", "muon" or "lamb".
        rate: peak learning rate, 1e-9 to 10.
        warmup: steps of linear rise to it.
        decay: "cosine" or "linear", from the peak to ``rate * final``.
        decay_from: share of the training after which the rate falls, 0 to 1; it is constant until
            then (Hägele et al. 2024, https://arxiv.org/abs/2405.18392).
        final: share of the peak rate that is left at the end, 0 to 1.
        steps: how long to train; exactly one of ``steps`` and ``hours`` is set, the other is 0.
            Only a run by ``steps`` can be repeated exactly.
        hours: how long to train, over all resumptions; lets the decay end in time on a machine of
            unknown speed.
        clip: largest norm of the gradient, 1e-6 to 1e6.
        weight_decay: for matrices alone, 0 to 1.
        teacher_share: how much of each target is what a teacher says, where there is one, 0 to 1;
            the rest is the byte itself.
        precision: "bfloat16" (autocast) or "float32".
        compile: whether torch.compile is to fuse small operations, on CUDA.
        seed: of the sampling and of dropout, 0 to 2**63 - 1.
        held_out: documents in a thousand that are kept for validation, 0 to 500.
        validate: bytes of them to measure on.
        checkpoint_minutes: time between checkpoints.
        validate_minutes: time between validations.
        quantize_from: share of the training after which weights and activations are rounded as the
            integer network will round them (quantisation-aware fine-tuning), 0 to 1; 1 for never.

    Raises:
        ConfigError: a value cannot work.
    """

    lanes: int = 64
    segment: int = 128
    reset: int = 128
    optimizer: str = "adamw"
    rate: float = 1e-3
    warmup: int = 100
    decay: str = "cosine"
    decay_from: float = 0.0
    final: float = 0.0
    steps: int = 0
    hours: float = 0.0
    clip: float = 0.5
    weight_decay: float = 0.01
    teacher_share: float = 0.5
    precision: str = "bfloat16"
    compile: bool = False
    seed: int = 0
    held_out: int = 20
    validate: int = 96 << 10
    checkpoint_minutes: float = 5.0
    validate_minutes: float = 10.0
    quantize_from: float = 1.0

    def __post_init__(self) -> None:
        if (self.steps > 0) == (self.hours > 0):
            raise ConfigError("give either steps or hours, above 0, to say how long to train")
        limits: dict[str, tuple[float, float]] = {
            "lanes": (1, 1 << 16),
            "segment": (2, 1 << 16),
            "reset": (0, 1 << 30),
            "rate": (1e-9, 10),
            "warmup": (0, 1 << 30),
            "decay_from": (0, 1),
            "final": (0, 1),
            "steps": (0, 1 << 40),
            "hours": (0, 1e5),
            "clip": (1e-6, 1e6),
            "weight_decay": (0, 1),
            "teacher_share": (0, 1),
            "seed": (0, (1 << 63) - 1),
            "held_out": (0, 500),
            "validate": (0, 1 << 30),
            "checkpoint_minutes": (0, 1e5),
            "validate_minutes": (0, 1e5),
            "quantize_from": (0, 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and low <= value <= high):
                raise ConfigError(f"{name} must lie between {low:g} and {high:g}, not {value!r}")
        _check_choice("optimizer", self.optimizer, ("adamw", "muon", "lamb"))
        _check_choice("decay", self.decay, ("cosine", "linear"))
        _check_choice("precision", self.precision, ("bfloat16", "float32"))

    def progress(self, step: int, seconds: float) -> float:
        """Return the share of the training that is done, 0 to 1.

        Args:
            step: steps done.
            seconds: time spent on them.
        """
        done = step / self.steps if self.steps else seconds / (3600 * self.hours)
        return min(1.0, done)

    def rate_at(self, step: int, seconds: float) -> float:
        """Return the learning rate for step ``step``, from 0, after so many seconds of training."""
        past = self.progress(step, seconds) - self.decay_from
        done = past / (1 - self.decay_from) if past > 0 else 0.0
        left = (1 + math.cos(math.pi * done)) / 2 if self.decay == "cosine" else 1 - done
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.rate * warm * (self.final + (1 - self.final) * left)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} must be {' or '.join(choices)}, not {value!r}")

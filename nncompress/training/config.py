"""How a network is trained: one frozen, validated description."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nncompress.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run; :class:`~nncompress.errors.ConfigError` where one cannot work.

    lanes, segment: a step trains on ``lanes`` x ``segment`` bytes in each process; gradients reach
        back one segment.
    reset: segments after which all lanes start anew from the cold state, as a coder's lanes do; 0
        for never.
    optimizer: ``adamw``, ``muon`` or ``lamb``. rate: peak learning rate. warmup: steps of linear
        rise to it.
    decay: ``cosine`` or ``linear``, from the peak to ``rate * final``. decay_from: share of the training
        after which the rate falls, constant until then (Hägele et al. 2024, https://arxiv.org/abs/2405.18392).
    steps, hours: how long to train; exactly one of them is set. ``hours`` counts the time spent
        training, over all resumptions, and lets the decay end in time on a machine of unknown
        speed; only a run by ``steps`` can be repeated exactly.
    clip: largest norm of the gradient. weight_decay: for matrices alone.
    teacher_share: how much of each target is what a teacher says, where there is one; the rest is the byte itself.
    precision: ``bfloat16`` (autocast) or ``float32``. compile: on CUDA, let torch.compile fuse small operations.
    held_out: documents in a thousand that are kept for validation. validate: bytes of them to
        measure on.
    checkpoint_minutes, validate_minutes: time between checkpoints, and between validations.
    quantize_from: share of the training after which weights and activations are rounded as the
        integer network will round them (quantisation-aware fine-tuning); 1 for never.
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
        """Share of the training that is done, 0 to 1."""
        done = step / self.steps if self.steps else seconds / (3600 * self.hours)
        return min(1.0, done)

    def rate_at(self, step: int, seconds: float) -> float:
        """Return the learning rate for step ``step``, from 0, after ``seconds`` of training."""
        past = self.progress(step, seconds) - self.decay_from
        done = past / (1 - self.decay_from) if past > 0 else 0.0
        left = (1 + math.cos(math.pi * done)) / 2 if self.decay == "cosine" else 1 - done
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.rate * warm * (self.final + (1 - self.final) * left)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} must be {' or '.join(choices)}, not {value!r}")

"""Describe how a network is trained, in one frozen, validated object.

It is imported for the command line's help, and so imports neither PyTorch nor numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nncompress.errors import ConfigError

MINUTES = 10.0
"""How long a run trains that does not say it."""

SETTING_WORDS = {
    "optimizer": ("adamw", "muon", "lamb"),
    "decay": ("cosine", "linear"),
    "precision": ("bfloat16", "float32"),
}
"""The values of fields that are words."""

FINE_TUNING = {"rate": 3e-4}
"""Settings of a run that starts from trained weights, where others are not given."""

ON_CPU = {"precision": "float32"}
"""The same of a run on a CPU: few have instructions for bfloat16, and without them it is slower."""


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
        warmup: steps of linear rise to it; a run shorter than ten times as many has it in its first
            tenth.
        decay: "cosine" or "linear", from the peak to ``rate * final``.
        decay_from: share of the training after which the rate falls, 0 to 1; it is constant until
            then (Hägele et al. 2024, https://arxiv.org/abs/2405.18392).
        final: share of the peak rate that is left at the end, 0 to 1.
        steps: how long to train; exactly one of ``steps`` and ``minutes`` is set, the other is 0.
            Only a run by ``steps`` can be repeated exactly.
        minutes: how long to train, over all resumptions; lets the decay end in time on a machine
            of unknown speed.
        clip: largest norm of the gradient, 1e-6 to 1e6.
        weight_decay: for matrices alone, 0 to 1.
        teacher_share: how much of each target is what a teacher says, where there is one, 0 to 1;
            the rest is the byte itself.
        precision: "bfloat16" (autocast) or "float32".
        compile: whether torch.compile is to fuse small operations, on CUDA.
        seed: of the sampling and of dropout, 0 to 2**63 - 1.
        validate: bytes of held-out text to measure on.
        checkpoint_minutes: time between checkpoints.
        validate_minutes: time between validations, at most.
        validations: least number of them, which stand at equal distances.
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
    minutes: float = 0.0
    clip: float = 0.5
    weight_decay: float = 0.01
    teacher_share: float = 0.5
    precision: str = "bfloat16"
    compile: bool = False
    seed: int = 0
    validate: int = 96 << 10
    checkpoint_minutes: float = 5.0
    validate_minutes: float = 10.0
    validations: int = 8
    quantize_from: float = 1.0

    def __post_init__(self) -> None:
        if (self.steps > 0) == (self.minutes > 0):
            raise ConfigError("give either steps or minutes, above 0, to say how long to train")
        limits: dict[str, tuple[float, float]] = {
            "lanes": (1, 1 << 16),
            "segment": (2, 1 << 16),
            "reset": (0, 1 << 30),
            "rate": (1e-9, 10),
            "warmup": (0, 1 << 30),
            "decay_from": (0, 1),
            "final": (0, 1),
            "steps": (0, 1 << 40),
            "minutes": (0, 1e7),
            "clip": (1e-6, 1e6),
            "weight_decay": (0, 1),
            "teacher_share": (0, 1),
            "seed": (0, (1 << 63) - 1),
            "validate": (0, 1 << 30),
            "checkpoint_minutes": (0, 1e5),
            "validate_minutes": (0, 1e5),
            "validations": (1, 1 << 20),
            "quantize_from": (0, 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and low <= value <= high):
                raise ConfigError(f"{name} must lie between {low:g} and {high:g}, not {value!r}")
        for name, choices in SETTING_WORDS.items():
            if getattr(self, name) not in choices:
                known = " or ".join(choices)
                raise ConfigError(f"{name} must be {known}, not {getattr(self, name)!r}")

    @classmethod
    def of(cls, given: Mapping[str, Any], before: TrainConfig | None = None) -> TrainConfig:
        """Make the settings of a run.

        Args:
            given: fields by name. ``steps`` takes the place of ``minutes``, and the other way
                round; without either a new run has :data:`MINUTES`.
            before: of the run that goes on, where one does, for all other fields.

        Raises:
            ConfigError: a value cannot work.
        """
        values = dict(given)
        if before is None and not {"steps", "minutes"} & values.keys():
            values["minutes"] = MINUTES
        if before is not None:
            for one, other in (("steps", "minutes"), ("minutes", "steps")):
                if one in values:
                    values.setdefault(other, 0)
        return cls(**values) if before is None else replace(before, **values)

    def progress(self, step: int, seconds: float) -> float:
        """Return the share of the training that is done, 0 to 1.

        Args:
            step: steps done.
            seconds: time spent on them.
        """
        done = step / self.steps if self.steps else seconds / (60 * self.minutes)
        return min(1.0, done)

    def rate_at(self, step: int, seconds: float) -> float:
        """Return the learning rate for step ``step``, from 0, after so many seconds of training."""
        share = self.progress(step, seconds)
        past = share - self.decay_from
        done = past / (1 - self.decay_from) if past > 0 else 0.0
        left = (1 + math.cos(math.pi * done)) / 2 if self.decay == "cosine" else 1 - done
        warm = min(1.0, max((step + 1) / self.warmup, 10 * share)) if self.warmup else 1.0
        return self.rate * warm * (self.final + (1 - self.final) * left)

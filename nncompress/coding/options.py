"""State how blocks are coded: what a user can choose, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nncompress.errors import ConfigError

from .levels import LEVELS, Level

AUTO_MODEL = "auto"
"""In place of a model's name: that of the installed ones which fits a block best."""

METHODS = ("auto", "network", "network+mixing", "mixing", "stored")


@dataclass(frozen=True)
class CodingOptions:
    """How blocks are coded; what the command line, the Python interface and the reports share.

    Attributes:
        model: a model file, or the name of an installed model; None for the one of the level when
            encoding, and for those that the archive names when decoding. When encoding, "auto"
            tries the installed ones on each block.
        level: 1 (fastest) to 9 (smallest), for encoding; None for the default.
        method: one of ``METHODS``, for encoding; None is "auto".
        device: "cpu", "cuda" or "cuda:N"; "auto" is the CPU, since a GPU gains only where many
            blocks share its steps.
        threads: their number in all, 0 for one a CPU.
        memory_limit: bytes that all blocks coded at once may take; None for no limit for one block,
            and a quarter of the machine's memory for several.
        window: bytes that a repeat may reach back, for encoding; 0 to seek none, None for those of
            the level.
        embed_model: whether archives carry the model that they need.

    Raises:
        ConfigError: a value cannot be.
    """

    model: str | Path | None = None
    level: int | None = None
    method: str | None = None
    device: str = "auto"
    threads: int = 0
    memory_limit: int | None = None
    window: int | None = None
    embed_model: bool = False

    def __post_init__(self) -> None:
        if self.method is not None and self.method not in METHODS:
            raise ConfigError(f"unknown method {self.method!r}: choose one of {', '.join(METHODS)}")
        if self.level is not None and self.level not in LEVELS:
            raise ConfigError(f"level {self.level} is not between {min(LEVELS)} and {max(LEVELS)}")
        if self.window is not None and self.window < 0:
            raise ConfigError(f"the window must be at least 0, not {self.window}")
        if self.embed_model and self.model == AUTO_MODEL:
            raise ConfigError("an archive can carry one model: name it with -m in place of auto")
        if self.embed_model and self.method in ("mixing", "stored"):
            raise ConfigError(f"method {self.method!r} uses no model that the archive could carry")
        if self.threads < 0:
            raise ConfigError(f"the number of threads must be at least 0, not {self.threads}")

    @property
    def chosen_device(self) -> str:
        """The device that ``device`` stands for."""
        return "cpu" if self.device == "auto" else self.device


@dataclass(frozen=True)
class CodecSpec:
    """What another process needs to open a codec that codes every block as this one does.

    Attributes:
        level: how blocks are coded, with the window and whatever else was asked for.
        method: one of ``METHODS`` but "stored".
        models: identities of the models that blocks are tried with; none for mixing alone.
        named: the one of them that archives name in their header.
        device: "cpu", "cuda" or "cuda:N".
        threads: 0 for what the other process finds.
        memory_limit: bytes that the blocks coded at once there may take; None for no limit.
    """

    level: Level
    method: str
    models: tuple[bytes, ...] = ()
    named: bytes | None = None
    device: str = "cpu"
    threads: int = 0
    memory_limit: int | None = None

"""Say how training goes, in words for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch

from nncompress.archive.codec import Progress
from nncompress.exact.config import SHARNNConfig

from .loop import Trainer


class Watcher(Protocol):
    """Is told what happens in long work."""

    def say(self, text: str) -> None:
        """Take a line for a person."""

    def entry(self, entry: dict[str, Any]) -> None:
        """Take an entry of the log of training."""

    def progress(self, label: str, size: int) -> AbstractContextManager[Progress]:
        """Show progress over ``size`` bytes of a piece of work."""


def announce_run(trainer: Trainer, watcher: Watcher, then: str = "") -> None:
    """Say what a run trains, on what, and for how long.

    Args:
        trainer: the run, before its next step.
        watcher: is told.
        then: what comes after the training.
    """
    if trainer.rank:
        return
    config, start = trainer.config, trainer.facts.get("started_from")
    network = network_words(trainer.model.config)
    watcher.say(f"network   {network}{f', from {start}' if start else ''}")
    parts = (f"{name} {share:.0%}" for name, share in trainer.sampler.shares.items())
    watcher.say(f"corpus    {', '.join(parts)} of {size_words(trainer.split.size())}")
    kept = trainer.split.describe() if trainer.held_out else "nothing, so no weights can be best"
    watcher.say(f"held out  {kept}")
    threads = torch.get_num_threads()
    place = f"{threads} thread{'s' * (threads > 1)}" if trainer.device.type == "cpu" else "the GPU"
    left = 60 * config.minutes - trainer.seconds
    time = clock(max(0, left)) if config.minutes else f"{config.steps - trainer.step:,} steps"
    watcher.say(f"training  {time} on {place}{then}")
    watcher.say(f"run       {trainer.folder}; Ctrl-C stops and keeps the best so far")


def line(entry: dict[str, Any]) -> str:
    """Return a line for people that says what an entry of the log holds."""
    start = f"step {entry['step']:,}  {entry['bytes'] / 1e6:.2f} MB"
    if "validation" in entry:
        best = "  (the best so far)" if entry.get("best") else ""
        return f"{start}  {held_out_bits(entry['validation'])}{best}"
    return (
        f"{start}  {entry['bits_per_byte']:.4f} bits/byte  rate {entry['rate']:.2e}  "
        f"{entry['bytes_per_second']:,.0f} B/s  {clock(entry['seconds_left'])} left"
    )


def held_out_bits(result: Mapping[str, float]) -> str:
    """Return words for the bits per byte that held-out text takes, by category."""
    parts = (f"{name} {bits:.4f}" for name, bits in result.items())
    return f"held-out bits/byte: {', '.join(parts)}"


def clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def size_words(size: float) -> str:
    """Return a number of bytes in the largest decimal unit that leaves it at least 1."""
    units = ["bytes", "KB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.3g} {units[0]}"


def network_words(config: SHARNNConfig) -> str:
    """Return words for a network's shape and its number of parameters."""
    blocks = f"{config.layers} block{'s' * (config.layers > 1)}"
    attends = f", attention window {config.window}" if config.attention else ""
    parameters = config.parameter_count() / 1e6
    return f"SHA-RNN {config.dim} wide, {blocks}{attends}: {parameters:.3g} million parameters"

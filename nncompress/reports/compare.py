"""Run peers on files: same bytes, same run, each in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import nncompress

from .peer import Peer, PeerSettings

STARTUP_ALLOWANCE = 60.0
"""Seconds besides the peer's own that its process may take, to import and to compile."""


WORKER = """
import importlib.util, json, sys
sys.path[:] = json.loads(sys.argv[1])
found = importlib.util.spec_from_file_location("nncompress", sys.argv[2])
sys.modules["nncompress"] = importlib.util.module_from_spec(found)
found.loader.exec_module(sys.modules["nncompress"])
from nncompress.reports.worker import main
main()
"""
"""What a worker runs; its arguments are the folders of modules, in JSON, and the package's file."""


@dataclass(frozen=True)
class Trial:
    """Hold what a peer made of a file.

    Attributes:
        file: the file's name.
        size: bytes of the file.
        codec: the peer's name; this is its word in JSON and CSV.
        version: what did the work, with its version; "" if that is not known.
        command: what compressed, as a command line or in Python; "" if nothing did.
        level: the level of our own methods; None for others.
        model: the name of the model that they used; None without one.
        model_identity: its identity, 32 hexadecimal digits.
        date: when it ran, in UTC, as 2026-11-29T13:05:59+00:00.
        compressed: bytes after compression.
        compress_seconds: time to compress.
        decompress_seconds: time to restore.
        startup_seconds: time to load libraries and to compile kernels, before either.
        peak_memory: bytes that the whole process had at most; None if unknown.
        restored: whether the file came back as it was.
        error: why there are no figures; None if there are.
    """

    file: str
    size: int
    codec: str
    version: str = ""
    command: str = ""
    level: int | None = None
    model: str | None = None
    model_identity: str | None = None
    date: str = ""
    compressed: int | None = None
    compress_seconds: float | None = None
    decompress_seconds: float | None = None
    startup_seconds: float | None = None
    peak_memory: int | None = None
    restored: bool = False
    error: str | None = None

    @property
    def label(self) -> str:
        """The peer's name, with level and model where it has them."""
        level = f" -{self.level}" if self.level is not None else ""
        named = self.codec if self.codec.endswith(level) else self.codec + level
        return f"{named} {self.model}" if self.model else named

    @property
    def bits_per_byte(self) -> float | None:
        """Compressed bits for each byte of the file; None if there are none."""
        if self.compressed is None or not self.size:
            return None
        return 8 * self.compressed / self.size

    @property
    def ratio(self) -> float | None:
        """How many times smaller it got; None without a size."""
        return self.size / self.compressed if self.compressed else None

    @property
    def compress_speed(self) -> float | None:
        """Bytes of the file compressed a second; None without a time."""
        return self.size / self.compress_seconds if self.compress_seconds else None

    @property
    def decompress_speed(self) -> float | None:
        """Bytes of the file restored a second; None without a time."""
        return self.size / self.decompress_seconds if self.decompress_seconds else None

    def facts(self) -> dict[str, Any]:
        """Return all of it for JSON, with the properties."""
        derived = ("bits_per_byte", "ratio", "compress_speed", "decompress_speed")
        return dataclasses.asdict(self) | {name: getattr(self, name) for name in derived}


def trial_from(facts: Mapping[str, Any]) -> Trial:
    """Undo :meth:`Trial.facts`; what is not there, as in results of before, is not known."""
    names = [field.name for field in dataclasses.fields(Trial)]
    return Trial(**{name: facts[name] for name in names if name in facts})


def compare(
    files: Iterable[tuple[str, bytes]],
    peers: Sequence[Peer],
    settings: PeerSettings,
    told: Callable[[str, str], None],
) -> list[Trial]:
    """Run every peer on every file.

    Args:
        files: (name, contents) of each.
        peers: what to run.
        settings: what to run them with.
        told: called with the names of peer and file before each run.

    Returns:
        The trials, in the order of files, then of peers.
    """
    trials = []
    for name, data in files:
        for peer in peers:
            told(peer.name, name)
            trials.append(run_peer(peer, name, data, settings))
    return trials


def run_peer(peer: Peer, name: str, data: bytes, settings: PeerSettings) -> Trial:
    """Run one peer in a worker; whatever goes wrong is the trial's ``error``.

    Args:
        peer: what to run.
        name: the file's name.
        data: the file's contents.
        settings: what to run it with.
    """
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    trial = Trial(name, len(data), peer.name, date=now)
    if reason := peer.missing():
        return dataclasses.replace(trial, error=reason)
    limit = settings.seconds + STARTUP_ALLOWANCE
    try:
        out, errors, status = _work(worker_job(peer, data, settings), limit)
    except subprocess.TimeoutExpired:
        return dataclasses.replace(trial, error=f"took more than {settings.seconds:g} s, stopped")
    try:
        result = json.loads(out)
    except ValueError:
        words = errors.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        return dataclasses.replace(trial, error=f"ended with status {status}: {words}")
    trial = dataclasses.replace(trial, **result)
    if trial.error is None and not trial.restored:
        return dataclasses.replace(trial, error="did not restore the file")
    return trial


def worker_job(peer: Peer, data: bytes, settings: PeerSettings) -> bytes:
    """Return what a worker reads from standard input; see :mod:`.worker`."""
    used = settings if peer.own else dataclasses.replace(settings, options=None)
    return json.dumps({"peer": peer.name, "settings": used.facts()}).encode() + b"\n" + data


def worker_command() -> list[str]:
    """Return how to start a worker: it imports nothing of the current folder.

    ``python -m`` would, and ``-P`` came with Python 3.11. So Python starts isolated, and gets the
    places where this process finds modules, without the current folder, and this package by its
    file.
    """
    paths = [path for path in sys.path if Path(path).is_absolute() and not _is_current(path)]
    flags = ["-I", "-B"] if sys.dont_write_bytecode else ["-I"]
    return [sys.executable, *flags, "-c", WORKER, json.dumps(paths), nncompress.__file__]


def _is_current(path: str) -> bool:
    with contextlib.suppress(OSError):
        return Path(path).samefile(Path.cwd())
    return False


def _work(job: bytes, limit: float) -> tuple[bytes, bytes, int]:
    """Give a worker its job, and return its output, its errors and its status."""
    worker = subprocess.Popen(
        worker_command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # In a session of its own, so that what it starts can be stopped with it.
        start_new_session=True,
    )
    try:
        out, errors = worker.communicate(job, timeout=limit)
    except BaseException:  # also when the user stops it
        _stop_all(worker)
        worker.communicate()
        raise
    _stop_all(worker)  # a program that was too slow may have left others running
    return out, errors, worker.returncode


def _stop_all(worker: subprocess.Popen[bytes]) -> None:
    """Stop a worker and what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
    else:
        worker.kill()


def totals(trials: Sequence[Trial]) -> list[Trial]:
    """Sum the trials of each peer over all files; peers that failed on one of them are left out."""
    summed, files = [], {trial.file for trial in trials}
    for name in dict.fromkeys(trial.codec for trial in trials):
        own = [trial for trial in trials if trial.codec == name]
        if any(trial.error for trial in own) or {trial.file for trial in own} != files:
            continue
        memory = [trial.peak_memory for trial in own if trial.peak_memory is not None]
        summed.append(
            dataclasses.replace(
                own[0],
                file=f"{len(own)} files",
                size=sum(trial.size for trial in own),
                compressed=sum(trial.compressed or 0 for trial in own),
                compress_seconds=sum(trial.compress_seconds or 0 for trial in own),
                decompress_seconds=sum(trial.decompress_seconds or 0 for trial in own),
                startup_seconds=sum(trial.startup_seconds or 0 for trial in own),
                peak_memory=max(memory, default=None),
            )
        )
    return summed

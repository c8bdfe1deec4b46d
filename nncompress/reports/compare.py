"""Codecs on files: same bytes, same run, each in a process of its own."""

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
from pathlib import Path
from typing import Any

import nncompress
from nncompress.errors import ConfigError

from .peers import Codec, Settings, all_codecs

STARTUP_ALLOWANCE = 60.0
"""Seconds besides the codec's own that its process may take, to import and to compile."""


@dataclass(frozen=True)
class Trial:
    """A codec on a file. Sizes and memory in bytes, times in seconds; ``error`` says why there are none."""

    file: str
    size: int
    codec: str
    version: str = ""
    compressed: int | None = None
    compress_seconds: float | None = None
    decompress_seconds: float | None = None
    startup_seconds: float | None = None
    peak_memory: int | None = None
    restored: bool = False
    error: str | None = None

    @property
    def bits_per_byte(self) -> float | None:
        """Compressed bits for each byte of the file."""
        if self.compressed is None or not self.size:
            return None
        return 8 * self.compressed / self.size

    @property
    def ratio(self) -> float | None:
        """How many times smaller it got."""
        return self.size / self.compressed if self.compressed else None

    @property
    def compress_speed(self) -> float | None:
        """Bytes a second."""
        return self.size / self.compress_seconds if self.compress_seconds else None

    @property
    def decompress_speed(self) -> float | None:
        """Bytes a second."""
        return self.size / self.decompress_seconds if self.decompress_seconds else None

    def facts(self) -> dict[str, Any]:
        """All of it, for JSON."""
        derived = ("bits_per_byte", "ratio", "compress_speed", "decompress_speed")
        return dataclasses.asdict(self) | {name: getattr(self, name) for name in derived}


def trial_from(facts: Mapping[str, Any]) -> Trial:
    """Undo :meth:`Trial.facts`."""
    return Trial(**{field.name: facts[field.name] for field in dataclasses.fields(Trial)})


def choose(names: Sequence[str]) -> tuple[list[Codec], list[str]]:
    """The codecs that are named, wholly or by how they begin, or all; and programs that are not here.

    Only named programs that are absent are among the codecs. Raises :class:`ConfigError` for an unknown name.
    """
    codecs, known = list(all_codecs().values()), list(all_codecs())
    wanted: set[str] = set()
    for name in names:
        meant = [name] if name in known else [other for other in known if other.startswith(name)]
        if not meant:
            raise ConfigError(f"no codec {name!r}: choose from {', '.join(known)}")
        wanted.update(meant)
    if names:
        return [codec for codec in codecs if codec.name in wanted], []
    absent = [codec for codec in codecs if codec.external and codec.missing()]
    return [codec for codec in codecs if codec not in absent], [codec.name for codec in absent]


def compare(
    files: Iterable[tuple[str, bytes]],
    codecs: Sequence[Codec],
    settings: Settings,
    told: Callable[[str, str], None],
) -> list[Trial]:
    """Run every codec on every (name, contents); ``told`` hears which codec is at work on which file."""
    trials = []
    for name, data in files:
        for codec in codecs:
            told(codec.name, name)
            trials.append(run(codec, name, data, settings))
    return trials


def run(codec: Codec, name: str, data: bytes, settings: Settings) -> Trial:
    """Run one codec in a worker; whatever goes wrong is the trial's ``error``."""
    trial = Trial(name, len(data), codec.name)
    if reason := codec.missing():
        return dataclasses.replace(trial, error=reason)
    job = json.dumps({"codec": codec.name, "settings": dataclasses.asdict(settings)})
    limit = settings.seconds + STARTUP_ALLOWANCE
    try:
        out, errors, status = _work(job.encode() + b"\n" + data, limit)
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


def _work(job: bytes, limit: float) -> tuple[bytes, bytes, int]:
    """Give a worker its job; returns its output, its errors and its status."""
    root = str(Path(nncompress.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    worker = subprocess.Popen(
        [sys.executable, "-m", "nncompress.reports.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
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
    """One trial a codec that stands for all files; codecs that failed on one of them are left out."""
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

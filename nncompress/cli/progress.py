"""Count how far the work of a command has come: over one file, or over all files of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .rate import SteadyRate, duration, size_text


@dataclass(frozen=True)
class Work:
    """What is worked on: a file, or one of several measurements.

    Attributes:
        label: its name.
        size: its bytes, 0 where that is not known.
        restores: whether archives are read and contents made, and not the other way round.
        passes: how often the bytes are gone through: twice where the archive is checked.
    """

    label: str
    size: int = 0
    restores: bool = False
    passes: int = 1


@dataclass(frozen=True)
class View:
    """What a meter says at one time.

    Attributes:
        label: what is worked on.
        place: which file of how many, such as "3 of 12"; "" for one alone.
        done: bytes done.
        total: bytes in all, None where that is not known.
        share: the part of the work that is done, None likewise.
        ratio: bytes of the archives to those of their contents so far; None where there are none.
        speed: bytes of contents a second; None while that is not known.
        left: seconds left; None likewise.
        elapsed: seconds since the beginning.
    """

    label: str
    place: str
    done: int
    total: int | None
    share: float | None
    ratio: float | None
    speed: float | None
    left: float | None
    elapsed: float

    def fields(self) -> list[str]:
        """Return what stands beside a bar; what can best be left out comes last."""
        left = f"{duration(self.left)} left" if self.left is not None else None
        speed = f"{size_text(self.speed)}/s" if self.speed is not None else None
        ratio = f"ratio {self.ratio:.1%}" if self.ratio is not None else None
        known = [left or duration(self.elapsed), size_text(self.done, of=self.total), speed, ratio]
        return [field for field in known if field is not None]

    def line(self) -> str:
        """Return all of it as a line."""
        name = f"{self.place}, {self.label}" if self.place else self.label
        of = f" of {self.total:,}" if self.total is not None else ""
        share = f" ({self.share:.1%})" if self.share is not None else ""
        known = [f"{self.done:,}{of} bytes{share}"]
        known += [f"ratio {self.ratio:.1%}"] if self.ratio is not None else []
        known += [duration(self.elapsed)]
        known += [f"{size_text(self.speed)}/s"] if self.speed is not None else []
        known += [f"{duration(self.left)} left"] if self.left is not None else []
        return f"{name}: {', '.join(known)}"


class ProgressMeter:
    """Counts bytes as they are reported, from any thread.

    Args:
        sizes: the bytes of each file of a run, None where that is not known; nothing for stages
            that are shown one by one.
        clock: gives the time in seconds.
    """

    def __init__(
        self, sizes: Sequence[int | None] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sizes, self._clock = sizes, clock
        self._lock = threading.Lock()
        self._number = 0
        self._stage = Work("starting")
        self._restart()

    def _restart(self) -> None:
        self._start, self._rate = self._clock(), SteadyRate()
        self._done = self._read = self._made = 0

    def go_to_file(self, number: int) -> None:
        """Go to a file of the run, counted from 0: those before it are done, or were left out."""
        if not self._sizes:
            return  # all are worked on at once
        with self._lock:
            self._number = number
            self._done = self._stage.passes * sum(size or 0 for size in self._sizes[:number])

    def begin(self, stage: Work) -> None:
        """Work on a stage from now on. Outside a run, the count begins anew."""
        with self._lock:
            self._stage = stage
            if not self._sizes:
                self._restart()
        if self._sizes:
            self.go_to_file(self._number)

    def set_kind(self, restores: bool, passes: int) -> None:
        """Say whether the stage restores archives, and how often its bytes are gone through."""
        with self._lock:
            self._stage = replace(self._stage, restores=restores, passes=passes)

    def begin_check(self) -> None:
        """Go through the bytes of the stage a second time."""
        with self._lock:
            label = f"checking {self._stage.label}"
            if self._total() is None:
                self._stage = Work(label, size=self._done)
                self._done = 0
            else:
                self._stage = replace(self._stage, label=label)

    def add(self, size: int, made: int = 0, /) -> None:
        """Note bytes that are done, and bytes made of them."""
        with self._lock:
            self._read += size
            self._made += made
        self.add_checked(size)

    def add_checked(self, size: int, _: int = 0, /) -> None:
        """Note bytes that are done for the second time."""
        with self._lock:
            self._done += size
            if size:
                self._rate.add(size, self._clock())

    def skip(self, seconds: float) -> None:
        """Leave out a time in which the process did not run."""
        with self._lock:
            self._rate.skip(seconds)
            self._start += seconds

    @property
    def has_begun(self) -> bool:
        """Whether any bytes have been reported."""
        return self._done > 0

    def view(self) -> View:
        """Return how far it is."""
        with self._lock:
            now, stage, total = self._clock(), self._stage, self._total()
            work = None if total is None else stage.passes * total
            share = left = None
            rate = self._rate.per_second(now)
            if work is not None:
                share = min(1.0, self._done / work)
                left = max(0, work - self._done) / rate if rate else None
            contents, archive = self._read, self._made
            if stage.restores:
                contents, archive = archive, contents
            return View(
                label=stage.label,
                place=f"{self._number + 1} of {len(self._sizes)}" if self._sizes else "",
                done=self._done if total is None else min(self._done // stage.passes, total),
                total=total,
                share=share,
                ratio=archive / contents if archive > 0 and contents > 0 else None,
                speed=rate and (rate * contents / self._read if self._read else rate),
                left=left,
                elapsed=now - self._start,
            )

    def _total(self) -> int | None:
        if not self._sizes:
            return self._stage.size or None
        known = [size for size in self._sizes if size is not None]
        return sum(known) or None if len(known) == len(self._sizes) else None

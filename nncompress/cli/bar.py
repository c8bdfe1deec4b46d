"""Draw a bar of progress on a terminal.

tqdm draws it: it knows terminals, Windows and the width of characters, and is small. It is loaded
when a bar is first drawn, so that work that is soon done does not wait for it. What stands beside
the bar is this module's, since tqdm's own estimates count the start-up of the libraries.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from .escape import escape
from .progress import ProgressMeter, View

REDRAW = 0.2
"""Seconds between two drawings."""

AFTER_START = 0.5
"""Seconds of work before a bar is drawn: what is soon over needs none."""

AFTER_SILENCE = 3.0
"""Seconds after which it is drawn even if nothing has been done yet."""

LEAST_BAR = 8
"""Columns that a bar has at least; where there are fewer, something beside it is left out."""

_STOPPED = 2.0
"""Seconds after which a thread that wakes late, in a process that did nothing, must have been
stopped, as by Ctrl-Z."""


def can_draw() -> bool:
    """Whether standard error is a terminal on which a line can be drawn again and again."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class ProgressBar:
    """Shows a meter until it is closed, from a thread of its own."""

    def __init__(self, meter: ProgressMeter) -> None:
        self._meter = meter
        self._line: Any = None
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system grants no more threads
            self._closed.set()

    def close(self) -> None:
        """Remove it from the terminal."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            if self._line is not None:
                self._line.clear()
                self._line.close()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Keep the terminal free for something else that is written there."""
        with self._lock:
            if self._line is not None:
                self._line.clear()
            yield

    def _work(self) -> None:
        start = last = time.monotonic()
        worked, begun = time.process_time(), None
        while not self._closed.wait(REDRAW):
            now, works = time.monotonic(), time.process_time()
            if now - last > _STOPPED and works - worked < REDRAW:
                self._meter.skip(now - last)
            last, worked = now, works
            if begun is None and self._meter.has_begun:
                begun = now
            if (begun is not None and now - begun >= AFTER_START) or now - start >= AFTER_SILENCE:
                with self._lock:
                    if not self._draw():
                        return

    def _draw(self) -> bool:
        """Draw the bar; False where that is not possible any more."""
        if self._closed.is_set() or not _in_foreground():
            return True
        try:
            if self._line is None:
                self._line = _open_line()
            view, width = self._meter.view(), _columns() - 1  # some wrap after the last column
            line = self._line
            line.ncols, line.bar_format = width, layout(view, width)
            line.total, line.n = (1, view.share) if view.share is not None else (None, 0)
            line.refresh()
        except OSError:
            return False
        return True


class Screen:
    """What a process shows of its work: one meter at a time, perhaps with a bar."""

    def __init__(self) -> None:
        self.meter = ProgressMeter()
        self._bar: ProgressBar | None = None

    @contextmanager
    def show(self, meter: ProgressMeter, *, drawn: bool) -> Iterator[None]:
        """Show a meter; inside its own run, only see to its bar, which stays until the run ends."""
        if drawn and self._bar is None:
            self._bar = ProgressBar(meter)
        if self.meter is meter:
            yield
            return
        before, self.meter = self.meter, meter
        try:
            yield
        finally:
            self.meter = before
            bar, self._bar = self._bar, None
            if bar is not None:
                bar.close()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keep the terminal free for something else that is written there."""
        with self._bar.hidden() if self._bar is not None else nullcontext():
            yield

    def status(self) -> str:
        """Return how far the work is, as a line."""
        return self.meter.view().line()


SCREEN = Screen()
"""That of this process."""


def layout(view: View, width: int) -> str:
    """Return what tqdm is to draw in ``width`` columns, with {bar} for the bar."""
    label, fields = escape(view.label), view.fields()
    place = f"{view.place}: " if view.place else ""
    percent = f" {view.share:4.0%} " if view.share is not None else " "
    bar = LEAST_BAR + 3 if view.share is not None else 0
    room = width - len(place) - len(percent) - bar
    least = min(len(label), max(8, width // 4))
    while len(fields) > 1 and least + len(", ".join(fields)) > room:
        fields.pop()
    text = ", ".join(fields)
    name = _shortened(label, max(8, min(room - len(text), width // 3)))
    left = f"{place}{name}{percent}".replace("{", "{{").replace("}", "}}")
    return f"{left}|{{bar}}| {text}" if view.share is not None else f"{left.rstrip()}: {text}"


def _shortened(label: str, most: int) -> str:
    return label if len(label) <= most else "..." + label[3 - most :]


def _open_line() -> Any:
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own
    tqdm.set_lock(threading.RLock())  # its own lock is for several processes
    # With a size of its own it draws on terminals that do not say theirs, too.
    return tqdm(total=1, file=sys.stderr, leave=False, bar_format=" ", ncols=79, nrows=2)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def _in_foreground() -> bool:
    """Whether the terminal is this process's, and not its shell's, as after Ctrl-Z and bg."""
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except (AttributeError, OSError):  # Windows has no such thing
        return True

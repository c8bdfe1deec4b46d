"""Signals become exceptions, so that temporary files go; then the process ends by its signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from nncompress.files.output import remove_unfinished

from .standard import silence_stdout

_NAMES = (
    *("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGQUIT", "SIGXCPU"),
    *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR2"),
)
"""Signals that end a process, and that it can hear; no system has them all."""

_STATUS_NAMES = ("SIGUSR1", "SIGINFO")
"""Signals that ask how far the work is, as with dd; BSD and macOS send the second for Ctrl-T."""


SIGPIPE = int(getattr(signal, "SIGPIPE", 13))  # Windows has no such signal, but broken pipes


class Terminated(BaseException):
    """A signal has asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def raise_on_signals() -> None:
    """Let each signal that asks the process to end raise Terminated, once; ignored ones stay so."""
    for number in _numbers(_NAMES):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


@contextmanager
def first_interrupt_stops() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C be no more than noted; the next one ends the process, as ever.

    Yields:
        Says whether it has come.
    """
    heard = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        heard.set()
        signal.signal(signal.SIGINT, before)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, note)
    try:
        yield heard.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def report_on_signals(report: Callable[[], None]) -> None:
    """Call ``report`` for each signal that asks how far the work is; ignored ones stay so.

    It is called in a thread of its own: it may print, and the main thread may be printing.
    """

    def start(_: int, __: FrameType | None) -> None:
        with suppress(RuntimeError):  # no more threads
            threading.Thread(target=report, daemon=True).start()

    for number in _numbers(_STATUS_NAMES):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, start)


def _numbers(names: Iterable[str]) -> list[int]:
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _raise(number: int, _: FrameType | None) -> None:
    for other in _numbers(_NAMES):
        signal.signal(other, signal.SIG_IGN)  # the clean-up that follows is not to be disturbed
    raise Terminated(number)


def end_by_signal(number: int) -> NoReturn:
    """End the process as ``number`` would have, so that a shell sees what happened."""
    remove_unfinished()  # one that came just before a file was looked after
    silence_stdout()
    if os.name == "posix":
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(128 + number)

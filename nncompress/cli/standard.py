"""The standard files: one that the caller has closed, and the end of standard output."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn


def open_missing() -> None:
    """Put something in the place of closed standard files, on which reading and writing fail.

    Otherwise the next file opened would get their numbers, and be taken for them.
    """
    for name, mode, wrong in (
        ("stdin", "r", os.O_WRONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_WRONLY),  # where what is said is simply lost
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, wrong), mode))


def leave(status: int) -> NoReturn:
    """End the process at once: all is written, and the libraries would take 0.15 s to clear up."""
    for file in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # it has been reported, or nothing can be
            file.flush()
    if "fsspec.implementations.cached" in sys.modules:
        sys.exit(status)  # simplecache:: deletes its copies of files at a proper end
    os._exit(status)


def silence_stdout() -> None:
    """Drop what is buffered for standard output, which the interpreter would write at its end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())

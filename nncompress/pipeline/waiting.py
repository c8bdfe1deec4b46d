"""Reading and writing that wait, also where a descriptor is set not to.

Whoever started the program may have set ``O_NONBLOCK`` on a pipe that it shares with it. Then
reading finds nothing now, which is not the end, and writing takes only a part.
"""

from __future__ import annotations

import errno
import io
import os
import select
import time
from typing import Any, BinaryIO

PAUSE = 0.01
"""Seconds to wait where the system cannot tell when a file is ready."""


def read_some(file: BinaryIO, size: int) -> bytes:
    """Return up to ``size`` bytes, as soon as there are any; none only at the end."""
    raw = getattr(file, "raw", file)
    while True:
        data: bytes | None = file.read1(size) if isinstance(file, io.BufferedReader) else None
        if not data:  # the end, or nothing yet; nothing is buffered, so the file itself can tell
            data = raw.read(size)
        if data is not None:
            return data
        _wait(raw, writing=False)


def read_to_end(file: BinaryIO) -> bytes:
    """Return all bytes up to the end."""
    return b"".join(iter(lambda: read_some(file, 1 << 20), b""))


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of ``data``, where one write may take only a part of it, or nothing yet."""
    left = memoryview(data)
    while left:
        written: int | None
        try:
            written = file.write(left)
        except BlockingIOError as error:  # what a buffer could not pass on
            left = left[getattr(error, "characters_written", 0) :]
            written = None
        if written is None:
            _wait(file, writing=True)
        else:
            left = left[written:]


def flush_all(file: BinaryIO) -> None:
    """Pass on all that is buffered."""
    while True:
        try:
            file.flush()
        except BlockingIOError:
            _wait(file, writing=True)
        else:
            return


def can_wait(file: BinaryIO) -> bool:
    """Return whether the functions above can wait for ``file``: one of Python's, of the system."""
    if not isinstance(file, (io.RawIOBase, io.BufferedIOBase)):
        return False
    try:
        file.fileno()
    except (OSError, ValueError):
        return False
    return True


def would_block() -> BlockingIOError:
    """Return the error for a file that is not ready, and cannot be waited for."""
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _wait(file: Any, *, writing: bool) -> None:
    """Return when reading or writing may get further."""
    if not hasattr(select, "poll"):
        time.sleep(PAUSE)
        return
    waiting = select.poll()
    waiting.register(file.fileno(), select.POLLOUT if writing else select.POLLIN)
    if any(event & select.POLLNVAL for _, event in waiting.poll()):
        time.sleep(PAUSE)  # a kind of file that this system's poll does not know

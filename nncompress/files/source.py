"""Reading the files a user names."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast

from nncompress.errors import FileError, NNCompressError
from nncompress.pipeline.remote import Place, Url, place_of
from nncompress.pipeline.remote_files import RemoteReader, open_remote
from nncompress.pipeline.waiting import read_some

from .names import STDIN, Skip
from .output import os_failure
from .remote import RemoteSource


class SourceFile:
    """An open source file; its errors name it. ``status`` is that of its opening."""

    url: str | None = None

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self.path = path
        self.file = file
        self.status = os.fstat(file.fileno())

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, what a pipe has now; FileError if they cannot be read.

        Waits while a pipe has none; none at all mean the end.
        """
        try:
            return read_some(self.file, size)
        except OSError as error:
            raise os_failure(self.path, error) from None

    @property
    def size(self) -> int:
        """Bytes that are still to be read of a regular file; 0 of others, where nobody knows."""
        if not stat.S_ISREG(self.status.st_mode):
            return 0
        return max(0, self.status.st_size - os.lseek(self.file.fileno(), 0, os.SEEK_CUR))

    @property
    def attributes(self) -> os.stat_result | None:
        """What a result takes over: those of a regular file."""
        return self.status if stat.S_ISREG(self.status.st_mode) else None

    def is_at(self, target: Place) -> bool:
        """Return whether it is the file that ``target`` names."""
        if isinstance(target, Url) or not target.is_file():
            return False
        return os.path.samestat(target.stat(), self.status)

    @property
    def changed(self) -> bool:
        """Whether the file was written to, or replaced, since it was opened."""
        then = self.status
        try:
            now = self.path.stat()
        except OSError:
            return True
        return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) != (
            then.st_dev,
            then.st_ino,
            then.st_size,
            then.st_mtime_ns,
        )


Source = SourceFile | RemoteSource
"""What is read by the commands."""


def size_ahead(name: str) -> int | None:
    """Return the bytes of the file ``name``, before it is opened; None where that is not known.

    What cannot be read has none: it will be left out.
    """
    if name == STDIN:
        return None
    try:
        place = place_of(name)
        if isinstance(place, Url):
            # A folder that was listed has told the sizes: thousands need no question each.
            size: int | None = place.info(fresh=False).get("size")
            return size
        status = os.stat(name)  # noqa: PTH116 (no name is wrong)
    except (OSError, ValueError, NNCompressError):
        return 0
    if stat.S_ISDIR(status.st_mode):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def open_source(path: Place, *, replaces: bool, searched: bool = False) -> Iterator[Source]:
    """Open ``path`` for reading.

    ``replaces`` says that the result will stand in a file of its own: then folders, devices and
    pipes are skipped, as gzip and xz do. ``searched`` says that only parts of it will be read.
    """
    if isinstance(path, Url):
        with _open_remote(path, searched) as remote:
            yield RemoteSource(path, remote)
        return
    try:
        if path.is_dir():
            raise _folder(path)
        if replaces and path.exists() and not path.is_file():
            raise Skip(f"{path}: is no regular file, ignored; use -c to read it")
        file = path.open("rb")
    except OSError as error:
        raise os_failure(path, error) from None
    with file:
        yield SourceFile(path, file)


def _open_remote(url: Url, searched: bool) -> RemoteReader:
    try:
        return open_remote(url, searched=searched)
    except IsADirectoryError:
        raise _folder(url) from None
    except OSError as error:
        raise os_failure(url, error) from None


def _folder(path: Place) -> Skip:
    return Skip(f"{path}: is a folder, ignored; use -r for the files in it")


@contextmanager
def open_stdin() -> Iterator[SourceFile]:
    """Give standard input as a source."""
    yield SourceFile(Path("standard input"), cast(BufferedReader, sys.stdin.buffer))


def remove_source(source: Source) -> None:
    """Delete a source whose result is complete, synced and verified; not if it has changed."""
    if isinstance(source, RemoteSource):
        source.remove()
        return
    mode = source.path.lstat().st_mode
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise Skip(f"{source.path}: is {kind}; kept")
    if source.changed:
        raise FileError(f"{source.path}: changed while it was read; kept", str(source.path))
    try:
        source.path.unlink()
    except OSError as error:
        raise os_failure(source.path, error) from None

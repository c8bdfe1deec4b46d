"""Write a file so that, whatever happens, its name only ever stands for complete contents.

The bytes go to a temporary file in the target's folder, which is synced and renamed at the end; the
folder is synced too, where the system can.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, cast

from nncompress.errors import FileError
from nncompress.pipeline.remote import Place
from nncompress.pipeline.waiting import flush_all, write_all

from .disk import copy_attributes, sync_file, sync_folder, tolerated
from .targets import descriptor_of, is_special
from .temporary import hold, remove_leftovers, temporary_name

HOLE = 4096
"""A run of zeros must cover a whole aligned piece of this many bytes to become a hole."""

ZEROS = bytes(HOLE)

NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
"""Flags to open a file that must not be there yet, as a link neither."""

_unfinished: set[Path | None] = set()
"""Temporary files that are there, or are about to be."""


class OutputFile:
    """A file that appears under its name only at :meth:`commit`; leaving the context discards it.

    Nothing that exists under the name is touched without ``force``, a link to nothing neither. With
    it, a link is replaced itself, and not what is behind it.

    Args:
        path: the file's name.
        force: whether to replace a file that exists.
        direct: whether to write into a device, a pipe, or a descriptor such as /dev/stdout, that
            has the name.
        sparse: whether to leave holes for long runs of zeros.

    Attributes:
        path: the file's name, as given.
        is_new_file: False for a target that is written directly.

    Raises:
        FileError: the file exists and is not to be replaced, or it cannot be written; the methods
            raise it too.
    """

    def __init__(
        self, path: Path, *, force: bool = False, sparse: bool = False, direct: bool = True
    ) -> None:
        self.path = path
        self._force = force
        self._sparse = sparse
        self._hole_at_end = False
        self._times: tuple[int, int] | None = None
        self._target = path
        self._temporary: Path | None = None
        self._lock: int | None = None
        try:
            existing = self._open_existing() if direct else None
            self._file = existing or self._open_temporary()
        except OSError as error:
            _unfinished.discard(self._temporary)
            raise os_failure(self.path, error) from None
        self.is_new_file = self._temporary is not None

    def _open_existing(self) -> IO[bytes] | None:
        """Open what is no regular file, to be written directly."""
        handle = descriptor_of(self.path)
        if handle is None:
            if not is_special(self.path):
                return None
            handle = os.open(self.path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        else:
            handle = os.dup(handle)  # the description that is open: its position, appending
        self._sparse = False
        return os.fdopen(handle, "wb", buffering=0)

    def _open_temporary(self) -> IO[bytes]:
        if self.path.is_dir() and not self.path.is_symlink():
            raise FileError(f"{self.path}: is a folder", str(self.path))
        self._refuse_existing()
        remove_leftovers(self._target)
        while True:
            self._temporary = temporary_name(self._target)
            _unfinished.add(self._temporary)  # before it is there: a signal can come at any time
            file = os.fdopen(os.open(self._temporary, NEW_FILE, 0o600), "wb")
            if hold(file.fileno(), self._temporary):
                if sys.platform != "win32":  # where a file in use cannot be renamed
                    self._lock = os.dup(file.fileno())  # until it has its name
                return file
            file.close()
            _unfinished.discard(self._temporary)

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _refuse_existing(self) -> None:
        if not self._force and os.path.lexists(self._target):
            raise FileError(f"{self.path}: already exists; use -f to replace it", str(self.path))

    @property
    def data_path(self) -> Path | None:
        """Return the file with the bytes before :meth:`commit`; None for one written directly."""
        return self._temporary

    def write(self, data: bytes) -> None:
        """Write all of ``data``."""
        try:
            if self._sparse:
                self._write_sparse(data)
            elif self._temporary is None:
                write_all(cast(BinaryIO, self._file), data)
            else:
                self._file.write(data)
        except OSError as error:
            raise os_failure(self.path, error) from None

    def _write_sparse(self, data: bytes) -> None:
        if not data:
            return
        start = 0
        first = -self._file.tell() % HOLE
        for piece in range(first, len(data) - HOLE + 1, HOLE):
            if data[piece] == 0 and data[piece : piece + HOLE] == ZEROS:
                self._file.write(data[start:piece])
                self._file.seek(HOLE, os.SEEK_CUR)
                start = piece + HOLE
        self._file.write(data[start:])
        self._hole_at_end = start == len(data)

    def flush(self) -> None:
        """Pass on what is buffered."""
        try:
            flush_all(cast(BinaryIO, self._file))
        except OSError as error:
            raise os_failure(self.path, error) from None

    def sync(self, like: os.stat_result | None = None) -> None:
        """Complete the bytes on disk.

        Args:
            like: of the file whose mode, owner and times this one gets; None for those of any new
                file.
        """
        if self._temporary is None:
            self.flush()
            return
        try:
            if self._hole_at_end:
                self._file.truncate()
            self._file.flush()
            copy_attributes(self._file.fileno(), self.path, like)
            if like:
                self._times = like.st_atime_ns, like.st_mtime_ns
            with tolerated(self.path, "synced to disk"):
                sync_file(self._file.fileno())
        except OSError as error:
            raise os_failure(self.path, error) from None

    def commit(self) -> None:
        """Give the synced file its name."""
        if self._temporary is None:
            self._file.close()
            return
        try:
            self._file.close()
            if self._times:  # after closing, which can set them anew on Windows
                with tolerated(self.path, "given the times of its source"):
                    os.utime(self._temporary, ns=self._times)
            self._rename(self._temporary)
            _unfinished.discard(self._temporary)
            self._temporary = None
            self._release()
            sync_folder(self._target.parent)
        except OSError as error:
            raise os_failure(self.path, error) from None

    def _rename(self, temporary: Path) -> None:
        if not self._force and hasattr(os, "link"):
            try:
                os.link(temporary, self._target)  # unlike a rename, never replaces
            except FileExistsError:
                self._refuse_existing()
            except OSError:
                self._refuse_existing()  # a file system without links: the best that is left
            else:
                temporary.unlink()
                return
        temporary.replace(self._target)

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            _unfinished.discard(self._temporary)
        self._release()


def remove_unfinished() -> None:
    """Delete the temporary files of this process, which a signal ends."""
    for path in tuple(_unfinished):
        with contextlib.suppress(OSError):
            if path is not None:
                path.unlink()


def write_file(path: Path, data: bytes, *, force: bool = True) -> None:
    """Write a whole file; it appears complete or not at all.

    Args:
        path: the file's name.
        data: its contents.
        force: whether to replace a file that exists.

    Raises:
        FileError: the file exists and is not to be replaced, or it cannot be written.
    """
    with OutputFile(path, force=force) as out:
        out.write(data)
        out.sync()
        out.commit()


def os_failure(path: Place | str, error: OSError) -> Exception:
    """Return the :class:`FileError` to raise for ``error``; a broken pipe stays what it is."""
    if isinstance(error, BrokenPipeError):
        return error
    return FileError(f"{path}: {error.strerror or error}", str(path))

"""Write a file so that, whatever happens, its name only ever stands for complete contents.

The bytes go to a temporary file in the target's folder, which is synced and renamed at the end; the
folder is synced too, where the system can.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from nncompress.errors import FileError

HOLE = 4096
"""A run of zeros must cover a whole aligned piece of this many bytes to become a hole."""

ZEROS = bytes(HOLE)


class OutputFile:
    """A file that appears under its name only at :meth:`commit`; leaving the context discards it.

    A target that exists and is no regular file (a device, a pipe) is written directly. Of a
    symbolic link the target is replaced, not the link.

    Args:
        path: the file's name.
        force: whether to replace a file that exists.
        sparse: whether to leave holes for long runs of zeros.

    Attributes:
        path: the file's name, as given.
        is_new_file: False for a target that is written directly.

    Raises:
        FileError: the file exists and is not to be replaced, or it cannot be written; the methods
            raise it too.
    """

    def __init__(self, path: Path, *, force: bool = False, sparse: bool = False) -> None:
        self.path = path
        self._force = force
        self._sparse = sparse
        self._hole_at_end = False
        self._times: tuple[int, int] | None = None
        self._target = Path(os.path.realpath(path)) if path.is_symlink() else path
        self._temporary: Path | None = None
        self._file = self._open()
        self.is_new_file = self._temporary is not None

    def _open(self) -> IO[bytes]:
        try:
            if self._target.exists() and not self._target.is_file():
                if self._target.is_dir():
                    raise FileError(f"{self.path}: is a folder", str(self.path))
                self._sparse = False
                return self._target.open("wb")
            self._refuse_existing()
            handle, name = tempfile.mkstemp(
                prefix=f".{self._target.name[:20]}.", suffix=".tmp", dir=self._target.parent
            )
        except OSError as error:
            raise os_failure(self.path, error) from None
        self._temporary = Path(name)
        return os.fdopen(handle, "wb")

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
            self._file.flush()
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
            self._copy_attributes(like)
            _sync_file(self._file.fileno())
        except OSError as error:
            raise os_failure(self.path, error) from None

    def _copy_attributes(self, like: os.stat_result | None) -> None:
        mode = stat.S_IMODE(like.st_mode) & 0o777 if like else 0o666 & ~_umask()
        if hasattr(os, "fchown") and like and (like.st_uid, like.st_gid) != _owner(self._file):
            try:
                os.fchown(self._file.fileno(), like.st_uid, like.st_gid)
            except OSError:
                mode &= ~0o070 | (mode & 0o007) << 3  # no more for our group than for others
        if hasattr(os, "fchmod"):
            os.fchmod(self._file.fileno(), mode)
        if like:
            self._times = like.st_atime_ns, like.st_mtime_ns

    def commit(self) -> None:
        """Give the synced file its name."""
        if self._temporary is None:
            self._file.close()
            return
        try:
            self._file.close()
            if self._times:  # after closing, which can set them anew on Windows
                os.utime(self._temporary, ns=self._times)
            self._rename(self._temporary)
            self._temporary = None
            _sync_folder(self._target.parent)
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


def os_failure(path: Path | str, error: OSError) -> Exception:
    """Return the :class:`FileError` to raise for ``error``; a broken pipe stays what it is."""
    if isinstance(error, BrokenPipeError):
        return error
    return FileError(f"{path}: {error.strerror or error}", str(path))


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _owner(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_uid, status.st_gid


def _sync_file(handle: int) -> None:
    if sys.platform == "darwin":  # where fsync leaves the bytes in the drive's own memory
        import fcntl

        with contextlib.suppress(OSError):  # some file systems refuse
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems refuse
            os.fsync(handle)
    finally:
        os.close(handle)

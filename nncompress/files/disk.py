"""What a complete file needs besides its bytes: to be on disk, a mode and an owner."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

REFUSED = {
    getattr(errno, name)
    for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOTTY", "EPERM", "EACCES", "EROFS")
    if hasattr(errno, name)
}
"""What a file system answers that does not do a thing; other errors mean that it failed."""

_log = logging.getLogger("nncompress")


@contextlib.contextmanager
def tolerated(path: Path, what: str) -> Iterator[None]:
    """Warn where the file system does not do a thing that the bytes do not need."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        _log.warning("%s: cannot be %s: %s; it is kept", path, what, error.strerror)


def copy_attributes(handle: int, path: Path, like: os.stat_result | None) -> None:
    """Give an open file a mode and an owner.

    Args:
        handle: its descriptor.
        path: what to call it in warnings.
        like: of the file that has them; None for those of any new file.
    """
    mode = stat.S_IMODE(like.st_mode) & 0o777 if like else 0o666 & ~_umask()
    if hasattr(os, "fchown") and like and (like.st_uid, like.st_gid) != _owner(handle):
        try:
            os.fchown(handle, like.st_uid, like.st_gid)
        except OSError:
            mode &= ~0o070 | (mode & 0o007) << 3  # no more for our group than for others
    if hasattr(os, "fchmod"):
        with tolerated(path, "given a mode"):
            os.fchmod(handle, mode)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _owner(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_uid, status.st_gid


def sync_file(handle: int) -> None:
    """Have the system put a file on disk."""
    if sys.platform == "darwin":  # where fsync leaves the bytes in the drive's own memory
        import fcntl

        with contextlib.suppress(OSError):  # some file systems refuse
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Have the system put the names in a folder on disk, where it can."""
    if sys.platform == "win32":  # folders cannot be opened there
        return
    with contextlib.suppress(OSError):  # it may be written but not read, or cannot be synced
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

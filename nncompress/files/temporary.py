"""Temporary files beside a target: how they are called, and those that killed runs have left.

They are called ``.NAME.CHECK.RANDOM.nnc.tmp``, with the start of the target's name and a CRC-32 of
the whole of it. Who writes one holds a lock on it, so one without a lock is left over from a run
that was killed, and the next run for the same target removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
import zlib
from pathlib import Path

_PATTERN = re.compile(r"(\..*\.[0-9a-f]{8}\.)[0-9a-f]{16}\.nnc\.tmp", re.DOTALL)

_found: dict[Path, dict[str, list[Path]]] = {}
"""Temporary files that were in a folder when it was first written to, by folder and prefix."""


def _prefix(target: Path) -> str:
    return f".{target.name[:20]}.{zlib.crc32(os.fsencode(target.name)):08x}."


def temporary_name(target: Path) -> Path:
    """Return a name beside ``target`` that nobody has or can guess."""
    return target.parent / f"{_prefix(target)}{secrets.token_hex(8)}.nnc.tmp"


def remove_leftovers(target: Path) -> None:
    """Remove what killed runs have left for ``target``, and nothing that is in use.

    A folder is searched once a process: many files in one folder must not take time squared.
    """
    folder = Path(os.path.realpath(target.parent))
    if folder not in _found:
        _found[folder] = _search(folder)
    for path in _found[folder].pop(_prefix(target), ()):
        with contextlib.suppress(OSError):
            _remove_unlocked(path)


def _search(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if match := _PATTERN.fullmatch(entry.name):
                found.setdefault(match[1], []).append(folder / entry.name)
    return found


def _remove_unlocked(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        return
    if sys.platform == "win32":  # where a file in use cannot be removed
        path.unlink()
        return
    handle = _open(path)
    try:
        if _lock(handle, wait=False) and _is_at(handle, path):
            path.unlink()
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with contextlib.suppress(PermissionError):
        return os.open(path, os.O_RDWR | flags)  # as locks on NFS need it
    return os.open(path, os.O_RDONLY | flags)


def hold(handle: int, path: Path) -> bool:
    """Lock a new temporary file; False if another run took it for a leftover before that."""
    return not _lock(handle, wait=True) or _is_at(handle, path)


def _lock(handle: int, *, wait: bool) -> bool:
    """Return whether the file is locked now; not where the file system has no locks."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False

"""Keep the machine code of kernels on disk, and use only what is whole and the user's own.

numba's files are pickled machine code. Whoever may write them runs code as the user, and one bit
that a disk has changed can make an archive that nobody can open. So a folder that others may write
is not used, and each file begins with a hash that is compared before anything in it is believed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import stat
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    NullCache,
    UserProvidedCacheLocator,
)

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger("nncompress")

COMPILING = "compiling the kernels for this machine, once: about a minute"
COMPILING_AGAIN = "compiling the kernels, about a minute; they cannot be kept: {}"

FAULTS: list[str] = []
"""Why kernels that this process compiled were not kept, as far as they were not."""

_HASH_SIZE = 32
"""Bytes of BLAKE2b that a file of the cache begins with."""


@cache
def announce(message: str) -> None:
    """Log a message that something takes long, once a process."""
    log.info(message)


def fault_of_place(folder: Path) -> str:
    """Say why an existing folder cannot be trusted to hold the cache's own folders.

    Others who may rename what is in it could put their folder in the place of ours.

    Returns:
        Why not, or "" where it can be trusted, as a folder with the sticky bit, such as /tmp, can.
    """
    if not hasattr(os, "geteuid"):
        return ""
    facts = folder.stat()
    if facts.st_uid not in (os.geteuid(), 0):
        return f"{folder}: belongs to another user"
    # A group of the user's own is common where the umask is 002.
    shared = facts.st_mode & (stat.S_IWOTH | (stat.S_IWGRP if facts.st_gid != os.getegid() else 0))
    if shared and not facts.st_mode & stat.S_ISVTX:
        return f"{folder}: others may write there; take that from them with chmod go-w"
    return ""


@cache
def fault_of_folder(folder: Path) -> str:
    """Say why one of the cache's own folders, which exists, cannot be trusted.

    Returns:
        Why not, or "" where it is the user's own or root's, as in an image of a container, and
        nobody else may write in it.
    """
    if not hasattr(os, "geteuid"):
        return ""
    facts = folder.stat()
    if not {facts.st_uid, folder.lstat().st_uid} <= {os.geteuid(), 0}:
        return f"{folder}: belongs to another user"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{folder}: others may write there; take that from them with chmod go-w"
    return ""


class KernelCache(FunctionCache):
    """Keeps a kernel's machine code on disk; what goes wrong there costs time and nothing else.

    To read, nothing in the folder is written or locked: it may be on a read-only file system.
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        # As numba's, which would refuse a folder that cannot be written.
        self._name, self._py_func, self._folder = repr(function), function, folder
        self._impl = _Place(function, folder)
        locator = self._impl.locator
        self._cache_path = locator.get_cache_path()
        self._cache_file = CheckedFile(
            self._cache_path, self._impl.filename_base, locator.get_source_stamp()
        )
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for a signature, or None, and then it is compiled."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # pickle and LLVM fail in any way
            log.debug("a compiled kernel could not be read: %r", error)
            found = None
        if found is None:
            fault = self._fault()
            FAULTS.extend([fault] if fault else [])
            announce(COMPILING_AGAIN.format(fault) if fault else COMPILING)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code of a signature.

        Two processes that do this at once, unlocked, can mix up two signatures.
        """
        if self._fault():
            return
        try:
            with self._lock():
                super().save_overload(sig, data)
        except (OSError, NotImplementedError) as error:
            log.info("a compiled kernel could not be kept: %s", error)

    def waits(self) -> bool:
        """Return whether nothing is kept yet, and something can be."""
        return not Path(self._cache_file._index_path).exists() and not self._fault()

    def _fault(self) -> str:
        """Say why nothing can be kept; "" where it can."""
        place = Path(self._cache_path)
        if not place.exists():
            place = self._folder
        if os.access(place, os.W_OK):
            return fault_of_folder(place)
        return f"{place}: cannot be written"

    def _lock(self) -> FileLock:
        from filelock import FileLock  # not needed where all kernels have been compiled

        return FileLock(self._folder / "lock", timeout=60)


class NoCache(NullCache):
    """Keeps nothing, since there is no folder, or none that may be used."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Return None."""
        FAULTS.append(self._fault)
        announce(COMPILING_AGAIN.format(self._fault))


class _Place(CompileResultCacheImpl):
    """Names a kernel's files as numba does, inside a folder of our choice."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        code = function.__code__
        self._lineno = code.co_firstlineno
        self._locator = _Locator(function, code.co_filename, folder)
        name = f"{Path(code.co_filename).stem}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, getattr(sys, "abiflags", ""))


class _Locator(UserProvidedCacheLocator):
    """Locates the folder of a kernel's files."""

    def __init__(self, function: Callable[..., Any], file: str, folder: Path) -> None:
        self._py_file = file
        self._lineno = function.__code__.co_firstlineno
        self._cache_path = str(folder / self.get_suitable_cache_subpath(file))

    def ensure_cache_path(self) -> None:
        """Make the folder; called before something is kept in it."""
        Path(self._cache_path).mkdir(mode=0o700, exist_ok=True)


class CheckedFile(IndexDataCacheFile):
    """Reads and writes a kernel's files, an index and one file for each signature.

    A file is a hash, and then what is pickled: the index {key: name of file}, or (key, code). The
    hash covers the names of file and folder, so that no file passes for another one.
    """

    def load(self, key: Any) -> Any:
        """Return the code that was kept for a key, None if there is none that is whole."""
        name = self._load_index().get(key)
        found = self._read(name) if name is not None else None
        # A crash between the writing of both files leaves the name of another key's code.
        return found[1] if found is not None and found[0] == key else None

    def save(self, key: Any, data: Any) -> None:
        """Keep the code for a key."""
        super().save(key, (key, data))

    def _load_index(self) -> dict[Any, str]:
        found = self._read(self._index_name)
        if found is None or found[0] != (self._version, self._source_stamp):
            return {}
        overloads: dict[Any, str] = found[1]
        return overloads

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._save_data(self._index_name, ((self._version, self._source_stamp), overloads))

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(self._digest(name, content) + content)

    def _read(self, name: str) -> Any:
        """Return what a file holds, None where it is absent or damaged."""
        try:
            if fault_of_folder(Path(self._cache_path)):
                return None
            found = Path(self._data_path(name)).read_bytes()
        except OSError:
            return None
        digest, content = found[:_HASH_SIZE], found[_HASH_SIZE:]
        return pickle.loads(content) if digest == self._digest(name, content) else None

    def _digest(self, name: str, content: bytes) -> bytes:
        folders = "/".join(Path(self._cache_path).parts[-2:])
        digest = hashlib.blake2b(f"{folders}/{name}\n".encode(), digest_size=_HASH_SIZE)
        digest.update(content)
        return digest.digest()

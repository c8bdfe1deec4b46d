"""Compile the exact kernels, and keep their machine code.

numba keys a function's cached code by its own file alone: after a change to a function that it
calls in another file it would go on running the old one, and archives would differ. So all kernels
share one cache folder that is named after the contents of all files that hold kernels, and where
that folder cannot be written nothing is kept: numba's own choice would be a folder without such a
name.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba import njit
from numba.core import config
from numba.core.caching import FunctionCache, NullCache

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger("nncompress")

COMPILING = "compiling the kernels for this machine, once: about a minute"
COMPILING_AGAIN = "compiling the kernels, about a minute; they cannot be kept: {}"

PACKAGE = Path(__file__).parents[1]
WITH_KERNELS = ("coding", "exact", "machine", "mixing", "lanes.py")
"""Files and whole folders with kernels, or with numbers that are compiled into them."""

_UNUSED = 24 * 60 * 60
"""Seconds after which the folder of other kernels counts as left over from another version."""


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel, a decorator: cached, without the GIL, and exact.

    numba is given no licence to reorder floating-point sums.
    """
    kernel: Any = njit(nogil=True)(function)
    kernel._cache = _open_cache(function)  # what njit(cache=True) sets
    return kernel


def inline(function: Callable[..., Any]) -> Any:
    """Make a function a part of kernels, a decorator: it is copied into each that calls it.

    By itself it takes no time to compile and to keep.
    """
    return njit(nogil=True, inline="always")(function)


def _open_cache(function: Callable[..., Any]) -> KernelCache | NoCache:
    folder, fault = make_folder()
    if folder is None:
        return NoCache(fault)
    # numba sets its options as the module is run, unseen by a type checker.
    options: Any = config
    before = options.CACHE_DIR
    options.CACHE_DIR = str(folder)
    try:
        return KernelCache(function, folder)
    finally:
        options.CACHE_DIR = before


class KernelCache(FunctionCache):
    """Keeps a kernel's machine code on disk; what goes wrong there costs time and nothing else."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        super().__init__(function)
        self._folder = folder

    def _lock(self) -> FileLock:
        from filelock import FileLock  # not needed where all kernels have been compiled

        return FileLock(self._folder / "lock", timeout=60)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code for a signature, or None, and then it is compiled."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # a power cut can leave half a file, and pickle fails in any way
            found = None
            with contextlib.suppress(OSError, NotImplementedError), self._lock():
                self.flush()
        if found is None:
            announce(COMPILING)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code of a signature.

        Two processes that do this at once, unlocked, can mix up two signatures.
        """
        try:
            with self._lock():
                super().save_overload(sig, data)
        except (OSError, NotImplementedError) as error:
            log.info("a compiled kernel could not be kept: %s", error)


class NoCache(NullCache):
    """Keeps nothing, since no folder can be written."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Return None."""
        announce(COMPILING_AGAIN.format(self._fault))


@cache
def announce(message: str) -> None:
    """Log a message that something takes long, once a process."""
    log.info(message)


@cache
def make_folder() -> tuple[Path | None, str]:
    """Return the folder for machine code and "", or None and what is wrong with it."""
    folder = cache_folder()
    try:
        new = not folder.is_dir()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)  # says when it was last used, and fails where nothing can be written
        (folder / "lock").touch()
    except OSError as error:
        return None, f"{folder}: {error.strerror or error}"
    if new:
        _remove_unused(folder)
    return folder, ""


def _remove_unused(folder: Path) -> None:
    for other in folder.parent.glob("kernels-*"):
        with contextlib.suppress(OSError):  # another process may be at it
            if other != folder and other.stat().st_mtime < time.time() - _UNUSED:
                shutil.rmtree(other)


def kernel_files() -> list[Path]:
    """List the files that can change what a kernel does, in a fixed order."""
    places = [PACKAGE / name for name in WITH_KERNELS]
    files = [path for place in places for path in place.rglob("*.py")]
    return sorted({*files, *(place for place in places if place.is_file())})


@cache
def cache_folder() -> Path:
    """Return the folder for machine code, inside $NUMBA_CACHE_DIR where that is set."""
    digest = hashlib.blake2b(digest_size=8)
    for path in kernel_files():
        name = path.relative_to(PACKAGE).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    place = os.environ.get("NUMBA_CACHE_DIR")
    return (
        (Path(place) if place else _user_cache()) / "nncompress" / f"kernels-{digest.hexdigest()}"
    )


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

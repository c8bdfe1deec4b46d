"""Compile the exact kernels, and keep their machine code.

numba keys a function's cached code by its own file alone: after a change to a function that it
calls in another file it would go on running the old one, and archives would differ. So all kernels
share one cache folder that is named after the contents of all files that hold kernels, and where
that folder cannot be written nothing is kept: numba's own choice would be a folder without such a
name. :mod:`.kernel_cache` says how its files are kept whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.registry import CPUDispatcher

from .kernel_cache import KernelCache, NoCache, fault_of_folder, fault_of_place

PACKAGE = Path(__file__).parents[1]
WITH_KERNELS = ("coding", "exact", "machine", "mixing", "transforms", "lanes.py")
"""Files and whole folders with kernels, or with numbers that are compiled into them."""

_UNUSED = 24 * 60 * 60
"""Seconds after which the folder of other kernels counts as left over from another version."""


class _Part(CPUDispatcher):
    """Refuses calls from Python, which would end in no code at all."""

    def __call__(self, *arguments: Any) -> Any:
        name = self.py_func.__name__
        raise TypeError(f"{name} is a part of kernels; jit({name}.py_func) can be called")


_PART: dict[str, Any] = {
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel, a decorator: cached, without the GIL, and exact.

    numba is given no licence to reorder floating-point sums.
    """
    kernel: Any = njit(nogil=True)(function)
    kernel._cache = _open_cache(function)  # what njit(cache=True) sets
    return kernel


def part(function: Callable[..., Any]) -> Any:
    """Make a function a part of the compiled functions that call it, a decorator.

    LLVM puts its code in their place. A predictor's state is two hundred numbers, and a call would
    pass them one by one: for a block of one lane that took four fifths of the time. Python cannot
    call it: the code for that would take as long to compile as the function.
    """
    kernel: Any = njit(**_PART)(function)
    kernel.__class__ = _Part
    return kernel


def inline(function: Callable[..., Any]) -> Any:
    """Make a function a part of kernels, a decorator: it is copied into each that calls it.

    By itself it takes no time to compile and to keep.
    """
    return njit(nogil=True, inline="always")(function)


def waits_to_be_kept(kernel: Any) -> bool:
    """Return whether a kernel has not been compiled yet, and will be kept when it is."""
    return isinstance(kernel._cache, KernelCache) and kernel._cache.waits()


def _open_cache(function: Callable[..., Any]) -> KernelCache | NoCache:
    folder, fault = make_folder()
    return NoCache(fault) if folder is None else KernelCache(function, folder)


@cache
def make_folder() -> tuple[Path | None, str]:
    """Return the folder for machine code and "", or None and why there is none that may be used.

    It may be one that exists and cannot be written. It and the folder above it must be the user's
    own, with nobody else writing there: what they hold is run.
    """
    try:
        folder = cache_folder()
        place, new = folder.parent.parent, not folder.is_dir()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        fault = fault_of_place(place)
        for own in (folder.parent, folder):
            if not fault:
                own.mkdir(mode=0o700, exist_ok=True)
                fault = fault_of_folder(own)
    except RuntimeError:
        return None, "there is no home folder; name a folder in NUMBA_CACHE_DIR"
    except OSError as error:
        return None, f"{error.filename or 'the folder'}: {error.strerror or error}"
    if fault:
        return None, fault
    with contextlib.suppress(OSError):  # nothing can be written to a read-only file system
        os.utime(folder)  # says when it was last used
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

"""How the exact kernels are compiled, and where their machine code is kept.

numba keys a function's cached code by the age of its own file alone: after a change to a function that
it calls in another file it would go on running the old one, and archives would differ. So all kernels
share one cache folder that is named after the contents of all files that hold kernels.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import config

_PACKAGE = Path(__file__).parent
_KERNELS = ("coding", "exact", "mixing")


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel: cached, without the GIL, with no licence to reorder floating-point sums."""
    # numba sets its options as the module is run, unseen by a type checker.
    options: Any = config
    before = options.CACHE_DIR
    if not before:
        options.CACHE_DIR = str(cache_folder())
    try:
        return njit(cache=True, nogil=True)(function)
    finally:
        options.CACHE_DIR = before


@cache
def cache_folder() -> Path:
    """Return the folder for machine code; $NUMBA_CACHE_DIR, where it is set, goes before it."""
    digest = hashlib.blake2b(digest_size=8)
    for name in _KERNELS:
        for path in sorted((_PACKAGE / name).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return _user_cache() / "nncompress" / f"kernels-{digest.hexdigest()}"


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

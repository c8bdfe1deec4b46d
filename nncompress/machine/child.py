"""Call a function of the package in another Python process, for instance to compile it there.

numba compiles one function at a time, whatever the threads of a process. What another process has
compiled is read from the cache.
"""

from __future__ import annotations

import json
import subprocess
import sys

_CODE = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
for place in sys.argv[2:]:
    module, name = place.split(":")
    getattr(importlib.import_module(module), name)()
"""


def start_child(*places: str) -> subprocess.Popen[bytes] | None:
    """Start a process that calls functions without arguments, one after the other.

    What it prints is thrown away. It finds modules where this process does, and nowhere else.

    Args:
        places: "module:function" each.

    Returns:
        The process, or None where none can be started, as in a program that brings no Python.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    command = [sys.executable, "-I", "-c", _CODE, json.dumps(sys.path), *places]
    nothing = subprocess.DEVNULL
    try:
        return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)
    except OSError:
        return None

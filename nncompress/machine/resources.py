"""Find how many CPUs and how much memory this process may use.

A container's limits are read where control groups of version 2 show them
(https://docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.max" and "memory.max").
"""

from __future__ import annotations

import os
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")
_UNKNOWN_MEMORY = 8 << 30


def cpus() -> int:
    """Return the number of CPUs that this process may use, at least 1."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        count = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count()
    count = count or 1
    quota = _limits("cpu.max")
    if len(quota) == 2:  # microseconds of CPU, in so many microseconds
        count = min(count, -(-quota[0] // quota[1]))
    return max(1, count)


def memory() -> int:
    """Return the bytes of memory that this process may have at most.

    Where the system does not say, this is a guess, 8 GiB.
    """
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        size = _UNKNOWN_MEMORY
    return min([size, *_limits("memory.max")])


def _limits(name: str) -> list[int]:
    """Return the numbers in a file of the control group; none where there is no limit."""
    try:
        return [int(word) for word in (_GROUP / name).read_text().split()]
    except (OSError, ValueError):  # no such file, or "max"
        return []

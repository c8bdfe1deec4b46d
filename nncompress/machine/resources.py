"""Find how many CPUs and how much memory this process may use.

A container's limits stand in the files of its control groups, of version 2
(https://docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.max" and "memory.max") or 1
(https://docs.kernel.org/scheduler/sched-bwc.html, "cpu.cfs_quota_us"). Those of the groups around
it hold too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MOUNTED = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_UNKNOWN_MEMORY = 8 << 30


def cpus() -> int:
    """Return the number of CPUs that this process may use, at least 1.

    A part of a CPU counts as one.
    """
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        count = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count()
    return max(1, min([count or 1, *(-(-quota // period) for quota, period in _quotas())]))


def memory() -> int:
    """Return the bytes of memory that this process may have at most.

    Where the system does not say, this is a guess, 8 GiB.
    """
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        size = _UNKNOWN_MEMORY
    names = ("memory.max", "memory.limit_in_bytes")
    limits = [_numbers(group / name) for group in _groups("memory") for name in names]
    return min([size, *(limit[0] for limit in limits if limit and limit[0] > 0)])


def _quotas() -> Iterator[tuple[int, int]]:
    """Yield the microseconds of CPU that each group has, and in how many microseconds."""
    for group in _groups("cpu"):
        numbers = _numbers(group / "cpu.max")
        numbers = numbers or [
            number
            for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            for number in _numbers(group / name)
        ]
        if len(numbers) == 2 and min(numbers) > 0:  # -1 is no limit
            yield numbers[0], numbers[1]


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of the control groups that limit this process, the innermost first.

    A container may see its own group as the root, though its path is one that only the host has.
    """
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except (OSError, ValueError):  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        # The second is of a system with both versions, or where controllers are mounted one by one.
        roots = (_MOUNTED / names, _MOUNTED / (controller if names else "unified"))
        inner = [part for part in path.split("/") if part]
        for root in dict.fromkeys(roots):
            if ".." not in inner:
                yield from (root.joinpath(*inner[:depth]) for depth in range(len(inner), 0, -1))
            yield root


def _numbers(path: Path) -> list[int]:
    """Return the numbers in a file of a control group; none where there is no limit."""
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):  # no such file, or "max"
        return []

"""What this process may use, as the system limits it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nncompress.machine import resources


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Let a process on a machine of eight CPUs be in made-up control groups.

    The function writes files, by their paths, and says in which groups the process is.
    """

    def make(own, **files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "mounted" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(resources, "_MOUNTED", tmp_path / "mounted")
    monkeypatch.setattr(resources, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    return make


def test_without_limits_all_of_the_machine_is_there(groups):
    groups("0::/\n", **{"cpu.max": "max 100000\n", "memory.max": "max\n"})
    assert resources.cpus() == 8
    assert resources.memory() > 1 << 27


def test_a_container_limits_both(groups):
    groups("0::/\n", **{"cpu.max": "50000 100000\n", "memory.max": "1000000\n"})
    assert (resources.cpus(), resources.memory()) == (1, 1000000)


def test_part_of_a_cpu_counts_as_one(groups):
    groups("0::/\n", **{"cpu.max": "250000 100000\n"})
    assert resources.cpus() == 3


def test_the_smallest_limit_of_all_groups_around_the_process_holds(groups):
    files = {
        "a/cpu.max": "300000 100000\n",
        "a/b/cpu.max": "max 100000\n",
        "a/b/c/cpu.max": "450000 100000\n",
        "a/memory.max": "5000000\n",
        "a/b/memory.max": "6000000\n",
        "other/cpu.max": "100000 100000\n",
    }
    groups("0::/a/b/c\n", **files)
    assert (resources.cpus(), resources.memory()) == (3, 5000000)


VERSION_1 = {
    "cpu,cpuacct/x/cpu.cfs_quota_us": "250000\n",
    "cpu,cpuacct/x/cpu.cfs_period_us": "50000\n",
    "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "memory/memory.limit_in_bytes": "7000000\n",
}


def test_groups_of_version_1_count_too(groups):
    groups("4:memory:/\n1:cpu,cpuacct:/x\n", **VERSION_1)
    assert (resources.cpus(), resources.memory()) == (5, 7000000)


def test_controllers_may_be_mounted_one_by_one(groups):
    files = {name.replace(",cpuacct", ""): text for name, text in VERSION_1.items()}
    groups("2:cpu:/x\n1:cpuacct:/\n0::/\n", **files)
    assert resources.cpus() == 5


@pytest.mark.parametrize("own", ["0::/docker/0123\n", "0::/../elsewhere\n", "4:cpu:/docker/0123\n"])
def test_a_container_may_see_its_own_group_as_the_root(groups, own):
    files = {"cpu.max": "200000 100000\n"}
    files |= {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}
    groups(own, **files)
    assert resources.cpus() == 2


@pytest.mark.parametrize("text", ["", "max", "0 0", "-5 100000", "many 100000", "1 2 3", "7"])
def test_files_that_make_no_sense_limit_nothing(groups, text):
    groups("0::/\nnonsense\n::\n", **{"cpu.max": text, "memory.max": "nothing"})
    assert resources.cpus() == 8
    assert resources.memory() > 1 << 27


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity_counts():
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]);"
        "from nncompress.machine.resources import cpus; print(cpus())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"1"

"""What this process may use, as the system limits it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nncompress.machine import resources


@pytest.fixture
def group(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "_GROUP", tmp_path)
    return tmp_path


def test_without_limits_all_of_the_machine_is_there(group):
    (group / "cpu.max").write_text("max 100000\n")
    (group / "memory.max").write_text("max\n")
    assert 1 <= resources.cpus() <= (os.cpu_count() or 1)
    assert resources.memory() > 1 << 27


def test_a_container_limits_both(group):
    (group / "cpu.max").write_text("50000 100000\n")
    (group / "memory.max").write_text("1000000\n")
    assert (resources.cpus(), resources.memory()) == (1, 1000000)


def test_part_of_a_cpu_counts_as_one(group, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    (group / "cpu.max").write_text("250000 100000\n")
    assert resources.cpus() == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity_counts():
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]);"
        "from nncompress.machine.resources import cpus; print(cpus())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"1"

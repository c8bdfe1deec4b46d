"""Where compiled kernels are kept, what is said about it, and what happens where they cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nncompress.machine.jit import jit, part
from tests.children import ROOT, environment

ONCE = "compiling the kernels for this machine, once: about a minute\n"


def start(cache: Path, *kinds: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kernels", *kinds],
        env=environment(NUMBA_CACHE_DIR=str(cache)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(cache: Path, *kinds: str) -> str:
    """Run the kernel for some kinds of numbers, and return what was said."""
    process = start(cache, *kinds)
    shown, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert shown == "".join(f"{kind} {6 if kind[0] == 'i' else 6.0}\n" for kind in kinds)
    return said


def compiled(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.nbc"))


def test_the_first_run_says_that_it_compiles_and_later_ones_do_not(tmp_path):
    assert run(tmp_path, "int32", "int64") == ONCE
    assert len(compiled(tmp_path)) == 2
    assert run(tmp_path, "int64", "int32") == ""
    assert run(tmp_path, "float64") == ONCE


def test_without_a_folder_kernels_are_compiled_each_time(tmp_path):
    (tmp_path / "file").touch()
    before = {path for path in ROOT.glob("tests/**/*.nbi") if "kernels" in path.name}
    for _ in range(2):
        said = run(tmp_path / "file", "int32")
        assert said.startswith("compiling the kernels, about a minute; they cannot be kept:")
        assert said.count("\n") == 1
    # numba's own choice, which does not know of changes in other files, is not taken instead
    assert {path for path in ROOT.glob("tests/**/*.nbi") if "kernels" in path.name} == before


@pytest.mark.parametrize("keep", [0, 60])
def test_half_a_file_is_compiled_anew(tmp_path, keep):
    run(tmp_path, "int32")
    for path in [*compiled(tmp_path), *tmp_path.rglob("*.nbi")]:
        path.write_bytes(path.read_bytes()[:keep])
    assert ONCE in run(tmp_path, "int32")


def test_folders_of_other_versions_go_once_they_are_unused(tmp_path):
    parent = tmp_path / "nncompress"
    for name, days in (("kernels-old", 3), ("kernels-in-use", 0), ("another", 3)):
        (parent / name / "mixing").mkdir(parents=True)
        os.utime(parent / name, (time.time() - days * 86400,) * 2)
    run(tmp_path, "int32")
    left = {path.name for path in parent.iterdir()}
    assert {"kernels-in-use", "another"} < left
    assert len(left) == 3


def test_first_runs_at_once_do_not_mix_up_kernels(tmp_path):
    kinds = ["int32", "int64", "float32", "float64"]
    processes = [start(tmp_path, *kinds[i:], *kinds[:i]) for i in range(3)]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(compiled(tmp_path)) == len(kinds)
    assert run(tmp_path, *kinds) == ""


def test_a_part_of_kernels_cannot_be_called_from_python():
    @part
    def double(number):
        return 2 * number

    @jit
    def quadruple(number):
        return double(double(number))

    with pytest.raises(TypeError, match="double is a part of kernels"):
        double(1)
    assert quadruple(1) == 4

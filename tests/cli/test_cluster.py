"""``--cluster``: the same files as without it, and one clear line where it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.children import environment
from tests.cli.conftest import Run, command
from tests.dask import dask_workers
from tests.models import text as some_text

NAMES = ["a", "b", "c", "d", "e"]


def folder(path: Path) -> Path:
    path.mkdir()
    for number, name in enumerate(NAMES):
        (path / name).write_bytes(some_text(20_000 - 4000 * number, number))
    return path


def test_a_folder_is_done_on_a_cluster_as_without_one(real_nnc: Run, tmp_path, scheduler):
    here, there = folder(tmp_path / "here"), folder(tmp_path / "there")
    assert real_nnc("compress", "-r", "-1", here).returncode == 0
    (there / "c").unlink()
    (there / "c").symlink_to("nothing")
    done = real_nnc("compress", *(there / n for n in NAMES), "-1v", "--cluster", scheduler)
    said = [line.split(b": ")[0].split(b"/")[-1] for line in done.stderr.splitlines()]
    assert said == [b"a", b"b", b"nncompress", b"d", b"e"]  # in the order of the names
    assert done.returncode == 1
    for name in ("a", "b", "d", "e"):
        archive = (there / f"{name}.nnc").read_bytes()
        assert archive == (here / f"{name}.nnc").read_bytes()
        (there / name).unlink()
    done = real_nnc("decompress", "-r", there, "--cluster", scheduler)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (there / "e").read_bytes() == (here / "e").read_bytes()
    (there / "b.nnc").write_bytes(b"no archive")
    done = real_nnc("test", "-r", there, "--cluster", scheduler)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_results_of_one_name_are_not_written_at_once(real_nnc: Run, tmp_path, scheduler):
    for name in ("x", "y"):
        folder(tmp_path / name)
    out = tmp_path / "out"
    out.mkdir()
    done = real_nnc("compress", "-1f", "x/a", "y/a", "-o", out, "--cluster", scheduler)
    assert done.returncode == 1
    assert b"was written in this run" in done.stderr


def test_a_lost_scheduler_is_one_line_and_leaves_nothing(tmp_path):
    folder(tmp_path / "files")
    words = command("compress", "-r", "files", "-1", module="nncompress")
    with dask_workers(0) as address:
        running = subprocess.Popen(
            [*words, "--cluster", address],
            cwd=tmp_path,
            env=environment(),
            stderr=subprocess.PIPE,
        )
        assert running.stderr is not None
        assert b"no workers yet" in running.stderr.readline()
        time.sleep(0.5)
    assert running.wait(60) == 1
    said = running.stderr.read()
    assert (said.count(b"\n"), b"is lost" in said) == (1, True), said
    running.stderr.close()
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == NAMES


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
def test_an_interrupt_while_workers_start_ends_all_of_them(tmp_path):
    psutil = pytest.importorskip("psutil")  # distributed has it
    folder(tmp_path / "files")
    words = command("compress", "-r", "files", "-1", "--cluster", "local:2", module="nncompress")
    running = subprocess.Popen(
        words,
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        start_new_session=True,  # a group of processes, which a terminal would interrupt together
    )
    process, children = psutil.Process(running.pid), []
    while len(children) < 2 and running.poll() is None:
        time.sleep(0.01)
        children = process.children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert (running.returncode, said) == (-signal.SIGINT, b"")
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == NAMES

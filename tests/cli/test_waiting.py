"""Pipes that are set not to block: what is not there yet is no end, and nothing gets lost."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.children import environment
from tests.cli.conftest import TEXT, command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def through_slow_pipe(folder: Path, data: bytes, *arguments: str) -> subprocess.CompletedProcess:
    """Run nncompress while ``data`` comes in three pieces through a pipe that does not block."""
    inside, outside = os.pipe()
    os.set_blocking(inside, False)

    def write() -> None:
        with os.fdopen(outside, "wb", buffering=0) as file:
            for start in range(0, len(data), len(data) // 3 + 1):
                time.sleep(1)
                file.write(data[start : start + len(data) // 3 + 1])

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    done = subprocess.run(
        command(*arguments),
        stdin=inside,
        capture_output=True,
        cwd=folder,
        env=environment(),
        timeout=120,
        check=False,
    )
    os.close(inside)
    writer.join(60)
    return done


def test_input_that_is_not_there_yet_is_waited_for(nnc, tmp_path):
    packed = through_slow_pipe(tmp_path, TEXT, "-c")
    assert (packed.returncode, packed.stderr) == (0, b"")
    assert nnc("-dc", data=packed.stdout).stdout == TEXT
    restored = through_slow_pipe(tmp_path, packed.stdout, "-dc")
    assert (restored.returncode, restored.stdout, restored.stderr) == (0, TEXT, b"")
    assert through_slow_pipe(tmp_path, packed.stdout, "-t").returncode == 0
    saved = through_slow_pipe(tmp_path, packed.stdout, "-d", "-o", "saved", "-")
    assert saved.returncode == 0
    assert (tmp_path / "saved").read_bytes() == TEXT


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("target", ["-c", "-o/dev/fd/1"])
def test_output_that_would_block_is_waited_for(nnc, tmp_path, unbuffered, target):
    data = TEXT * 5  # more than a pipe holds
    packed = nnc("-c", data=data).stdout
    inside, outside = os.pipe()
    os.set_blocking(outside, False)
    found = []

    def read() -> None:
        time.sleep(2)
        with os.fdopen(inside, "rb") as file:
            found.append(file.read())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    done = subprocess.run(
        command("-d", target),
        input=packed,
        stdout=outside,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        timeout=120,
        check=False,
    )
    os.close(outside)
    reader.join(60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert found == [data]


def test_compare_waits_for_its_input(monkeypatch):
    from nncompress.cli import compare

    inside, outside = os.pipe()
    os.set_blocking(inside, False)
    sender = threading.Timer(0.5, lambda: (os.write(outside, TEXT[:1000]), os.close(outside)))
    sender.start()
    with os.fdopen(inside, "r") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert compare._read("-") == TEXT[:1000]
    sender.join()

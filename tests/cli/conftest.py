"""Runs the command line in a process of its own, with the small codec."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.children import environment

TEXT = b"".join(b"line %d of a text that compresses well\n" % i for i in range(3000))

Result = subprocess.CompletedProcess
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(autouse=True, scope="session")
def signals_are_heard() -> None:
    """Give children the signals that a shell's background jobs, as the tests may be, ignore."""
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def command(*arguments: str | Path, module: str = "tests.nnc") -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


@pytest.fixture
def nnc(tmp_path: Path) -> Run:
    """Run nncompress in ``tmp_path``; environment variables as keywords."""
    return _runner("tests.nnc", tmp_path)


@pytest.fixture
def real_nnc(tmp_path: Path) -> Run:
    """Run nncompress with its own codec."""
    return _runner("nncompress", tmp_path)


def _runner(module: str, folder: Path) -> Run:
    def run(*arguments: str | Path, data: bytes | None = None, **extra: str) -> Result[bytes]:
        result = subprocess.run(
            command(*arguments, module=module),
            input=b"" if data is None else data,
            capture_output=True,
            cwd=folder,
            env=environment(**extra),
            timeout=120,
            check=False,
        )
        assert b"Traceback" not in result.stderr, result.stderr.decode()
        return result

    return run


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    return path

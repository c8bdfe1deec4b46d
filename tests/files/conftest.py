"""Runs the command line in this process, with the small codec."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import nncompress.pipeline.coder
from nncompress.cli.app import run
from tests.fakes import ZlibCodec

BLOCK = 1 << 17


@dataclass
class Done:
    """What a command did: exit status, standard output, standard error."""

    status: int
    out: bytes
    said: str


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a folder of its own, with one for temporary files in it."""
    monkeypatch.setattr(
        nncompress.pipeline.coder, "_open_codec", lambda options: ZlibCodec(block_size=BLOCK)
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


@pytest.fixture
def nnc(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Done]:
    """Run a command in that folder."""

    def call(*arguments: str) -> Done:
        status = run(list(arguments))
        sys.stdout.flush()
        out, said = capfdbinary.readouterr()
        assert b"internal error" not in said, said.decode()
        return Done(status, out, said.decode())

    return call

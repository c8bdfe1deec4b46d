"""What needs no PyTorch works where it is not installed; what needs it says so on one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.children import ROOT
from tests.cli.conftest import Result, Run
from tests.golden.cases import MODEL

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

ABSENT = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")\n'
TEXT = b"The same words come again, and the same words come again. " * 20


@pytest.fixture
def light(real_nnc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run nncompress in a process for which, and for whose children, there is no torch."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / "torch.py").write_text(ABSENT)
    inherited = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), inherited])))
    (tmp_path / "text").write_bytes(TEXT)

    def run(*arguments: str | Path, **extra: str) -> Result[bytes]:
        return real_nnc(*arguments, **extra)

    return run


def good(result: Result[bytes]) -> bytes:
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


@pytest.mark.parametrize("method", ["mixing", "network", "network+mixing"])
def test_files_are_coded(light, tmp_path, method):
    good(light("compress", "-k", "--method", method, "-m", MODEL, "text"))
    restoring = ("-m", MODEL, "text.nnc")
    assert good(light("cat", *restoring)) == TEXT
    assert good(light("cat", "--range", "5:9", *restoring)) == TEXT[5:9]
    good(light("test", *restoring))
    assert method.encode() in good(light("list", "text.nnc"))
    (tmp_path / "text").unlink()
    good(light("decompress", *restoring))
    assert (tmp_path / "text").read_bytes() == TEXT


def test_models_are_measured_and_checked(light, tmp_path):
    assert b"bits per byte" in good(light("eval", "text", "-m", MODEL, "--coded"))
    good(light("explain", "text", "-m", MODEL, "--html", tmp_path / "page.html"))
    assert good(light("generate", "-n", "5", "-m", MODEL, "-p", "The")).startswith(b"The")
    assert b"sound" in good(light("models", "verify", str(MODEL)))
    assert b"default" in good(light("models", "list"))
    codecs = ("--codec", "nncompress", "--codec", "xz")
    table = good(light("compare", "text", "-m", MODEL, *codecs, "--csv"))
    assert table.count(b"nncompress") >= 1
    assert b"torch" not in table


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "text", "--out", "weights"),
        ("average", "weights", "--out", "mean"),
        ("quantize", "weights", "text", "--out", "new.nncmodel"),
        ("eval", "text", "--float", "weights"),
        ("compress", "--device", "cuda", "--method", "network", "-m", str(MODEL), "text"),
        ("generate", "--device", "cuda", "-m", str(MODEL)),
        ("models", "verify", "--device", "cuda", str(MODEL)),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_what_needs_it_says_so(light, tmp_path, arguments):
    before = {path.name for path in tmp_path.iterdir()}
    done = light(*arguments)
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert "needs PyTorch, which is not installed: pip install torch" in line
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["train", "average", "quantize", "eval"])
def test_help_does_not(light, name):
    assert b"Usage:" in good(light(name, "--help"))


@pytest.mark.skipif(tomllib is None, reason="tomllib is in Python from 3.11 on")
def test_the_light_install_is_the_whole_one_without_it():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    lines = (ROOT / "requirements-light.txt").read_text("utf-8").splitlines()
    light = [line for line in lines if line and not line.startswith("#")]
    assert light == [line for line in wanted if not line.startswith("torch")]

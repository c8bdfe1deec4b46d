from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.models import write_model


def test_prompt_and_so_many_bytes(real_nnc: Run, tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    arguments = ("generate", "-m", model, "--prompt", "grüße", "-n", "30", "--seed", "5")
    result = real_nnc(*arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("grüße".encode())
    assert len(result.stdout) == len("grüße".encode()) + 30 + 1
    assert real_nnc(*arguments).stdout == result.stdout


def test_bad_input(real_nnc: Run, tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    for arguments in (("-m", "unknown"), ("-m", model, "--top-p", "7")):
        result = real_nnc("generate", *arguments)
        assert result.returncode == 1
        assert result.stderr.count(b"\n") == 1

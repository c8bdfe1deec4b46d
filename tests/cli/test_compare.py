from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.models import text, write_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(text(3000))
    return path


def test_own_methods_and_others_on_the_same_bytes(
    real_nnc: Run, tmp_path: Path, file: Path
) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    chosen = ("--codec", "nncompress", "--codec", "nncompress mixing", "--codec", "xz")
    result = real_nnc("compare", file, "-m", model, *chosen, "--json")
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["machine"]["python"]
    names = {trial["codec"]: trial for trial in facts["trials"]}
    assert names.keys() == {"nncompress", "nncompress mixing", "xz -9e"}
    for trial in names.values():
        assert trial["error"] is None
        assert trial["restored"] is True
        assert 0 < trial["compressed"] < 3000
        assert trial["bits_per_byte"] == pytest.approx(8 * trial["compressed"] / 3000)


def test_without_a_model_the_rest_goes_on(real_nnc: Run, file: Path) -> None:
    chosen = ("--codec", "nncompress", "--codec", "bzip2")
    result = real_nnc("compare", file, "-m", "unknown", *chosen)
    assert result.returncode == 1
    assert b"no model 'unknown'" in result.stdout
    assert b"bzip2 -9" in result.stdout
    assert result.stderr == b""


def test_several_files_and_standard_input(real_nnc: Run, file: Path) -> None:
    result = real_nnc("bench", file, "-", "--codec", "gzip", "--csv", data=b"from a pipe")
    rows = list(csv.DictReader(io.StringIO(result.stdout.decode())))
    assert [(row["file"], row["size"]) for row in rows] == [(str(file), "3000"), ("-", "11")]
    for row in rows:
        assert {"level", "model", "model_identity"} <= row.keys()
        assert row["version"].startswith("zlib ")
        assert row["command"] == "gzip.compress(data, 9, mtime=0)"
        assert row["date"][:2] == "20"


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot(real_nnc: Run, tmp_path: Path, file: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    chosen = ("--codec", "gzip", "--codec", "bzip2", "--markdown")
    result = real_nnc("compare", file, *chosen, "--plot", f"plot.{suffix}")
    assert result.returncode == 0, result.stderr
    drawn = (tmp_path / f"plot.{suffix}").read_bytes()
    assert drawn.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    assert suffix == "png" or b"bzip2" in drawn


def test_page_with_tables_chart_and_map(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    chosen = ("--codec", "gzip", "--codec", "brotli", "--html", "page.html")
    model = write_model(tmp_path / "tiny.nncmodel")
    result = real_nnc("compare", file, *chosen, "-m", model)
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for part in ("gzip -9", "brotli", "How each was run", "gzip.compress(data", "Size against"):
        assert part in page
    again = real_nnc("compare", file, *chosen)
    assert again.returncode == 1
    assert b"already exists" in again.stderr


def test_page_without_a_model_says_so(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    chosen = ("--codec", "gzip", "--html", "page.html", "-m", "unknown")
    assert real_nnc("compare", file, *chosen).returncode == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "There is no map: no model" in page
    assert "<script" not in page


def test_bad_input(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    for arguments, message in (
        (("absent",), b"absent"),
        ((tmp_path,), b"is a folder"),
        ((file, "--codec", "rar"), b"no codec 'rar'"),
        ((file, "--plot", "plot.gif"), b".png or .svg"),
        ((file, "--html", "no/page.html"), b"no such folder"),
    ):
        result = real_nnc("compare", *arguments)
        assert result.returncode == 1
        assert message in result.stderr
        assert result.stderr.count(b"\n") == 1
        assert result.stdout == b""

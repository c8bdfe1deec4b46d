"""The curve of a training run, from its log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nncompress.errors import ConfigError, FileError
from nncompress.reports.curve import require_curve, training_curve


@pytest.fixture
def log(tmp_path: Path) -> Path:
    entries = [
        {"step": 1, "bytes": 100, "seconds": 1.0, "bits_per_byte": 7.5, "rate": 1e-3},
        {"step": 1, "bytes": 100, "seconds": 1.0, "validation": {"mean": 7.25}},
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_a_table_has_a_row_for_each_entry(log: Path) -> None:
    heading, first, second = training_curve(log, "csv").decode().splitlines()
    assert heading == "step,bytes,seconds,rate,bits_per_byte,held_out_bits_per_byte"
    assert first == "1,100,1.0,0.001,7.5,"
    assert second == "1,100,1.0,,,7.25"


def test_a_picture_is_drawn(log: Path) -> None:
    pytest.importorskip("matplotlib")
    assert training_curve(log, "png").startswith(b"\x89PNG")
    assert b"<svg" in training_curve(log, "svg")


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="log"):
        training_curve(tmp_path / "no.log", "csv")
    (tmp_path / "bad.log").write_text("[1]\n")
    with pytest.raises(ConfigError, match=r"bad\.log"):
        training_curve(tmp_path / "bad.log", "csv")


def test_a_curve_of_unknown_form_is_refused(tmp_path: Path) -> None:
    require_curve(tmp_path / "a.csv")
    with pytest.raises(ConfigError, match="csv"):
        require_curve(tmp_path / "a.gif")

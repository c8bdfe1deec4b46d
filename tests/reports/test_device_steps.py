"""The script that measures a device's steps, on a CPU with torch's kernels."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from click.testing import CliRunner

from tests.children import ROOT
from tests.models import text, write_model
from tests.scripts import benchmark


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    return benchmark("device_steps", monkeypatch)


def run(script, tmp_path, *arguments):
    (tmp_path / "text").write_bytes(text(20_000))
    model = str(write_model(tmp_path / "tiny.nncmodel"))
    options = ["--rows", "32", "--rows", "64", "--steps", "3", "--threads", "2", "-m", model]
    target = ["--json", str(tmp_path / "found.json")]
    return CliRunner().invoke(script.main, [str(tmp_path / "text"), *options, *target, *arguments])


def test_steps_are_measured_and_shown(script, tmp_path):
    done = run(script, tmp_path, "--device", "cpu")
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "found.json").read_text())
    assert [(row["rows"], row["blocks"]) for row in facts["rows"]] == [(32, 1), (64, 2)]
    for row in facts["rows"]:
        assert row["kernels"] == "torch"
        assert row["bytes_in"] == 8 + 5 * row["rows"]
        assert row["bytes_out"] == (4 * 256 + 32) * row["rows"]
        assert row["mixing_us"] > 0
    assert "| 64 | 2 |" in done.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a CUDA device")
def test_without_a_device_it_says_that_nothing_was_measured(script, tmp_path):
    done = run(script, tmp_path, "--device", "cuda")
    assert done.exit_code == 1
    assert "not measured: no CUDA device" in done.output
    assert not (tmp_path / "found.json").exists()

"""A few thousand cases of the fuzzer; benchmarks/fuzz.py runs as many as wanted."""

from __future__ import annotations

import subprocess
import sys

from tests.children import ROOT, environment


def test_damaged_archives_and_models_give_errors_or_the_right_contents():
    script = ROOT / "benchmarks" / "fuzz.py"
    result = subprocess.run(
        [sys.executable, script, "--cases", "2000"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "2000 cases" in result.stdout
    assert "model: ModelError" in result.stdout
    assert "kernel: not used" in result.stdout
    assert "range: right contents" in result.stdout

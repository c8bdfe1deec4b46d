"""The README's tables, and the script that writes them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from nncompress.benchmark.compare import Trial

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        "readme_tables", ROOT / "benchmarks" / "readme.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_tables_in_the_readme_are_what_the_results_say(script: ModuleType) -> None:
    readme = ROOT / "README.md"
    if not readme.is_file() or "<!-- benchmark:" not in readme.read_text(encoding="utf-8"):
        pytest.skip("no table in README.md")
    text = readme.read_text(encoding="utf-8")
    assert script.filled(text) == text


def test_tables_are_filled_from_the_results(script: ModuleType, tmp_path: Path) -> None:
    trials = [
        Trial("a", 1000, "nncompress", compressed=250, compress_seconds=1.0, restored=True),
        Trial("a", 1000, "broken", error="failed"),
    ]
    facts = {"trials": [t.facts() for t in trials], "totals": [trials[0].facts()]}
    (tmp_path / "ratio.json").write_text(json.dumps(facts))
    text = "before\n<!-- benchmark:ratio-files -->\nold\n<!-- /benchmark:ratio-files -->\nafter\n"
    once = script.filled(text, tmp_path)
    assert "old" not in once
    assert "| a | 1,000 | 250 |  |" in once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert script.filled(once, tmp_path) == once
    assert "| nncompress | 250 |" in script.filled(text.replace("ratio-files", "ratio"), tmp_path)

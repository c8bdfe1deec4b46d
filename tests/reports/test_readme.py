"""The README's tables, and the script that writes them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nncompress.reports.compare import Trial, totals
from tests.children import ROOT
from tests.scripts import benchmark


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("readme", monkeypatch)


def test_tables_are_what_the_results_say(script: ModuleType) -> None:
    pages = script.pages()
    if not pages:
        pytest.skip("no Markdown file with a table here")
    assert ROOT / "README.md" in pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert script.filled(text) == text, f"{page}: run benchmarks/readme.py"


def test_every_result_says_what_it_was_measured_with() -> None:
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        machine = json.loads(path.read_text(encoding="utf-8"))["machine"]
        assert {"processor", "cores", "python", "libraries", "commit"} <= machine.keys(), path


def test_what_was_not_measured_stays(script: ModuleType, tmp_path: Path) -> None:
    text = "<!-- benchmark:levels -->\nnot yet\n<!-- /benchmark:levels -->\n"
    assert script.filled(text, tmp_path) == text


WAY = {"seconds": 2.0, "bytes_per_second": 50_000.0, "peak_bytes": 3 << 20}
SPEEDS = {"archive_bytes": 40, "compress": WAY, "decompress": WAY}
RUN = {"steps": 5, "bytes": 100}


@pytest.mark.parametrize(
    ("name", "facts", "row"),
    [
        (
            "levels",
            {"rows": [{"level": 3, "xz": SPEEDS} | SPEEDS]},
            "| `-3` | 40 | 2.00 | 50.0 | 2.00 | 50.0 | 3 | 2.00 |",
        ),
        (
            "throughput",
            {"rows": [{"what": "all"} | SPEEDS], "help": WAY},
            "| `--help` |  | 2.00 |  |  |  | 3 |",
        ),
        (
            "lanes",
            {
                "rows": [
                    {"method": "mixing", "lanes": lanes, "bytes": size}
                    for lanes, size in ((64, 103), (1, 100))
                ]
            },
            "| mixing | 64 | 103 | +3.00% |",
        ),
        (
            "contention",
            {
                "rows": [
                    {
                        "load": "a loop",
                        "bytes": 250,
                        "block_size": 100,
                        "seconds": {"-T 1": 4.0, "-T 2": 6.0, "default": 4.2},
                    },
                    {"load": "more", "bytes": 90, "block_size": 0, "seconds": {"before": 9.0}},
                ]
            },
            "| a loop | 3 | 4.0 | 6.0 | 4.2 |  | 1.05 |\n| more | 1 |  |  |  | 9.0 |  |",
        ),
        (
            "ablation",
            {
                "variants": [
                    {
                        "variant": name,
                        "parameters": 9,
                        "processor_seconds_a_step": pace,
                        "paper": "",
                    }
                    for name, pace in (("first", 0.05), ("slow", 0.08), ("to come", 0.07))
                ],
                "runs": [
                    {"equal": "bytes", "variant": "first", "bits_per_byte": 2.0} | RUN,
                    {"equal": "bytes", "variant": "slow", "bits_per_byte": 1.9} | RUN,
                    {"equal": "time", "variant": "slow", "bits_per_byte": 2.1} | RUN,
                ],
            },
            "| first | 9 | 2.000 | 2.000 | 50 |  |\n| slow | 9 | 1.900 | 2.100 | 80 |  |\n"
            "| to come | 9 |  |  | 70 |  |",
        ),
    ],
)
def test_rows_of_tables(script: ModuleType, name: str, facts: dict[str, Any], row: str) -> None:
    assert row in script.README_TABLES[name][1](facts)


def test_files_are_summed_for_peers_that_did_them_all(script: ModuleType) -> None:
    trials = [
        Trial(file, 1000, peer, compressed=size, restored=True)
        for file, peer, size in (("a", "x", 10), ("a", "y", 20), ("b", "x", 30))
    ]
    facts = {
        "trials": [trial.facts() for trial in trials],
        "totals": [trial.facts() for trial in totals(trials)],
    }
    assert script.files_table(facts).endswith("| all 2 files | 2,000 | 40 |  |\n")


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

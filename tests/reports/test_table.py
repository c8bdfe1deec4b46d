from __future__ import annotations

import csv
import io

import pytest

from nncompress.reports import table
from nncompress.reports.compare import Trial

TRIALS = [
    Trial(
        "a|b",
        1000,
        "large",
        compressed=800,
        compress_seconds=1.0,
        peak_memory=20_000_000,
        restored=True,
    ),
    Trial(
        "a|b", 1000, "small", compressed=125, compress_seconds=2.0, peak_memory=None, restored=True
    ),
    Trial("a|b", 1000, "broken", error="failed with status 3"),
]


@pytest.mark.parametrize("render", [table.plain, table.markdown])
def test_smallest_first_and_failures_last(render) -> None:  # type: ignore[no-untyped-def]
    shown = render(TRIALS)
    assert shown.index("small") < shown.index("large") < shown.index("broken")
    assert "failed with status 3" in shown
    row = next(line for line in shown.splitlines() if "small" in line)
    for cell in ("125", "1.000", "8.00"):
        assert cell in row


def test_markdown_rows_have_as_many_cells_as_columns() -> None:
    lines = [line for line in table.markdown(TRIALS).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {len(table.TRIAL_COLUMNS) + 1}


def test_several_files_get_a_section_for_all() -> None:
    other = Trial(
        "c",
        3000,
        "large",
        compressed=200,
        compress_seconds=1.0,
        peak_memory=30_000_000,
        restored=True,
    )
    title, trials = table.sections([*TRIALS, other])[-1]
    assert title == "all 2 files, 4,000 bytes"
    assert [(trial.codec, trial.compressed) for trial in trials] == [("large", 1000)]


def test_csv_holds_exact_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(table.comma_separated(TRIALS))))
    assert [row["compressed"] for row in rows] == ["800", "125", ""]
    assert float(rows[1]["bits_per_byte"]) == 1.0
    assert rows[2]["error"] == "failed with status 3"


def test_rich_prints_the_same_rows(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    table.print_rich(TRIALS)
    shown = capsys.readouterr().out
    assert shown.index("small") < shown.index("large") < shown.index("broken")

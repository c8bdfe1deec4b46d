from __future__ import annotations

import pytest

from nncompress.reports import baselines


@pytest.mark.parametrize("table", baselines.TABLES)
def test_every_row_has_known_sources_and_the_best_kind_of_them(table: str) -> None:
    sources = baselines.load()["sources"]
    for row in baselines.rows(table):
        kinds = [baselines.KINDS.index(sources[key]["kind"]) for key in row["sources"]]
        assert row["kind"] == baselines.KINDS[min(kinds)], row
        assert all(sources[key]["name"] for key in row["sources"]), row


@pytest.mark.parametrize("corpus", ["enwik8", "enwik9"])
def test_whole_file_rows_are_sorted_unique_and_smaller_than_the_file(corpus: str) -> None:
    sizes = [row["size"] for row in baselines.whole_file_rows(corpus)]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] < baselines.load()["corpora"][corpus]["size"]


def test_totals_are_archive_plus_decompressor() -> None:
    for row in baselines.rows("ltcb"):
        if {"enwik9", "decompressor", "total"} <= row.keys():
            assert row["total"] == row["enwik9"] + row["decompressor"], row


def test_the_prize_only_ever_went_to_smaller_files() -> None:
    for file in ("enwik8", "enwik9"):
        rows = [row for row in baselines.rows("hutter_prize") if row["file"] == file]
        sizes = [row["total"] for row in rows if "total" in row]
        assert sizes == sorted(sizes, reverse=True)

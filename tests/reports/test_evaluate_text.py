from __future__ import annotations

import re
from typing import Any

import pytest

from nncompress.reports.evaluate_text import evaluation_lines


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "file": "some/file",
        "part": None,
        "bytes": 5_000_000,
        "recognised": None,
        "corpus": None,
        "model": {
            "name": "m",
            "identity": "00",
            "size": 6_000_000,
            "parameters": 5,
            "summary": {"trained_on": "all of Gutenberg"},
        },
        "network": {"bits_per_byte": 1.5, "bytes": 937_500, "seconds": 1.0},
        "totals": {
            "payload": 937_500,
            "payload_and_model": 6_937_500,
            "payload_model_and_program": 7_000_000,
        },
        **changed,
    }


def lines(**changed: Any) -> str:
    return "\n".join(evaluation_lines(facts(**changed)))


def test_paper_stands_beside_the_held_out_part_only() -> None:
    held_out = lines(part="enwik8 test")
    assert "1.068" in held_out
    assert "1.076" in held_out
    for other in (
        lines(),
        lines(part="enwik8 valid"),
        lines(part="enwik8 test", bytes=1_000_000),
        lines(corpus="enwik8"),
        lines(recognised="the first 1,000,000 bytes of enwik8"),
    ):
        assert "1.068" not in other


@pytest.mark.parametrize(("corpus", "record"), [("enwik8", "phda9"), ("enwik9", "fx2-cmix")])
def test_whole_file_is_ranked_among_whole_file_results(corpus: str, record: str) -> None:
    shown = lines(corpus=corpus)
    assert "<== nncompress" in shown
    assert record in shown
    assert "all of Gutenberg" in shown


def test_quoted_rows_are_marked() -> None:
    marked = [line for line in lines(corpus="enwik9").splitlines() if "fx2-cmix" in line]
    assert marked
    assert all("(quoted)" in line for line in marked)


def test_every_figure_names_a_source_that_is_listed() -> None:
    shown = lines(corpus="enwik8").splitlines()
    listed = {found[1] for line in shown if (found := re.match(r"\s+\[(\w+)\] \w+: ", line))}
    figures = [line for line in shown if re.search(r"\[[\w, ]+\]$", line)]
    assert len(figures) > 30
    for line in figures:
        assert set(line.rsplit("[", 1)[1][:-1].split(", ")) <= listed

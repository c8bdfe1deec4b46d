from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.reports import baselines
from nncompress.reports.evaluate_text import WARNING_START, baseline_lines, evaluation_lines
from nncompress.reports.published import Published, choose_published, prize_entry, training_warning
from tests.children import ROOT
from tests.structure.modules import modules

SIZE, PAYLOAD, MODEL, PROGRAM = 5_000_000, 937_500, 6_000_000, 62_500
GUTENBERG = {"trained_on": "all of Gutenberg"}
COST = {"bits": 8.0 * PAYLOAD, "bits_per_byte": 1.5, "bytes": PAYLOAD, "seconds": 1.0}
MEASURED = {"bytes": PAYLOAD, "is": "archive", "program": PROGRAM}


def facts(
    part: str | None = None, corpus: str | None = None, summary: Mapping[str, Any] = GUTENBERG
) -> dict[str, Any]:
    stated = {"trained_on": summary.get("trained_on"), "left_out": summary.get("left_out")}
    counted = {
        "payload": PAYLOAD,
        "payload_and_model": PAYLOAD + MODEL,
        "payload_model_and_program": PAYLOAD + MODEL + PROGRAM,
    }
    model = {"name": "m", "identity": "00", "size": MODEL, "parameters": 5, "summary": summary}
    file = {"file": "some/file", "part": part, "bytes": SIZE, "recognised": None, "corpus": corpus}
    found = choose_published(part, corpus, model, MEASURED)
    return {
        "level": 6,
        "model": model | stated | {"counted": counted},
        "against": None,
        "files": [file | {"network": COST}],
        "total": {"files": 1, "bytes": SIZE, "network": COST},
        "published": found and found.facts(),
    }


def lines(
    part: str | None = None, corpus: str | None = None, summary: Mapping[str, Any] = GUTENBERG
) -> list[str]:
    return list(evaluation_lines(facts(part, corpus, summary)))


def test_paper_stands_beside_the_held_out_part_only() -> None:
    held_out = "\n".join(lines("enwik8 test"))
    assert "1.068" in held_out
    assert "1.076" in held_out
    for other in (lines(), lines("enwik8 valid"), lines(corpus="enwik8")):
        assert "1.068" not in "\n".join(other)


WORDS = st.none() | st.text(max_size=30) | st.sampled_from(["wiki 100", "enwik8, first 90 MB"])
SUMMARIES = st.fixed_dictionaries(
    {}, optional={"trained_on": WORDS, "corpus": WORDS, "left_out": WORDS, "note": WORDS}
)
PUBLISHED_ROW = re.compile(r"\[\w+(, \w+)*\]$")


@given(st.sampled_from([("enwik8 test", None), (None, "enwik8"), (None, "enwik9")]), SUMMARIES)
def test_no_published_figure_without_a_warning_before_it(
    what: tuple[str | None, str | None], summary: dict[str, Any]
) -> None:
    """Whatever a model says of its training: what it may have seen is said before any figure."""
    said = lines(*what, summary)
    figures = [place for place, line in enumerate(said) if PUBLISHED_ROW.search(line)]
    warnings = [place for place, line in enumerate(said) if line.startswith(WARNING_START)]
    assert figures
    assert warnings
    assert min(warnings) < min(figures)
    first = said[min(warnings)]
    assert "not comparable" in first
    stated = summary.get("trained_on") or summary.get("corpus")
    assert (stated or "not stated in its file") in "\n".join(said[min(warnings) : min(figures)])
    if stated and "wiki" in stated.lower():
        assert "was trained on text of Wikipedia" in first
    published = facts(*what, summary)["published"]
    assert published["warnings"]


@pytest.mark.parametrize("key", ["started_from", "teachers"])
def test_a_model_made_from_another_says_so(key: str) -> None:
    """What the other has read, it knows as well."""
    other = "default" if key == "started_from" else ["default"]
    said = training_warning("m", {"corpus": "logs 100%", key: other})
    assert "logs 100%" in said
    assert "from default, whose training counts too" in said


def test_published_figures_cannot_be_made_without_a_warning() -> None:
    with pytest.raises(ValueError, match="warning"):
        Published((), (), "enwik8", (), None, prize_entry("enwik8", None, 1, 1))


def test_figures_of_the_paper_are_read_in_one_place() -> None:
    """So that none gets past what makes the warnings."""
    users = {
        name
        for name, path in modules().items()
        if re.search(r"""rows\("paper"\)|\["paper"\]""", Path(path).read_text("utf-8"))
    }
    assert users == {"nncompress.reports.evaluate_text", "nncompress.reports.published"}


PAPER = {f"{row['bits_per_byte']:.3f}" for row in baselines.rows("paper")}


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[bm]*/*.md")],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_pages_do_not_quote_the_paper_without_saying_what_it_was_trained_on(page: Path) -> None:
    for section in re.split(r"^#+ ", page.read_text("utf-8"), flags=re.MULTILINE):
        if "paper" in section and any(figure in section for figure in PAPER):
            assert re.search("enwik8", section), f"{page}: {section[:40]}"
            assert re.search("not compar", section), f"{page}: {section[:40]}"


@pytest.mark.parametrize(("corpus", "record"), [("enwik8", "phda9"), ("enwik9", "fx2-cmix")])
def test_whole_file_is_ranked_among_whole_file_results(corpus: str, record: str) -> None:
    shown = "\n".join(lines(corpus=corpus))
    assert "<== nncompress, payload alone" in shown
    assert record in shown
    assert "all of Gutenberg" in shown


def test_prize_row_says_what_is_known_and_what_is_not() -> None:
    whole = "\n".join(lines(corpus="enwik8"))
    assert f"{PAYLOAD + MODEL + PROGRAM:,}  <== nncompress: program + model + payload" in whole
    part = "\n".join(lines("enwik8 test"))
    assert "not known  <== nncompress: program + model + payload" in part
    assert f"over {MODEL + PROGRAM:,}" in part
    for shown in (whole, part):
        for size in (MODEL, PROGRAM):
            assert f"{size:,}" in shown
        assert "not known: the size of Python and libraries" in shown


@pytest.mark.parametrize("model", [None, 5])
def test_baselines_have_the_prize_row_too(model: int | None) -> None:
    entries = [vars(prize_entry(corpus, None, model, 7)) for corpus in ("enwik8", "enwik9")]
    shown = list(baseline_lines({"warning": "read this first", "entries": entries}))
    assert "read this first" in shown[0]
    assert sum("<== nncompress: program + model + payload" in line for line in shown) == 2


def test_quoted_rows_are_marked() -> None:
    marked = [line for line in lines(corpus="enwik9") if "fx2-cmix" in line]
    assert marked
    assert all("(quoted)" in line for line in marked)


def test_every_figure_names_a_source_that_is_listed() -> None:
    shown = lines(corpus="enwik8")
    listed = {found[1] for line in shown if (found := re.match(r"\s+\[(\w+)\] \w+: ", line))}
    figures = [line for line in shown if PUBLISHED_ROW.search(line)]
    assert len(figures) > 30
    for line in figures:
        assert set(line.rsplit("[", 1)[1][:-1].split(", ")) <= listed

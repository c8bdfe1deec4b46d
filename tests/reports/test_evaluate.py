from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

import nncompress
from nncompress.archive.codec import Progress, no_progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError, FileError
from nncompress.reports import corpora
from nncompress.reports.evaluate import Evaluation, evaluate, program_size
from nncompress.reports.evaluate_text import evaluation_lines
from tests.models import text, write_model

CONTENTS = text(3000)


def no_bar(label: str, size: int) -> AbstractContextManager[Progress]:
    return nullcontext(no_progress)


@pytest.fixture
def small_enwik8(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that stands for enwik8, with a split of its own size."""
    known = {"enwik8": {"size": len(CONTENTS), "sha1": hashlib.sha1(CONTENTS).hexdigest()}}
    monkeypatch.setattr(corpora, "load", lambda: {"corpora": known, "enwik8_prefix_sha1": {}})
    monkeypatch.setattr(
        corpora, "SPLIT", {"train": (0, 2000), "valid": (2000, 2500), "test": (2500, 3000)}
    )
    path = tmp_path / "enwik8"
    path.write_bytes(CONTENTS)
    return path


def test_part_of_enwik8_is_measured_alone(small_enwik8: Path, tmp_path: Path) -> None:
    options = CodingOptions(write_model(tmp_path / "tiny.nncmodel"))
    found = evaluate(Evaluation(small_enwik8, options, part="test"), no_bar)
    (tmp_path / "part").write_bytes(CONTENTS[2500:])
    alone = evaluate(Evaluation(tmp_path / "part", options), no_bar)
    assert (found["part"], found["start"], found["bytes"]) == ("enwik8 test", 2500, 500)
    assert found["network"]["bits"] == pytest.approx(alone["network"]["bits"])
    # A held-out part is no whole-file result.
    assert found["corpus"] is None
    assert evaluate(Evaluation(small_enwik8, options), no_bar)["corpus"] == "enwik8"
    assert evaluate(Evaluation(small_enwik8, options, size=100), no_bar)["corpus"] is None


def test_wrong_contents_are_not_measured_as_enwik8(small_enwik8: Path, tmp_path: Path) -> None:
    small_enwik8.write_bytes(b"x" + CONTENTS[1:])
    options = CodingOptions(write_model(tmp_path / "tiny.nncmodel"))
    with pytest.raises(FileError, match=r"SHA-1 differs.*enwik8\.zip"):
        evaluate(Evaluation(small_enwik8, options, part="test"), no_bar)


def test_three_ways_to_count(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    (tmp_path / "file").write_bytes(CONTENTS)
    found = evaluate(Evaluation(tmp_path / "file", CodingOptions(model), coded=True), no_bar)
    archive = len(nncompress.compress(CONTENTS, model=model))
    assert found["coded"]["bytes"] == archive
    totals = found["totals"]
    assert totals["payload"] == archive
    assert totals["payload_and_model"] == archive + model.stat().st_size
    assert totals["payload_model_and_program"] == totals["payload_and_model"] + program_size()
    said = "\n".join(evaluation_lines(found))
    assert "archive, as compress makes it" in said
    assert f"{totals['payload_model_and_program']:,} bytes" in said


def test_empty_file_has_no_figure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="empty"):
        evaluate(Evaluation(tmp_path / "file", CodingOptions()), no_bar)

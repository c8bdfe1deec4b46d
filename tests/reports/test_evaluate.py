from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

import nncompress
from nncompress.archive.codec import Progress, no_progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError, FileError
from nncompress.files.models import describe_model
from nncompress.reports import corpora
from nncompress.reports.evaluate import Evaluation, evaluate
from nncompress.reports.evaluate_text import evaluation_lines
from nncompress.reports.published import training_stated, training_warning
from nncompress.reports.sizes import program_size
from tests.children import ROOT
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
    found = evaluate(Evaluation([small_enwik8], options, part="test"), no_bar)
    (tmp_path / "part").write_bytes(CONTENTS[2500:])
    alone = evaluate(Evaluation([tmp_path / "part"], options), no_bar)
    (file,) = found["files"]
    assert (file["part"], file["start"], file["bytes"]) == ("enwik8 test", 2500, 500)
    assert file["network"]["bits"] == pytest.approx(alone["total"]["network"]["bits"])
    assert found["published"]["paper"]
    assert alone["published"] is None
    # A held-out part is no whole-file result.
    assert file["corpus"] is found["published"]["own_payload"] is None
    whole = evaluate(Evaluation([small_enwik8], options), no_bar)
    assert whole["files"][0]["corpus"] == "enwik8"
    assert whole["published"]["own_payload"] == whole["total"]["network"]["bytes"]
    assert (
        whole["published"]["prize"]["total"]
        == (whole["model"]["counted"]["payload_model_and_program"])
    )
    assert not whole["published"]["paper"]


@pytest.mark.parametrize(
    "changed", [{"size": 100}, {"part": "test", "size": 100}, {"part": "valid"}]
)
def test_other_bytes_have_nothing_published_beside_them(
    small_enwik8: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    options = CodingOptions(write_model(tmp_path / "tiny.nncmodel"))
    found = evaluate(Evaluation([small_enwik8], options, **changed), no_bar)
    assert found["published"] is None


def test_wrong_contents_are_not_measured_as_enwik8(small_enwik8: Path, tmp_path: Path) -> None:
    small_enwik8.write_bytes(b"x" + CONTENTS[1:])
    options = CodingOptions(write_model(tmp_path / "tiny.nncmodel"))
    with pytest.raises(FileError, match=r"SHA-1 differs.*enwik8\.zip"):
        evaluate(Evaluation([small_enwik8], options, part="test"), no_bar)


def test_three_ways_to_count(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    (tmp_path / "file").write_bytes(CONTENTS)
    found = evaluate(Evaluation([tmp_path / "file"], CodingOptions(model), coded=True), no_bar)
    archive = len(nncompress.compress(CONTENTS, model=model))
    assert found["files"][0]["coded"]["bytes"] == archive
    counted = found["model"]["counted"]
    assert counted["payload"] == archive
    assert counted["payload_and_model"] == archive + model.stat().st_size
    assert counted["payload_model_and_program"] == counted["payload_and_model"] + program_size()
    said = "\n".join(evaluation_lines(found))
    assert f"{counted['payload_model_and_program']:,} bytes" in said


def test_two_models_on_several_files(tmp_path: Path) -> None:
    """Every figure of a pair is that of the model alone, and totals are sums."""
    models = [write_model(tmp_path / f"{seed}.nncmodel", seed=seed) for seed in (0, 1)]
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, size in zip(paths, (700, 2300), strict=True):
        path.write_bytes(text(size, size))
    options = CodingOptions(models[0])
    found = evaluate(Evaluation(paths, options, against=models[1], coded=True), no_bar)
    assert (found["model"]["name"], found["against"]["name"]) == ("0", "1")
    alone = evaluate(Evaluation(paths, CodingOptions(models[1])), no_bar)
    for file, expected in zip(found["files"], alone["files"], strict=True):
        own, other = file["network"]["bits"], file["against"]["network"]["bits"]
        assert other == pytest.approx(expected["network"]["bits"])
        differs = file["difference"]["network"]
        assert differs["bits_per_byte"] == pytest.approx((own - other) / file["bytes"])
        assert differs["percent"] == pytest.approx(100 * (own - other) / other)
        packed = len(nncompress.compress(Path(file["file"]).read_bytes(), model=models[1]))
        assert file["against"]["coded"]["bytes"] == packed
    total = found["total"]
    assert total["bytes"] == 3000
    for what in ("network", "coded"):
        sizes = [file["against"][what]["bytes"] for file in found["files"]]
        assert total["against"][what]["bytes"] == sum(sizes)
        means = [file["difference"][what]["bits_per_byte"] for file in found["files"]]
        paired = total["paired"][what]
        assert paired["mean"] == pytest.approx(sum(means) / 2)
        assert paired["standard_error"] == pytest.approx(abs(means[0] - means[1]) / 2)
        assert paired["smaller"] == sum(mean < 0 for mean in means)
    said = "\n".join(evaluation_lines(found))
    assert "all 2 files" in said
    assert f"{total['difference']['network']['bits_per_byte']:+.4f}" in said


def test_a_model_does_not_differ_from_itself(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    (tmp_path / "file").write_bytes(CONTENTS)
    found = evaluate(Evaluation([tmp_path / "file"], CodingOptions(model), against=model), no_bar)
    assert set(found["total"]["difference"]["network"].values()) == {0}
    assert found["total"]["paired"]["network"]["standard_error"] is None


def test_empty_file_has_no_figure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="empty"):
        evaluate(Evaluation([tmp_path / "file"], CodingOptions()), no_bar)


@pytest.mark.parametrize("name", ["default", "quick", "large"])
def test_models_that_come_along_say_what_they_were_trained_on(name: str) -> None:
    summary = describe_model(ROOT / "models" / f"{name}.nncmodel")["summary"]
    stated = training_stated(summary)
    assert stated
    assert "wiki" in stated
    assert stated in training_warning(name, summary)
    assert "enwik8's first 1,000,000 bytes" in training_warning(name, summary)

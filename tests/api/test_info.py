"""Facts about archives, and bits per byte, in Python."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import nncompress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ArchiveError, ConfigError, FileError, ModelError
from nncompress.reports.evaluate import Evaluation, evaluate
from tests.golden.cases import CASES
from tests.models import text, write_model
from tests.reports.test_evaluate import no_bar

BLOCKS = next(case.path for case in CASES if case.path.stem == "blocks")


def test_a_path_and_an_open_file_say_the_same() -> None:
    expected = nncompress.info(BLOCKS)
    assert len(expected["blocks"]) > 1
    assert sum(block["raw_size"] for block in expected["blocks"]) == expected["raw_size"]
    for form in (str(BLOCKS), str(BLOCKS).encode()):
        assert nncompress.info(form) == expected
    with BLOCKS.open("rb") as file:
        file.seek(7)
        assert nncompress.info(file) == expected
        assert file.tell() == 7
    assert nncompress.info(io.BytesIO(BLOCKS.read_bytes())) == {**expected, "name": "archive"}


def test_what_is_cut_off_is_told_as_far_as_it_goes() -> None:
    facts = nncompress.info(io.BytesIO(BLOCKS.read_bytes()[:-40]))
    assert not facts["complete"]
    assert facts["fault"]
    assert facts["blocks"] == nncompress.info(BLOCKS)["blocks"][: len(facts["blocks"])]


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_what_is_no_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError):
        nncompress.info(io.BytesIO(b"something else"))
    with pytest.raises(FileError, match="absent"):
        nncompress.info(tmp_path / "absent")
    with pytest.raises(TypeError, match="NoneType"):
        nncompress.info(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="searched"):
        nncompress.info(Pipe(BLOCKS.read_bytes()))


@pytest.mark.parametrize("level", [None, 1, 9])
def test_bits_per_byte_are_those_of_eval(tmp_path: Path, level: int | None) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(2000)
    (tmp_path / "file").write_bytes(data)
    options = CodingOptions(model, level)
    facts = evaluate(Evaluation([tmp_path / "file"], options), no_bar)
    found = nncompress.bits_per_byte(memoryview(data), model=str(model), level=level)
    assert found == pytest.approx(facts["total"]["network"]["bits_per_byte"])
    assert nncompress.bits_per_byte(data, model=model, level=level, threads=1) == found


def test_what_cannot_be_measured_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no bytes"):
        nncompress.bits_per_byte(b"")
    for wrong in ("text", None, 5):
        with pytest.raises(TypeError):
            nncompress.bits_per_byte(wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        nncompress.bits_per_byte(b"data", level=10)
    with pytest.raises(ModelError):
        nncompress.bits_per_byte(b"data", model="unknown")

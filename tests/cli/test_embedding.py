"""``--embed-model`` and ``-m auto`` from the command line, with small models."""

from __future__ import annotations

import pytest

from nncompress.cli.app import run
from tests.models import text, write_model

TEXT = text(3000)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a text and a model, where no model is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nncompress.exact.store.model_folders", list)
    (tmp_path / "text").write_bytes(TEXT)
    write_model(tmp_path / "tiny.nncmodel")
    return tmp_path


def test_an_archive_with_its_model_opens_where_no_model_is(place, capsys):
    made = ["compress", "-m", "tiny.nncmodel", "--method", "network+mixing", "text"]
    assert run([*made, "-o", "without"]) == 0
    assert run([*made, "-o", "with", "--embed-model", "--verify"]) == 0
    assert run(["decompress", "-f", "without", "-o", "out"]) == 1
    assert "needs the model" in capsys.readouterr().err
    assert run(["decompress", "-f", "with", "-o", "out"]) == 0
    assert (place / "out").read_bytes() == TEXT
    assert run(["list", "with"]) == 0
    assert "(embedded)" in capsys.readouterr().out


def test_blocks_without_their_model_are_lost_and_the_others_recovered(place, capsys):
    for method in ("network+mixing", "mixing"):
        made = ["compress", "-m", "tiny.nncmodel", "--method", method, "text", "-o", method]
        assert run(made) == 0
    joined = (place / "network+mixing").read_bytes() + (place / "mixing").read_bytes()
    (place / "joined").write_bytes(joined)
    assert run(["decompress", "--recover", "joined", "-o", "out"]) == 1
    assert (place / "out").read_bytes() == bytes(len(TEXT)) + TEXT
    assert f"bytes 0-{len(TEXT) - 1} are lost: " in capsys.readouterr().err
    assert run(["decompress", "-f", "-m", "tiny.nncmodel", "joined", "-o", "out"]) == 0
    assert (place / "out").read_bytes() == 2 * TEXT


def test_what_cannot_be_asked_for_is_refused(place, capsys):
    assert run(["compress", "-m", "auto", "text"]) == 1
    assert "no sound model is installed" in capsys.readouterr().err
    assert run(["compress", "-m", "auto", "--embed-model", "text"]) == 1
    assert "name it with -m" in capsys.readouterr().err
    assert run(["compress", "-1", "--embed-model", "text"]) == 1
    assert "no model" in capsys.readouterr().err
    assert not (place / "text.nnc").exists()

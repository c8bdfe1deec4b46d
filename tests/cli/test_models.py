"""``nncompress models``, with a small model made on the spot."""

from __future__ import annotations

import json
import os
import sys

import pytest

from tests.cli.test_bad_input import refused
from tests.models import write_model


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "tiny.nncmodel")


@pytest.fixture
def models(nnc, tmp_path):
    """Run ``nncompress models`` with a models folder of its own."""
    places = {"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    return lambda *arguments: nnc("models", *arguments, **places)


def test_import_list_show_verify_export(models, model_file, tmp_path):
    imported = models("import", model_file, "--name", "mine")
    assert imported.returncode == 0, imported.stderr
    refused(models("import", model_file, "--name", "mine"), b"already exists")
    assert models("import", "-f", model_file, "--name", "mine").returncode == 0

    listed = {facts["name"]: facts for facts in json.loads(models("list", "--json").stdout)}
    assert listed["mine"]["fault"] is None
    shown = models("show", "mine")
    assert listed["mine"]["identity"].encode() in shown.stdout
    assert listed["mine"]["identity"].encode() in models("list").stdout

    verified = models("verify", "mine")
    assert listed["mine"]["identity"].encode() in verified.stdout
    exported = models("export", "mine", tmp_path)
    assert exported.returncode == 0
    assert (tmp_path / "mine.nncmodel").read_bytes() == model_file.read_bytes()


def test_without_a_subcommand_the_help_is_shown(models):
    shown = models()
    assert shown.returncode == 0
    assert b"verify" in shown.stdout


def test_card_is_shown(models, model_file, tmp_path):
    assert models("import", model_file).returncode == 0
    card = next(tmp_path.rglob("tiny.nncmodel")).with_suffix(".md")
    card.write_text("trained on these pages", encoding="utf-8")
    assert b"trained on these pages" in models("show", "tiny").stdout


def test_damaged_foreign_and_missing_models_are_refused(models, model_file, tmp_path):
    data = bytearray(model_file.read_bytes())
    data[-50] ^= 1
    (tmp_path / "bad.nncmodel").write_bytes(data)
    (tmp_path / "foreign.nncmodel").write_bytes(os.urandom(1000))
    for name in ("bad", "foreign"):
        refused(models("import", f"{name}.nncmodel"), name.encode())
        refused(models("verify", f"{name}.nncmodel"), name.encode())
    refused(models("show", "nowhere"), b"nowhere")
    refused(models("import", model_file, "--name", "../up"), b"name of a model")
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.skipif(sys.platform == "win32", reason="compares paths")
def test_real_codec_round_trip_with_a_model(model_file, tmp_path, real_nnc):
    data = b"a text for the small model, which has learnt nothing; " * 40
    archive = real_nnc("compress", "-m", model_file, "--method", "network+mixing", data=data)
    assert archive.returncode == 0, archive.stderr
    assert len(archive.stdout) < len(data) // 3
    restored = real_nnc("decompress", "-m", model_file, data=archive.stdout)
    assert restored.stdout == data
    refused(real_nnc("decompress", data=archive.stdout), b"model")

"""``nncompress models``, with a small model made on the spot."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from nncompress.archive.format import Method
from nncompress.coding.levels import PROFILES
from nncompress.errors import FileError, ModelError
from nncompress.exact import modelfile
from nncompress.files.models import import_model, verify_model
from nncompress.mixing.predictor import Predictor
from nncompress.quantize.save import save_model
from tests.cli.test_bad_input import refused
from tests.cli.test_conventions import folder, on_terminal, posix
from tests.models import TINY, parameters, some_clusters, write_model


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
    for again in ([], ["-f"]):  # it is there
        assert models("import", *again, model_file, "--name", "mine").stdout == imported.stdout

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


@pytest.fixture
def other_file(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("other") / "other.nncmodel", seed=1)


def installed(models):
    return {facts["path"]: facts for facts in json.loads(models("list", "--json").stdout)}


def identity_of(path):
    return modelfile.load_model(Path(path)).identity.hex()


def test_a_name_that_is_taken_is_refused(models, model_file, other_file, tmp_path):
    before = installed(models)
    for name in ("default", "Quick", "large.nncmodel"):
        for force in ([], ["-f"]):
            refused(models("import", *force, model_file, "--name", name), b"--name", b"comes with")
    copy = tmp_path / "default.nncmodel"
    copy.write_bytes(model_file.read_bytes())
    refused(models("import", copy), b"default: is the name of a model that comes with nncompress")
    assert installed(models) == before

    mine = models("import", model_file, "--name", "mine").stdout
    refused(models("import", other_file, "--name", "mine"), b"--name", b"-f")
    refused(models("import", other_file, "--name", "MINE"), b"--name")
    assert identity_of(mine.decode().strip()) == identity_of(model_file)
    assert models("import", "-f", other_file, "--name", "mine").stdout == mine
    assert identity_of(mine.decode().strip()) == identity_of(other_file)
    for name in ("../up", "-x", ".hidden", "a\nb", "", "auto", "0" * 32):
        refused(
            models("import", model_file, "--name", name),
            b"name of a model" if name not in ("auto", "0" * 32) else b"something else",
        )


def test_what_comes_along_is_imported_already(models):
    shipped = json.loads(models("show", "quick", "--json").stdout)["path"]
    assert models("import", shipped).stdout.decode().strip() == shipped
    assert {facts["path"] for facts in installed(models).values() if facts["name"] == "quick"} == {
        shipped
    }


def test_importing_again_mends_a_damaged_file(models, model_file):
    place = Path(models("import", model_file, "--name", "mine").stdout.decode().strip())
    data = bytearray(place.read_bytes())
    data[-50] ^= 1  # in a tensor: what the file says of itself is right
    place.write_bytes(data)
    refused(models("import", model_file, "--name", "mine"), b"-f")
    assert models("import", "-f", model_file, "--name", "mine").returncode == 0
    assert place.read_bytes() == model_file.read_bytes()


def test_an_older_model_of_a_name_that_comes_along_is_found_by_its_identity(
    models, nnc, real_nnc, model_file, tmp_path
):
    """As after an upgrade that brings another ``default``, or a file put there by hand."""
    folder = tmp_path / "nncompress" / "models"
    folder.mkdir(parents=True)
    (folder / "default.nncmodel").write_bytes(model_file.read_bytes())
    places = {"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    listed = models("list")
    digits = identity_of(model_file)
    assert b"(another has its name: use -m " + digits[:8].encode() in listed.stdout
    shown = json.loads(models("show", "default", "--json").stdout)
    assert shown["identity"] != digits
    assert json.loads(models("show", digits[:8], "--json").stdout)["identity"] == digits

    data = b"a text for the small model, which has learnt nothing; " * 40
    made = real_nnc("-m", digits[:8], "--method", "network+mixing", data=data, **places)
    assert real_nnc("-d", data=made.stdout, **places).stdout == data
    assert models("rename", "default", "older").returncode == 0  # the user's own, not the other
    assert json.loads(models("show", "older", "--json").stdout)["identity"] == digits
    assert b"another has its name" not in models("list").stdout
    assert real_nnc("-d", data=made.stdout, **places).stdout == data


def test_rename_and_remove_take_the_card_along(models, model_file, tmp_path):
    source = tmp_path / "a.nncmodel"
    source.write_bytes(model_file.read_bytes())
    source.with_suffix(".md").write_text("trained on these pages", "utf-8")
    old = Path(models("import", source).stdout.decode().strip())
    renamed = models("rename", "a", "b")
    new = old.with_name("b.nncmodel")
    assert renamed.stdout.decode().strip() == str(new)
    assert b"trained on these pages" in models("show", "b").stdout
    assert folder(old.parent) == {"b.nncmodel", "b.md"}
    assert models("rename", identity_of(new)[:8], "B2").returncode == 0
    assert models("remove", "-f", "B2").returncode == 0
    assert folder(old.parent) == set()


def test_only_models_of_ones_own_are_renamed_and_removed(models, model_file, other_file, tmp_path):
    before = installed(models)
    for words in (["rename", "default", "x"], ["remove", "-f", "quick"]):
        refused(models(*words), b"comes with nncompress")
    refused(models("remove", "-f", "nowhere"), b"no model 'nowhere'")
    refused(models("remove", "-f", model_file), b"is not in your models folder")
    assert installed(models) == before
    for name, file in (("a", model_file), ("b", other_file)):
        assert models("import", file, "--name", name).returncode == 0
    for name in ("b", "quick", "../x"):
        assert models("rename", "a", name).returncode == 1
    refused(models("remove", "a"), b"-f")  # there is nobody to ask
    assert {"a", "b"} <= {facts["name"] for facts in installed(models).values()}
    both = models("remove", "-f", "a", "gone", "b")
    assert (both.returncode, both.stderr.count(b"\n")) == (1, 1)
    assert installed(models) == before


@posix
def test_removing_is_asked_on_a_terminal(models, model_file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    place = Path(models("import", model_file, "--name", "mine").stdout.decode().strip())
    status, shown = on_terminal(["models", "remove", "mine"], b"n\n", tmp_path)
    assert (status, place.exists()) == (2, True)
    assert b"do not open without it" in shown
    status, _ = on_terminal(["models", "remove", "mine"], b"y\n", tmp_path)
    assert (status, place.exists()) == (0, False)


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


def test_bad_files_in_a_models_folder_do_not_break_the_list(models, model_file, tmp_path):
    assert models("import", model_file, "--name", "mine").returncode == 0
    folder = next(tmp_path.rglob("mine.nncmodel")).parent
    (folder / "cut.nncmodel").write_bytes(model_file.read_bytes()[:1000])
    with safe_open(model_file, "np") as file:
        metadata = dict(file.metadata())
    for name, change in (
        ("deep", {"summary": "[" * 100_000}),
        ("named", {"identity": "\x1b[2J"}),
        ("bare", {"identity": "0"}),
    ):
        save_file({}, folder / f"{name}.nncmodel", {**metadata, **change})
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.nncmodel")
    listed = models("list")
    assert listed.returncode == 0, listed.stderr
    assert b"\x1b" not in listed.stdout
    facts = {facts["name"]: facts for facts in json.loads(models("list", "--json").stdout)}
    assert "pipe" not in facts
    assert facts["mine"]["fault"] is None
    for name in ("cut", "deep", "named", "bare"):
        assert facts[name]["identity"] is None
        assert facts[name]["fault"]


def arrays(change: str) -> dict[str, np.ndarray]:
    """Arrays of the mixer that cannot be used."""
    weight, bias = some_clusters(TINY.dim)
    wide, _ = some_clusters(TINY.dim + 1)
    clusters = {"kinds.weight": weight, "kinds.bias": bias}
    prefix = "network+mixing.0."
    profile = PROFILES[Method.NETWORK_MIXING, 0]
    initial = Predictor(profile, 1, 1, clusters=some_clusters(TINY.dim)).export_initial()
    weights, maps = initial["weights"], initial["maps"]
    return {
        "none": {**clusters, prefix + "weights": weights, prefix + "maps": maps},
        "too wide": {"kinds.weight": wide, "kinds.bias": bias},
        "too large": {"kinds.weight": weight, "kinds.bias": bias | (1 << 30)},
        "one alone": {"kinds.weight": weight},
        "one of two": {**clusters, prefix + "weights": weights},
        "too long": {
            **clusters,
            prefix + "weights": np.append(weights, weights[:1]),
            prefix + "maps": maps,
        },
        "other numbers": {
            **clusters,
            prefix + "weights": weights.astype(np.int32),
            prefix + "maps": maps,
        },
    }[change]


@pytest.mark.parametrize(
    "change",
    ["none", "too wide", "too large", "one alone", "one of two", "too long", "other numbers"],
)
def test_mixing_arrays_that_cannot_be_used_are_refused(tmp_path, change, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    path = tmp_path / "a.nncmodel"
    save_model(path, parameters(), arrays(change))
    if change == "none":
        assert verify_model(str(path), "cpu")
        assert import_model(path, "b", force=False).is_file()
        return
    with pytest.raises(ModelError, match=r"a\.nncmodel: "):
        verify_model(str(path), "cpu")
    with pytest.raises(ModelError, match=r"a\.nncmodel: "):
        import_model(path, "b", force=False)
    assert [found.name for found in tmp_path.rglob("*.nncmodel")] == ["a.nncmodel"]


def test_a_file_of_a_models_name_in_the_current_folder_is_not_taken(models, model_file, tmp_path):
    (tmp_path / "default").write_bytes(b"notes")
    (tmp_path / "notes").write_bytes(model_file.read_bytes())
    shown = models("show", "default")
    assert shown.returncode == 0, shown.stderr
    refused(models("show", "notes"), b"./notes")
    assert models("show", "./notes").returncode == 0


def test_import_without_a_home_folder_says_what_to_do(model_file, monkeypatch):
    monkeypatch.setattr(modelfile, "user_folder", lambda: None)
    with pytest.raises(FileError, match="XDG_DATA_HOME"):
        import_model(model_file, None, force=False)


@pytest.mark.skipif(sys.platform == "win32", reason="compares paths")
def test_real_codec_round_trip_with_a_model(model_file, tmp_path, real_nnc):
    data = b"a text for the small model, which has learnt nothing; " * 40
    archive = real_nnc("compress", "-m", model_file, "--method", "network+mixing", data=data)
    assert archive.returncode == 0, archive.stderr
    assert len(archive.stdout) < len(data) // 3
    restored = real_nnc("decompress", "-m", model_file, data=archive.stdout)
    assert restored.stdout == data
    refused(real_nnc("decompress", data=archive.stdout), b"model")

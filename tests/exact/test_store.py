"""Names, paths and identities of models: none leads to another model than the one meant."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from nncompress.errors import ModelError, ModelNotFoundError
from nncompress.exact import modelfile, store
from tests.models import write_model

fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of models, which is not the current one."""
    place = tmp_path / "models"
    place.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("NNCOMPRESS_MODELS", str(place))
    store._warn.cache_clear()
    return place


def test_a_file_of_a_models_name_in_the_current_folder_is_not_the_model(folder):
    installed = write_model(folder / "mine.nncmodel")
    for name in ("mine", "default", "quick", "yours"):
        write_model(Path(name), seed=1)
    assert store.resolve_model("mine") == installed
    assert store.resolve_model("quick").is_absolute()
    assert store.resolve_model(None).is_absolute()
    with pytest.raises(ModelNotFoundError, match=r"write \./yours"):
        store.resolve_model("yours")


def test_what_has_a_separator_or_the_suffix_or_is_a_path_is_a_file(folder):
    here = write_model(Path("mine.nncmodel"))
    write_model(Path("default"))
    assert store.resolve_model("mine.nncmodel") == here
    assert store.resolve_model(f".{os.sep}default") == Path("default")
    assert store.resolve_model(Path("default")) == Path("default")
    for absent in (Path("mine"), f".{os.sep}quick", "other.nncmodel"):
        with pytest.raises(ModelNotFoundError):
            store.resolve_model(absent)


def test_a_damaged_model_does_not_hide_the_sound_one_of_its_identity(folder, caplog, monkeypatch):
    sound = write_model(folder / "z.nncmodel")
    identity = modelfile.load_model(sound).identity
    damaged = bytearray(sound.read_bytes())
    damaged[-50] ^= 1  # in a tensor: what the file says of itself is right
    (folder / "a.nncmodel").write_bytes(damaged)
    with caplog.at_level(logging.WARNING, "nncompress"):
        assert store.find_model(identity) == sound
        assert store.find_model(identity) == sound
    assert [record.message for record in caplog.records] == [
        f"{folder / 'a.nncmodel'}: the model is damaged: its contents do not match its identity; "
        "this model file is left out"
    ]
    # Nor does one of its name, in a folder that comes first.
    monkeypatch.setattr(store, "model_folders", lambda: [folder, folder.parent])
    sound.rename(folder.parent / "a.nncmodel")
    assert store.find_model(identity) == folder.parent / "a.nncmodel"


@pytest.fixture
def shipped(folder, monkeypatch):
    """A folder of models that come along, of which ``default`` is one."""
    place = folder.parent / "shipped"
    place.mkdir()
    monkeypatch.setattr(modelfile, "_package_folders", lambda: [place])
    write_model(place / "default.nncmodel", seed=1)
    return place


def identity(path: Path) -> str:
    return modelfile.load_model(path).identity.hex()


def test_no_file_hides_a_model_that_comes_along_nor_is_hidden_by_it(folder, shipped, caplog):
    ours, other = shipped / "default.nncmodel", write_model(folder / "default.nncmodel")
    with caplog.at_level(logging.WARNING, "nncompress"):
        for name in (None, "default", "default.nncmodel"):
            assert store.resolve_model(name) == ours
    assert len(caplog.records) == 1
    assert str(other) in caplog.text
    assert identity(other)[:8] in caplog.text
    for path in (ours, other):
        assert store.find_model(bytes.fromhex(identity(path))) == path
        assert store.resolve_model(identity(path)) == path
        assert store.resolve_model(identity(path)[:6].upper()) == path
    assert store.installed_models() == [ours, other]
    caplog.clear()
    (folder / "default.nncmodel").write_bytes(ours.read_bytes())
    assert store.resolve_model("default") == ours  # whose copy is no other model
    assert store.installed_models() == [folder / "default.nncmodel"]
    assert not caplog.records


def test_a_name_of_several_models_is_refused_with_their_identities(folder, shipped, monkeypatch):
    second = folder.parent / "second"
    second.mkdir()
    monkeypatch.setattr(store, "model_folders", lambda: [folder, second, shipped])
    one, two = write_model(folder / "mine.nncmodel"), write_model(second / "mine.nncmodel", seed=2)
    with pytest.raises(ModelNotFoundError, match="stands for several models") as caught:
        store.resolve_model("mine")
    for path in (one, two):
        assert identity(path)[:12] in str(caught.value)
        assert store.resolve_model(identity(path)[:12]) == path
    one.write_bytes(b"damaged")
    assert store.resolve_model("mine") == two


def test_digits_that_begin_several_identities_or_none_are_refused(folder, shipped, monkeypatch):
    path = write_model(folder / "mine.nncmodel")
    digits = identity(path)
    with pytest.raises(ModelNotFoundError):
        store.resolve_model(digits[:3])  # too few
    with pytest.raises(ModelNotFoundError):
        store.resolve_model(digits[:-1] + ("0" if digits[-1] != "0" else "1"))
    identities = {path: "abcd" + "0" * 28, shipped / "default.nncmodel": "abcd" + "1" * 28}
    monkeypatch.setattr(store, "_identity", identities.__getitem__)
    with pytest.raises(ModelNotFoundError, match="several"):
        store.resolve_model("abcd")


def test_a_file_called_like_an_identity_takes_no_models_place(folder, shipped):
    ours = shipped / "default.nncmodel"
    write_model(folder / f"{identity(ours)}.nncmodel", seed=3)
    assert store.resolve_model(identity(ours)) == ours


@fifos
def test_only_regular_files_are_opened(folder):
    sound = write_model(folder / "sound.nncmodel")
    os.mkfifo(folder / "a.nncmodel")
    (folder / "b.nncmodel").mkdir()
    (folder / "c.nncmodel").symlink_to(folder / "nowhere")
    names = {path.name for path in store.installed_models()}
    assert "sound.nncmodel" in names
    assert not names & {"a.nncmodel", "b.nncmodel", "c.nncmodel"}
    assert store.find_model(modelfile.load_model(sound).identity) == sound
    with pytest.raises(ModelError, match="not a regular file"):
        modelfile.load_model(folder / "a.nncmodel")


def test_without_a_home_folder_there_are_the_models_that_come_along(folder, monkeypatch):
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    assert modelfile.user_folder() is None
    assert store.resolve_model("default").is_file()

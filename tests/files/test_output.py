"""A name only ever stands for complete contents that are on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nncompress.errors import FileError
from nncompress.files.output import OutputFile, write_file

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@posix
@pytest.mark.parametrize("force", [False, True])
def test_contents_are_synced_before_they_get_the_name_and_the_folder_after(
    tmp_path, monkeypatch, force
):
    done: list[str] = []

    def note(name, call):
        def noted(first, *others, **options):
            if name == "fsync":
                kind = "folder" if os.path.isdir(f"/proc/self/fd/{first}") else "file"  # noqa: PTH112
                done.append(f"sync {kind}")
            else:
                done.append("name")
            return call(first, *others, **options)

        return noted

    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    target = tmp_path / "target"
    with OutputFile(target, force=force) as out:
        out.write(b"contents")
        assert not target.exists()
        monkeypatch.setattr(os, "fsync", note("fsync", os.fsync))
        monkeypatch.setattr(os, "link", note("link", os.link))
        monkeypatch.setattr(Path, "replace", note("replace", Path.replace))
        out.sync()
        out.commit()
    assert done == ["sync file", "name", "sync folder"]
    assert target.read_bytes() == b"contents"


@pytest.mark.parametrize("step", ["write", "sync"])
def test_without_commit_nothing_is_left(tmp_path, step):
    target = tmp_path / "target"
    target.write_bytes(b"before")

    def fail() -> None:
        with OutputFile(target, force=True) as out:
            out.write(b"after")
            if step == "sync":
                out.sync()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "target"
    with OutputFile(target) as out:
        out.write(b"ours")
        out.sync()
        target.write_bytes(b"theirs")
        with pytest.raises(FileError, match="already exists"):
            out.commit()
    assert target.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [target]


@posix
def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "link").symlink_to("real")
    with OutputFile(tmp_path / "link", force=True) as out:
        out.write(b"after")
        out.sync()
        out.commit()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"after"


def test_a_whole_file_is_written_in_the_place_of_the_one_before(tmp_path):
    target = tmp_path / "target"
    for contents in (b"one", b"two"):
        write_file(target, contents)
        assert target.read_bytes() == contents
    with pytest.raises(FileError, match="already exists"):
        write_file(target, b"three", force=False)
    assert target.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_without_a_folder_is_named_as_the_user_named_it(tmp_path):
    target = tmp_path / "nowhere" / "target"
    with pytest.raises(FileError) as caught:
        write_file(target, b"contents")
    assert str(caught.value) == f"{target}: No such file or directory"

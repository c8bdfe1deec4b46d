"""A name only ever stands for complete contents that are on disk."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nncompress.errors import FileError
from nncompress.files import output, temporary
from nncompress.files.output import OutputFile, write_file
from tests.children import ROOT

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
def test_a_link_is_refused_or_replaced_itself(tmp_path):
    (tmp_path / "real").write_bytes(b"before")
    for name in ("real", "nothing"):
        link = tmp_path / "link"
        link.symlink_to(name)
        with pytest.raises(FileError, match="already exists"):
            write_file(link, b"after", force=False)
        assert link.is_symlink()
        write_file(link, b"after")
        assert not link.is_symlink()
        assert link.read_bytes() == b"after"
        link.unlink()
    assert (tmp_path / "real").read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [tmp_path / "real"]


@posix
@pytest.mark.parametrize(
    ("owner", "name", "what"),
    [(os, "fchmod", "mode"), (os, "utime", "times"), (output, "sync_file", "synced")],
)
def test_what_a_file_system_refuses_is_a_warning(tmp_path, monkeypatch, caplog, owner, name, what):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def fail(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def finish(out):
        out.sync(tmp_path.stat())
        out.commit()

    log = logging.getLogger("nncompress")
    monkeypatch.setattr(log, "propagate", True)
    target = tmp_path / "target"
    for answer in (refuse, fail):
        monkeypatch.setattr(owner, name, answer)
        with OutputFile(target, force=True) as out:
            out.write(answer.__name__.encode())
            if answer is refuse:
                finish(out)
                continue
            with pytest.raises(FileError):
                finish(out)
    assert target.read_bytes() == b"refuse"
    assert what in caplog.text
    assert list(tmp_path.iterdir()) == [target]


@posix
def test_a_folder_that_cannot_be_opened_for_its_sync_is_no_error(tmp_path, monkeypatch):
    real = os.open

    def refuse(path, *others, **options):
        if Path(path) == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *others, **options)

    monkeypatch.setattr(os, "open", refuse)
    write_file(tmp_path / "target", b"contents")
    assert (tmp_path / "target").read_bytes() == b"contents"


@posix
def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(tmp_path, monkeypatch):
    target, other = tmp_path / "target", tmp_path / "other"
    used = OutputFile(target)
    used.write(b"another run, still alive")
    script = (
        "import os, sys; from pathlib import Path; from nncompress.files.output import OutputFile\n"
        "files = [OutputFile(Path(name)) for name in sys.argv[1:]]; os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, target, other], cwd=ROOT, check=False)
    assert len(list(tmp_path.glob(".target.*.nnc.tmp"))) == 2
    monkeypatch.setattr(temporary, "_found", {})
    write_file(target, b"contents")
    assert list(tmp_path.glob(".target.*.nnc.tmp")) == [used.data_path]
    assert len(list(tmp_path.glob(".other.*.nnc.tmp"))) == 1
    with used:
        pass
    assert target.read_bytes() == b"contents"


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

"""Files that cannot be done, in folders or not: each has its own error, and the rest goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nncompress.errors import FileError
from nncompress.files.walk import expand
from tests.children import environment
from tests.cli.conftest import TEXT, command
from tests.cli.test_conventions import folder, posix

DROP = (
    "import ctypes, os, sys\n"
    "libc = ctypes.CDLL(None)\n"
    "for right in (1, 2): assert libc.prctl(24, right, 0, 0, 0) == 0\n"  # PR_CAPBSET_DROP
    "os.execv(sys.executable, [sys.executable, '-m', 'tests.nnc', *sys.argv[1:]])\n"
)
"""Runs nncompress without root's right to read and search everything."""


def as_anyone(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run nncompress as a user whom modes concern."""
    words = command(*arguments)
    if os.geteuid() == 0:
        if sys.platform != "linux":
            pytest.skip("root reads all")
        words = [sys.executable, "-c", DROP, *arguments]
    return subprocess.run(
        words, cwd=cwd, env=environment(), capture_output=True, timeout=60, check=False
    )


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TEXT)
    return root


def said(result: subprocess.CompletedProcess[bytes]) -> list[str]:
    """What was reported, a line a file."""
    assert b"internal error" not in result.stderr
    return result.stderr.decode(errors="surrogateescape").splitlines()


@posix
def test_a_folder_that_may_not_be_read_is_an_error_of_its_own(tmp_path):
    tree(tmp_path / "top", "a", "closed/b", "z/c")
    (tmp_path / "top" / "closed").chmod(0)
    try:
        done = as_anyone("-r", "top", cwd=tmp_path)
    finally:
        (tmp_path / "top" / "closed").chmod(0o700)
    assert done.returncode == 1
    assert said(done) == ["nncompress: top/closed: Permission denied"]
    assert folder(tmp_path / "top") == {"a", "a.nnc", "closed", "z"}
    assert folder(tmp_path / "top" / "z") == {"c", "c.nnc"}
    for mode in ("-t", "-l"):
        (tmp_path / "top" / "closed").chmod(0)
        done = as_anyone(mode, "-r", "top", cwd=tmp_path)
        (tmp_path / "top" / "closed").chmod(0o700)
        assert (done.returncode, said(done)) == (1, ["nncompress: top/closed: Permission denied"])


@posix
def test_files_in_a_folder_that_may_not_be_searched_have_errors_of_their_own(tmp_path):
    tree(tmp_path / "top", "a", "closed/b", "closed/c")
    (tmp_path / "top" / "closed").chmod(0o600)
    try:
        done = as_anyone("-r", "top", cwd=tmp_path)
        named = as_anyone("-f", "top/closed/b", "top/a", cwd=tmp_path)
    finally:
        (tmp_path / "top" / "closed").chmod(0o700)
    assert done.returncode == named.returncode == 1
    assert said(done) == [
        "nncompress: top/closed/b: Permission denied",
        "nncompress: top/closed/c: Permission denied",
    ]
    assert said(named) == ["nncompress: top/closed/b: Permission denied"]
    assert folder(tmp_path / "top") == {"a", "a.nnc", "closed"}


@posix
def test_a_name_that_is_too_long_is_an_error_of_its_own(nnc, tmp_path):
    nearly, over = "n" * 253, "o" * 300
    tree(tmp_path, nearly, "a", "z")
    done = nnc("a", nearly, over, "z")
    assert done.returncode == 1
    assert said(done) == [
        f"nncompress: {nearly}.nnc: File name too long",
        f"nncompress: {over}: File name too long",
    ]
    assert folder(tmp_path) == {nearly, "a", "z", "a.nnc", "z.nnc"}
    for words in (["-r"], ["-d"], ["-dr"], ["-t"], ["-l"], ["cat"], ["cat", "--range=1:2"]):
        done = nnc(*words, "-f", over) if words == ["-r"] else nnc(*words, over)
        assert (done.returncode, said(done)) == (1, [f"nncompress: {over}: File name too long"])
    assert nnc("-o", over, "a").returncode == 1


def test_an_empty_name_is_an_error_and_the_rest_goes_on(nnc, text, tmp_path):
    done = nnc("", "text")
    assert (done.returncode, said(done)) == (1, ["nncompress: an empty name is no file's"])
    assert folder(tmp_path) == {"text", "text.nnc"}


@posix
def test_a_tree_1500_deep(nnc, tmp_path):
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        Path("file").write_bytes(TEXT)
        os.chdir(tmp_path)
        done = nnc("-r", "--rm", "d")
        assert (done.returncode, done.stderr) == (0, b"")
        deep = Path(*["d"] * 1500)
        assert folder(deep) == {"file.nnc"}
        assert nnc("-tr", "d").returncode == 0
        assert nnc("-dr", "--rm", "d").returncode == 0
        assert folder(deep) == {"file"}
    finally:
        os.chdir(tmp_path)
        subprocess.run(["rm", "-rf", "d"], check=True)  # Python's own gives up at its limit
        os.chdir(here)


@posix
def test_a_tree_that_is_deeper_than_paths_are_long(nnc, tmp_path):
    here, part = Path.cwd(), "d" * 200
    tree(tmp_path / part, "a", "z")
    try:
        os.chdir(tmp_path / part)
        for _ in range(25):
            Path(part).mkdir()
            os.chdir(part)
        os.chdir(tmp_path)
        done = nnc("-r", part)
        assert done.returncode == 1
        (line,) = said(done)
        assert line.endswith(f"/{part}: File name too long")
        assert folder(tmp_path / part) == {"a", "a.nnc", "z", "z.nnc", part}
    finally:
        os.chdir(tmp_path)
        subprocess.run(["rm", "-rf", part], check=True)
        os.chdir(here)


def test_files_come_in_the_order_of_their_names(tmp_path):
    tree(tmp_path, "b/c", "b/a", "a", "b.d/x", "c", "a.nnc", ".nnc")
    failed: list[Exception] = []
    found = list(expand((str(tmp_path),), recursive=True, archives=False, failed=failed.append))
    names = [Path(name).relative_to(tmp_path).as_posix() for name in found]
    assert (names, failed) == ([".nnc", "a", "b/a", "b/c", "b.d/x", "c"], [])


def test_a_file_called_dash_in_a_folder_is_not_standard_input(nnc, tmp_path):
    tree(tmp_path, "-")
    done = nnc("-r", ".", data=b"from standard input")
    assert (done.returncode, done.stdout) == (0, b"")
    assert folder(tmp_path) == {"-", "-.nnc"}


def test_what_the_system_refuses_of_one_entry_is_told(tmp_path, monkeypatch):
    class Entry:
        path, name = "odd/entry", "entry"

        def is_dir(self, *, follow_symlinks):
            raise OSError(5, "Input/output error")

    class Scan:
        def __enter__(self):
            return [Entry()]

        def __exit__(self, *_):
            return None

    monkeypatch.setattr("nncompress.files.walk.os.scandir", lambda _: Scan())
    failed: list[Exception] = []
    assert not list(expand((str(tmp_path),), recursive=True, archives=False, failed=failed.append))
    assert str(failed[0]) == "odd/entry: Input/output error"
    assert isinstance(failed[0], FileError)


@posix
@pytest.mark.parametrize("words", [["list"], ["cat", "--range=1:2"], ["-d", "--recover", "-c"]])
def test_an_input_that_cannot_seek_is_an_error_of_its_own(nnc, text, tmp_path, words):
    nnc("text")
    archive = (tmp_path / "text.nnc").read_bytes()
    done = nnc(*words, "/dev/stdin", "text.nnc", data=archive)
    assert done.returncode == 1
    what = "is no file that can be searched; copy it to one first"
    assert said(done) == [f"nncompress: /dev/stdin: {what}"]
    assert done.stdout


@posix
@pytest.mark.parametrize("locale", [{"LC_ALL": "C.UTF-8"}, {"PYTHONIOENCODING": "ascii"}])
def test_names_that_standard_output_cannot_encode(nnc, tmp_path, locale):
    names = ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", os.fsdecode(b"\xff\xfe")]
    tree(tmp_path, *names)
    packed = nnc("-v", *names, **locale)
    assert packed.returncode == 0
    shown = nnc("-lv", *(f"{name}.nnc" for name in names), **locale)
    assert (shown.returncode, said(shown)) == (0, [])
    gone = nnc("-l", "gone", *(f"{name}.tnn" for name in names), **locale)
    assert (gone.returncode, len(said(gone))) == (1, 3)
    for name in names:
        assert os.fsencode(name) in shown.stdout
        assert os.fsencode(name) in gone.stderr
        assert os.fsencode(name) in packed.stderr

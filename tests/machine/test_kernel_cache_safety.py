"""Compiled kernels are used only if they are whole, and from folders where nobody else writes."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from nncompress.machine import jit
from nncompress.machine.kernel_cache import CheckedFile, fault_of_folder, fault_of_place
from tests.children import environment
from tests.machine.test_jit import ONCE, run

AGAIN = "compiling the kernels, about a minute; they cannot be kept: "
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes of POSIX")

READ_ONLY = """
import errno, os, runpy, sys

def refuse(event, arguments):
    writes = event in ("os.utime", "os.mkdir", "os.rename", "os.remove", "os.chmod")
    if event == "open" and isinstance(arguments[2], int):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes and str(arguments[0]).startswith(os.environ["NUMBA_CACHE_DIR"]):
        raise OSError(errno.EROFS, "read-only file system", arguments[0])

sys.addaudithook(refuse)
sys.argv = ["tests.kernels", "int32"]
runpy.run_module("tests.kernels", run_name="__main__")
"""

HOMELESS = """
import pathlib, runpy, sys

def fail():
    raise RuntimeError("Could not determine home directory.")

pathlib.Path.home = fail
sys.argv = ["tests.kernels", "int32"]
runpy.run_module("tests.kernels", run_name="__main__")
"""


def run_code(code: str, variables: dict[str, str]) -> str:
    """Run code that runs the kernel, and return what was said."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "int32 6\n"
    return done.stderr


def own_folders(cache: Path) -> tuple[Path, Path, Path]:
    """The folders that are made in a cache's place, the outermost first."""
    outer = cache / "nncompress"
    (kernels,) = outer.glob("kernels-*")
    (inner,) = (path for path in kernels.iterdir() if path.is_dir())
    return outer, kernels, inner


def checked(folder: Path, name: str = "twice") -> CheckedFile:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return CheckedFile(str(folder), name, "stamp")


def test_no_flipped_bit_in_any_file_is_believed(tmp_path):
    file = checked(tmp_path / "kernels-1" / "mixing")
    file.save("int32", ["code", bytes(8)])
    assert file.load("int32") == ["code", bytes(8)]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    for path in files:
        whole = path.read_bytes()
        for bit in range(8 * len(whole)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            assert file.load("int32") is None
        path.write_bytes(whole)
    assert file.load("int32") is not None


def test_nothing_of_a_damaged_file_is_unpickled(tmp_path):
    file = checked(tmp_path / "kernels-1" / "mixing")
    file.save("int32", "code")
    code = f"open({str(tmp_path / 'run')!r}, 'w')"

    class Planted:
        def __reduce__(self):
            return exec, (code,)

    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.write_bytes(path.read_bytes()[:32] + pickle.dumps(Planted()))
        assert file.load("int32") is None
    assert not (tmp_path / "run").exists()


def test_no_file_passes_for_another_one(tmp_path):
    one, two = checked(tmp_path / "a" / "b"), checked(tmp_path / "a" / "b", "thrice")
    old = checked(tmp_path / "old" / "b")
    for file, code in ((one, "one"), (two, "two"), (old, "old")):
        file.save("int32", code)
    one.save("int64", "other numbers")
    names = {path.name: path for path in (tmp_path / "a" / "b").glob("*.nbc")}
    whole = names["twice.1.nbc"].read_bytes()
    for other in (
        names["thrice.1.nbc"],
        names["twice.2.nbc"],
        tmp_path / "old" / "b" / "twice.1.nbc",
    ):
        names["twice.1.nbc"].write_bytes(other.read_bytes())
        assert one.load("int32") is None
    names["twice.1.nbc"].write_bytes(whole)
    assert one.load("int32") == "one"


def test_code_of_another_signature_is_not_used_after_a_crash(tmp_path):
    file = checked(tmp_path / "kernels-1" / "mixing")
    file.save("int32", "code")
    file._save_index({"int64": "twice.1.nbc"})  # and not the code itself
    assert file.load("int64") is None


@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
def test_a_damaged_kernel_is_compiled_anew_and_kept(tmp_path, suffix):
    run(tmp_path, "int32")
    (path,) = tmp_path.rglob(f"*{suffix}")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(damaged)
    assert run(tmp_path, "int32") == ONCE
    assert run(tmp_path, "int32") == ""


@posix
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_folder_that_others_may_write_is_not_used(tmp_path, which):
    run(tmp_path, "int32")
    folder = own_folders(tmp_path)[which]
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for mode in (0o770, 0o707):
        folder.chmod(mode)
        said = run(tmp_path, "int32")
        assert (
            said
            == f"{AGAIN}{folder}: others may write there; take that from them with chmod go-w\n"
        )
        assert before == sorted(path.name for path in tmp_path.rglob("*"))
    folder.chmod(0o700)
    assert run(tmp_path, "int32") == ""


@posix
def test_folders_are_made_for_the_user_alone(tmp_path):
    before = os.umask(0)
    try:
        run(tmp_path, "int32")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in own_folders(tmp_path)] == [0o700] * 3


@posix
def test_a_place_where_others_may_rename_our_folder_is_not_used(tmp_path):
    tmp_path.chmod(0o777)
    assert run(tmp_path, "int32").startswith(f"{AGAIN}{tmp_path}: others may write there")
    assert not (tmp_path / "nncompress" / "mixing").exists()
    tmp_path.chmod(0o1777)  # as /tmp
    assert run(tmp_path, "int32") == ONCE


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="gives folders away")
def test_a_folder_of_another_user_is_not_used(tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(folder)
    assert fault_of_folder(folder) == fault_of_place(folder) == ""
    assert fault_of_folder(tmp_path / "link") == ""
    fault_of_folder.cache_clear()
    os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
    assert "another user" in fault_of_folder(tmp_path / "link")
    os.chown(folder, 12345, 12345)
    assert "another user" in fault_of_folder(folder)
    assert "another user" in fault_of_place(folder)


def test_a_warm_cache_on_a_read_only_file_system_is_used(tmp_path):
    run(tmp_path, "int32")
    assert run_code(READ_ONLY, environment(NUMBA_CACHE_DIR=str(tmp_path))) == ""


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes anywhere")
def test_what_a_read_only_cache_lacks_is_compiled(tmp_path):
    run(tmp_path, "int32")
    folders = own_folders(tmp_path)
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert run(tmp_path, "int32") == ""
        assert run(tmp_path, "int64") == f"{AGAIN}{folders[2]}: cannot be written\n"
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_without_a_home_folder_kernels_are_compiled_and_not_kept():
    variables = environment()
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        variables.pop(name, None)
    said = run_code(HOMELESS, variables)
    assert said == f"{AGAIN}there is no home folder; name a folder in NUMBA_CACHE_DIR\n"


def test_the_folder_is_looked_for_without_an_error_where_there_is_no_home(monkeypatch):
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(jit.Path, "home", fail)
    with contextlib.ExitStack() as stack:
        jit.cache_folder.cache_clear()
        stack.callback(jit.cache_folder.cache_clear)
        folder, fault = jit.make_folder.__wrapped__()
    assert folder is None
    assert "home" in fault

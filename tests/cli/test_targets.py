"""What a run may write to, and never replaces: its own results, sources, links, logs."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.children import environment
from tests.cli.conftest import TEXT, command

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def folder(path: Path) -> set[str]:
    return {str(entry.relative_to(path)) for entry in path.rglob("*") if not entry.is_dir()}


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """Make two files of one name, and a folder for their results."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(TEXT + name.encode())
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.mark.parametrize("names", [["a/x", "b/x"], ["-r", "a", "b"]])
def test_force_does_not_replace_a_result_of_the_same_run(nnc, twins, names):
    result = nnc("-f", "--rm", "-o", "out", *names)
    assert result.returncode == 1
    assert b"was written in this run" in result.stderr
    assert folder(twins) == {"b/x", "out/x.nnc"}  # the second source is kept
    assert nnc("-dc", "out/x.nnc").stdout == TEXT + b"a"
    again = nnc("-f", "-o", "out", "b/x")  # what is from another run is replaced
    assert again.returncode == 0
    assert nnc("-dc", "out/x.nnc").stdout == TEXT + b"b"


@pytest.mark.parametrize("names", [["a/x.nnc", "b/x.nnc"], ["-r", "a", "b"]])
@pytest.mark.parametrize("recover", [[], ["--recover"]])
def test_force_does_not_restore_two_archives_to_one_name(nnc, twins, names, recover):
    assert nnc("--rm", "a/x", "b/x").returncode == 0
    remove = [] if recover else ["--rm"]
    result = nnc("-d", "-f", "-o", "out", *remove, *recover, *names)
    assert result.returncode == 1
    assert b"was written in this run" in result.stderr
    assert (twins / "out" / "x").read_bytes() == TEXT + b"a"
    assert (twins / "b" / "x.nnc").exists()


def test_recovery_of_two_archives_to_one_file_is_an_error(nnc, twins):
    assert nnc("a/x", "b/x").returncode == 0
    result = nnc("-d", "--recover", "-f", "-o", "one", "a/x.nnc", "b/x.nnc")
    assert result.returncode == 1
    assert b"no folder" in result.stderr
    assert not (twins / "one").exists()


@pytest.mark.parametrize("link", [False, True])
def test_force_does_not_replace_a_source_still_to_be_read(nnc, text, tmp_path, link):
    if link:
        if os.name != "posix":
            pytest.skip("needs POSIX")
        (tmp_path / "real").write_bytes(b"precious")
        (tmp_path / "text.nnc").symlink_to("real")
    else:
        (tmp_path / "text.nnc").write_bytes(b"precious")
    result = nnc("-f", "--rm", "text", "text.nnc")
    assert result.returncode == (1)
    assert b"still to be read" in result.stderr
    assert text.read_bytes() == TEXT
    assert nnc("-dc", "text.nnc.nnc").stdout == b"precious"


def test_one_source_given_twice_is_compressed_once(nnc, text, tmp_path):
    result = nnc("-f", "text", "./text")
    assert result.returncode == 1
    assert nnc("-dc", "text.nnc").stdout == TEXT


@posix
@pytest.mark.parametrize("behind", ["real", "nothing"])
def test_a_link_in_the_place_of_the_result(nnc, text, tmp_path, behind):
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "text.nnc").symlink_to(behind)
    refused = nnc("text")
    assert refused.returncode == 1
    assert b"already exists" in refused.stderr
    assert os.readlink(tmp_path / "text.nnc") == behind  # noqa: PTH115
    assert nnc("-f", "text").returncode == 0
    assert not (tmp_path / "text.nnc").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"before"
    assert folder(tmp_path) == {"text", "text.nnc", "real"}
    assert nnc("-dc", "text.nnc").stdout == TEXT


@posix
def test_a_pipe_in_the_place_of_the_result_is_refused_and_never_waited_for(nnc, text, tmp_path):
    os.mkfifo(tmp_path / "text.nnc")
    refused = nnc("text")
    assert refused.returncode == 1
    assert b"already exists" in refused.stderr
    assert nnc("-f", "text").returncode == 0
    assert nnc("-dc", "text.nnc").stdout == TEXT


@posix
def test_a_folder_that_may_be_written_but_not_read(nnc, text, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o300)
    result = nnc("--rm", "-o", "closed/text.nnc", "text")
    closed.chmod(0o700)
    assert (result.returncode, result.stderr) == (0, b"")
    assert folder(tmp_path) == {"closed/text.nnc"}


@posix
@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/fd/1", "-", "link"])
def test_output_to_a_name_of_standard_output(nnc, text, tmp_path, target):
    (tmp_path / "link").symlink_to("/dev/stdout")
    packed = nnc("-o", target, "text")
    assert (packed.returncode, packed.stderr) == (0, b"")
    assert nnc("-d", "-o", target, data=packed.stdout).stdout == TEXT
    assert folder(tmp_path) == {"text", "link"}


@posix
@pytest.mark.parametrize("force", [[], ["-f"]])
@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/fd/1", "-"])
def test_a_log_is_appended_to_and_never_replaced(nnc, text, tmp_path, target, force):
    packed = nnc("-c", "text").stdout
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    place = log.stat().st_ino
    with log.open("ab") as file:
        result = subprocess.run(
            command("-d", *force, "-o", target),
            input=packed,
            stdout=file,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
            check=False,
        )
    assert (result.returncode, result.stderr) == (0, b"")
    assert log.read_bytes() == b"before\n" + TEXT
    assert log.stat().st_ino == place


@posix
def test_output_to_a_descriptor_and_source_from_one(nnc, text, tmp_path):
    """As >(command) and <(command) give them."""
    packed = nnc("-c", "text").stdout
    inner, outer = os.pipe(), os.pipe()
    os.write(inner[1], packed)
    os.close(inner[1])
    run = subprocess.Popen(
        command("-d", "-o", f"/dev/fd/{outer[1]}", f"/dev/fd/{inner[0]}"),
        pass_fds=(inner[0], outer[1]),
        cwd=tmp_path,
        env=environment(),
    )
    os.close(inner[0])
    os.close(outer[1])
    with os.fdopen(outer[0], "rb") as file:
        assert file.read() == TEXT
    assert run.wait() == 0


@posix
def test_output_to_a_named_pipe_and_source_from_one(nnc, text, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert nnc("-o", "pipe", "text").returncode == 0
    reader.join(60)
    writer = threading.Thread(target=lambda: pipe.write_bytes(found[0]), daemon=True)
    writer.start()
    assert nnc("-d", "-o", "back", "pipe").returncode == 0
    writer.join(60)
    assert (tmp_path / "back").read_bytes() == TEXT
    assert pipe.is_fifo()


@posix
def test_an_archive_is_not_written_to_a_terminal_by_another_name(text, tmp_path):
    inside, outside = os.openpty()
    result = subprocess.run(
        command("-o", "/dev/stdout", "text"),
        stdout=outside,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
        check=False,
    )
    os.close(inside)
    os.close(outside)
    assert result.returncode == 1
    assert b"not written to a terminal" in result.stderr

"""Bars, results and lines of status of whole processes, on a real pseudo-terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.children import environment
from tests.cli.conftest import TEXT, command
from tests.cli.test_conventions import folder, on_terminal, posix

SLOW = {"NNC_BLOCK": "30000", "NNC_DELAY": "0.5", "COLUMNS": ""}

pytestmark = posix


@pytest.fixture
def slow(monkeypatch):
    """Let each of the text's four blocks take half a second."""
    monkeypatch.setenv("TERM", "xterm")
    for name, value in SLOW.items():
        monkeypatch.setenv(name, value)


def through_pipe(words: list[str], source: bytes, cwd) -> bytes:
    """What a terminal shows while input and output of the program are no terminals."""
    pty = pytest.importorskip("pty")
    terminal, end = pty.openpty()
    with (cwd / "out").open("wb") as out:
        process = subprocess.Popen(
            command(*words),
            cwd=cwd,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=end,
        )
        os.close(end)
        process.stdin.write(source)
        process.stdin.close()
        shown = b""
        while True:
            try:
                data = os.read(terminal, 1000)
            except OSError:
                break
            if not data:
                break
            shown += data
        os.close(terminal)
        assert process.wait() == 0
    return shown


def test_one_file(text, tmp_path, slow):
    status, shown = on_terminal(["-T1", "text"], None, tmp_path)
    assert status == 0
    bars = [part for part in shown.decode().split("\r") if "|" in part]
    assert re.search(r"^text +\d+% \|.+\| 0:0\d", bars[0])
    assert re.search(r"/[\d.]+ KiB, [\d.]+ KiB/s", bars[-1])
    assert "ratio" in bars[-1]
    assert " left" in bars[-1]
    last = shown.decode().rstrip().split("\r")[-1]
    assert re.search(
        rf"^text: {len(TEXT):,} bytes, archive [\d,]+ bytes \(.*%\), .* s, .*/s$", last
    )


def test_one_bar_for_many_files(text, tmp_path, slow):
    (tmp_path / "other").write_bytes(TEXT)
    status, shown = on_terminal(["-T2", "text", "gone", "other"], None, tmp_path)
    assert status == 1
    assert re.search(rb"\r1 of 3: text +\d+% \|", shown)
    assert re.search(rb"\r3 of 3: other +\d+% \|", shown)
    assert b"nncompress: gone: No such file" in shown
    last = shown.decode().rstrip().split("\r")[-1]
    assert last.startswith(f"2 of 3 files: {2 * len(TEXT):,} bytes, archive ")
    assert shown.count(b" files: ") == 1


def test_a_pipe_has_no_total(tmp_path, slow):
    shown = through_pipe(["-T1"], TEXT, tmp_path)
    bars = [part for part in shown.decode().split("\r") if "KiB/s" in part]
    assert re.search(r"^standard input: 0:0\d, [\d.]+ KiB, [\d.]+ KiB/s", bars[0])
    assert "%|" not in shown.decode()
    assert f"standard input: {len(TEXT):,} bytes, archive " in bars[-1]


def test_contents_for_a_reader_are_not_disturbed(text, tmp_path, nnc, slow):
    assert nnc("text").returncode == 0
    status, shown = on_terminal(["-dc", "text.nnc"], None, tmp_path)
    assert status == 0
    assert shown.replace(b"\r\n", b"\n") == TEXT
    archive = (tmp_path / "text.nnc").read_bytes()
    assert b"standard input" in through_pipe(["-d"], archive, tmp_path)  # to a file
    assert (tmp_path / "out").read_bytes() == TEXT


def test_checking_is_shown(text, tmp_path, slow):
    status, shown = on_terminal(["--rm", "text"], None, tmp_path)
    assert (status, folder(tmp_path)) == (0, {"text.nnc"})
    assert b"\rchecking text" in shown


@pytest.mark.parametrize("words", [["-q"], ["-T1"]])
def test_what_is_soon_over_has_no_bar(text, tmp_path, words):
    status, shown = on_terminal([*words, "text"], None, tmp_path)
    assert status == 0
    assert b"|" not in shown
    assert (shown == b"") == ("-q" in words)


def test_no_bar_if_quiet(text, tmp_path, slow):
    assert on_terminal(["-q", "text"], None, tmp_path) == (0, b"")


def test_no_bar_on_a_terminal_that_cannot_draw_one(text, tmp_path, slow, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    status, shown = on_terminal(["text"], None, tmp_path)
    assert status == 0
    assert re.fullmatch(rb"text: [^\r]*\r\n", shown)


def test_questions_stand_above_the_bar(text, tmp_path, slow):
    (tmp_path / "other").write_bytes(TEXT)
    (tmp_path / "other.nnc").write_bytes(b"precious")
    status, shown = on_terminal(["text", "other"], b"n\n", tmp_path)
    assert status == 2
    asked = shown[shown.index(b"other.nnc exists already") :]
    assert b"|" not in asked[: asked.index(b"\n")]
    assert (tmp_path / "other.nnc").read_bytes() == b"precious"


STATUS = [name for name in ("SIGUSR1", "SIGINFO") if hasattr(signal, name)]


@pytest.mark.parametrize("name", STATUS)
@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_a_signal_asks_for_a_line(text, tmp_path, name, quiet, slow):
    process = subprocess.Popen(
        command(*quiet, "-T1", "text"), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE
    )
    while not any(entry.endswith(".tmp") for entry in folder(tmp_path)):
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(getattr(signal, name))
    line = process.stderr.readline().decode()
    assert re.search(rf"^nncompress: text: [\d,]+ of {len(TEXT):,} bytes \(.*%\), ", line)
    assert process.wait() == 0
    process.stderr.close()
    assert folder(tmp_path) == {"text", "text.nnc"}


@pytest.mark.parametrize("name", STATUS)
def test_a_signal_while_input_is_awaited_loses_nothing(tmp_path, name, nnc):
    process = subprocess.Popen(
        command("-c", "--flush-timeout", "0.1"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdin.write(TEXT[:1000])
    process.stdin.flush()
    archive, line = process.stdout.read1(), b""
    while not line.startswith(b"nncompress: standard input: 1,000 bytes, "):  # more is awaited
        assert not line or line.startswith(b"nncompress: standard input: ")
        process.send_signal(getattr(signal, name))
        line = process.stderr.readline()
    rest, _ = process.communicate(TEXT[1000:])
    assert process.returncode == 0
    assert nnc("-dc", data=archive + rest).stdout == TEXT


def test_the_library_that_draws_is_loaded_for_a_bar_alone(text, tmp_path):
    code = (
        "import sys, tests.nnc\n"
        "from nncompress.cli.app import run\n"
        "assert run(['text']) == 0\n"
        "print('tqdm' in sys.modules)\n"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    assert done.stdout.strip() == b"False"

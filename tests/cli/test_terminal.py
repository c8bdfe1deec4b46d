"""Names and words of strangers do not command a terminal; elsewhere they are the bytes they are."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from nncompress.cli import escape as escaping
from nncompress.cli.app import run
from nncompress.cli.escape import escape
from nncompress.files import models
from tests.children import environment
from tests.cli.conftest import TEXT, command
from tests.cli.test_conventions import folder, on_terminal, posix
from tests.models import write_model

ESC = "\x1b"
HOSTILE = f"a{ESC}]0;owned\x07\x9b31m\N{RIGHT-TO-LEFT OVERRIDE}gpj.\r\nnncompress: b: sound"
SHOWN = r"a\x1b]0;owned\x07\x9b31m\u202egpj.\x0d\x0anncompress: b: sound"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def harmless(shown: bytes) -> bool:
    """Whether a terminal obeys nothing of the hostile name."""
    commands = (b"\x1b]", b"\x07", "\x9b".encode(), "\u202e".encode(), b"\nnncompress: b")
    return not any(command in shown for command in commands)


def test_what_a_terminal_would_obey_is_escaped():
    assert escape(HOSTILE) == SHOWN
    assert escape("plain, caf\xe9, \u65e5\u672c \\ ~") == "plain, caf\xe9, \u65e5\u672c \\ ~"
    assert escape("\x7f\x80\x9f\u2066\u2028\udc9b") == r"\x7f\x80\x9f\u2066\u2028\x9b"
    assert escape("a\tb\nc\r\x1b", lines=True) == "a\tb\nc\\x0d\\x1b"


@posix
def test_hostile_names_on_a_terminal(nnc, tmp_path):
    (tmp_path / HOSTILE).write_bytes(TEXT)
    archive = HOSTILE + ".nnc"
    for words, expected in (
        (["-v", HOSTILE], 0),
        (["-fk", HOSTILE], 0),  # with a bar
        (["compress", archive], 2),
        (["-tv", archive], 0),
        (["-l", archive], 0),
        (["-lv", archive], 0),
        (["-t", "gone" + HOSTILE], 1),
        (["-t", HOSTILE], 1),
        (["explain", "gone" + HOSTILE, "--html", "x"], 1),
        (["--level", HOSTILE, "x"], 1),
        (["models", "show", "gone" + HOSTILE], 1),
    ):
        status, shown = on_terminal(words, None, tmp_path)
        assert (status, harmless(shown)) == (expected, True), shown
        assert SHOWN.encode()[:18] in shown, words
    status, shown = on_terminal([HOSTILE], b"n\n", tmp_path)
    assert (status, harmless(shown)) == (2, True)


@posix
def test_names_elsewhere_are_their_bytes_and_messages_stay_one_line(nnc, tmp_path):
    (tmp_path / HOSTILE).write_bytes(TEXT)
    packed = nnc("-v", HOSTILE)
    one_line = HOSTILE.replace("\r", "\\x0d").replace("\n", "\\x0a").encode()
    assert packed.stderr.startswith(one_line + b": ")
    assert packed.stderr.count(b"\n") == 1
    assert HOSTILE.encode() in nnc("-l", HOSTILE + ".nnc").stdout
    assert folder(tmp_path) == {HOSTILE, HOSTILE + ".nnc"}
    wrong = nnc("-t", os.fsdecode(b"\xff\x1b"))
    assert wrong.stderr == b"nncompress: \xff\x1b: No such file or directory\n"


def test_identities_and_cards_of_models_on_a_terminal(tmp_path, monkeypatch):
    card = write_model(tmp_path / "tiny.nncmodel").with_suffix(".md")
    card.write_text(f"a card\n{HOSTILE}", "utf-8")
    monkeypatch.setenv("NNCOMPRESS_MODELS", str(tmp_path))
    known = models.describe_model("tiny")
    monkeypatch.setattr(models, "describe_model", lambda _: {**known, "identity": HOSTILE})
    with redirect_stdout(Terminal()) as terminal:
        assert run(["models", "show", "tiny"]) == 0
        assert run(["models", "list"]) == 0
    shown = terminal.getvalue()
    assert ESC not in shown
    assert "\x9b" not in shown
    assert f"identity: {SHOWN}" in shown
    assert f"bytes  {SHOWN}  " in shown
    assert "\na card\na\\x1b]0" in shown


def test_sampled_text_on_a_terminal(tmp_path, monkeypatch):
    from nncompress.coding import opening
    from nncompress.reports import generate

    def sampled(network: object, start: bytes, **_: object) -> bytes:
        return "\x1b[2J caf\xe9 \x9b".encode() + b"\xff"

    class Coder:
        network = None

    monkeypatch.setattr(opening, "open_block_coder", lambda _: Coder())
    monkeypatch.setattr(generate, "generate", sampled)
    with redirect_stdout(Terminal()) as terminal:
        assert run(["generate"]) == 0
    assert terminal.getvalue() == "\\x1b[2J caf\xe9 \\x9b\\xff\n"


@pytest.mark.parametrize("form", [None, "csv", "markdown"])
def test_compared_files_on_a_terminal(monkeypatch, form):
    from nncompress.cli import compare as command
    from nncompress.reports.compare import Trial

    failed = Trial(HOSTILE, 3, "cmix", error=f"status 1: {ESC}[2J")
    monkeypatch.setattr(command, "_print_rich", lambda _: False)
    with redirect_stdout(Terminal()) as terminal:
        command._print([Trial(HOSTILE, 3, "xz", compressed=2), failed], form)
    assert not {ESC, "\x07", "\x9b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(terminal.getvalue())
    assert "[2J" in terminal.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_is_written_as_its_bytes_whatever_the_encoding(monkeypatch, encoding):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    escaping.write_names_as_bytes()
    names = [os.fsdecode(b"a\xff"), "\u65e5"]
    for name in names:
        escaping.show_text(name)
    assert raw.getvalue() == b"".join(os.fsencode(name) + os.linesep.encode() for name in names)


@posix
def test_messages_that_cannot_be_written_stop_nothing(text, tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with full.open("wb") as messages:
        words = command("-v", "gone", "text", "")
        done = subprocess.run(words, cwd=tmp_path, env=environment(), stderr=messages, check=False)
    assert done.returncode == 1
    assert folder(tmp_path) == {"text", "text.nnc"}


def test_paths_in_notices_stay_one_line(tmp_path, nnc, text):
    done = nnc("-v", "text", NNC_NOTICE="a\nb")
    assert done.stderr.startswith(b"nncompress: a\\x0ab\n")
    assert Path(tmp_path / "text.nnc").exists()

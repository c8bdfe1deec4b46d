"""What scripts made for gzip, xz and zstd rely on."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nncompress.cli.shorthand import expand_shorthand
from nncompress.coding.levels import LEVELS
from nncompress.coding.options import CodingOptions
from tests.children import ROOT, environment
from tests.cli.conftest import TEXT, command
from tests.cli.test_conventions import folder, posix, temporary_files

PLAIN = b"no archive, but text\n"


@pytest.mark.parametrize("words", [["-dcf"], ["-d", "-c", "--force"], ["cat", "-f"]])
def test_what_is_no_archive_passes_through_where_forced(nnc, text, tmp_path, words):
    nnc("text")
    (tmp_path / "plain").write_bytes(PLAIN)
    (tmp_path / "short").write_bytes(b"\x8eN")
    (tmp_path / "empty").write_bytes(b"")
    done = nnc(*words, "plain", "text.nnc", "short", "empty")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == PLAIN + TEXT + b"\x8eN"
    piped = nnc(*words, data=PLAIN)
    assert (piped.returncode, piped.stdout) == (0, PLAIN)
    assert folder(tmp_path) == {"text", "text.nnc", "plain", "short", "empty"}


def test_what_is_no_archive_is_refused_elsewhere(nnc, tmp_path):
    (tmp_path / "plain.nnc").write_bytes(PLAIN)
    for words in (["-dc"], ["-df"], ["cat"], ["-t"]):
        done = nnc(*words, "plain.nnc")
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"not an nncompress archive" in done.stderr
    assert folder(tmp_path) == {"plain.nnc"}


def test_a_damaged_archive_does_not_pass_through(nnc, text, tmp_path):
    nnc("text")
    archive = bytearray((tmp_path / "text.nnc").read_bytes())
    archive[len(archive) // 2] ^= 1
    done = nnc("-dcf", data=bytes(archive))
    assert (done.returncode, done.stdout) == (1, b"")


def script(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command that pip installs, with the small codec."""
    code = f"import sys, tests.nnc\nfrom nncompress.cli import {name}\n"
    code += f"sys.argv[0] = {name!r}\n{name}()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_unnncompress_is_nncompress_d(nnc, text, tmp_path):
    nnc("--rm", "text")
    assert script("unnncompress", "-t", "text.nnc", cwd=tmp_path).returncode == 0
    assert script("unnncompress", "-c", "text.nnc", cwd=tmp_path).stdout == TEXT
    assert script("unnncompress", "-k", "text.nnc", cwd=tmp_path).returncode == 0
    assert text.read_bytes() == TEXT
    assert b"nncompress " in script("unnncompress", "-V", cwd=tmp_path).stdout
    assert b"decompress" in script("unnncompress", "--help", cwd=tmp_path).stdout


def test_nnccat_is_nncompress_cat(nnc, text, tmp_path):
    nnc("--rm", "text")
    assert script("nnccat", "text.nnc", cwd=tmp_path).stdout == TEXT
    assert script("nnccat", "--range=:5", "text.nnc", cwd=tmp_path).stdout == TEXT[:5]
    (tmp_path / "plain").write_bytes(PLAIN)
    assert script("nnccat", "-f", "plain", "text.nnc", cwd=tmp_path).stdout == PLAIN + TEXT
    assert b"nncompress " in script("nnccat", "--version", cwd=tmp_path).stdout
    assert folder(tmp_path) == {"text.nnc", "plain"}


def test_the_one_word_commands_are_installed():
    lines = (ROOT / "pyproject.toml").read_text("utf-8").split("[project.scripts]\n")[1]
    scripts = dict(line.split(" = ") for line in lines.split("\n\n")[0].splitlines())
    assert scripts.keys() == {"nncompress", "unnncompress", "nnccat"}
    for place in scripts.values():
        module, _, function = place.strip('"').partition(":")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(("word", "level"), [("--fast", min(LEVELS)), ("--best", max(LEVELS))])
def test_fast_and_best_are_the_outermost_levels(monkeypatch, tmp_path, word, level):
    from nncompress.cli import app, compress

    seen: list[CodingOptions] = []
    monkeypatch.setattr(
        compress, "compress_one", lambda name, request, coder, reporter: seen.append(coder.options)
    )
    assert app.run([word, str(tmp_path / "file")]) == 0
    assert app.run([f"-{level}", str(tmp_path / "file")]) == 0
    assert [options.level for options in seen] == [level, level]


@pytest.mark.parametrize("suffix", [".packed", "+"])
def test_suffix(nnc, text, tmp_path, suffix):
    assert nnc("-S", suffix, "--rm", "text").returncode == 0
    assert folder(tmp_path) == {"text" + suffix}
    again = nnc("-S", suffix, "text" + suffix)
    assert again.returncode == 2
    assert f"already has the suffix {suffix}".encode() in again.stderr
    assert nnc("-d", "text" + suffix).returncode == 2
    assert nnc("-d", "--rm", "--suffix", suffix, "text" + suffix).returncode == 0
    assert text.read_bytes() == TEXT
    assert folder(tmp_path) == {"text"}


def test_suffix_of_files_in_folders(nnc, text, tmp_path):
    nnc("text")
    assert nnc("-rS", ".x", "--rm", ".").returncode == 0
    assert folder(tmp_path) == {"text.x", "text.nnc"}
    assert b"text.x" in nnc("-lrS", ".x", ".").stdout
    assert b"text.x: sound" in nnc("-trvS.x", ".").stderr
    assert b"text.x: sound" not in nnc("-trv", ".").stderr
    (tmp_path / "text.nnc").unlink()
    assert nnc("-drS", ".x", "--rm", ".").returncode == 0
    assert folder(tmp_path) == {"text"}


@pytest.mark.parametrize("suffix", ["", "/x", "a/b"])
def test_a_suffix_that_cannot_end_a_name_is_refused(nnc, text, tmp_path, suffix):
    done = nnc("-S", suffix, "text")
    assert done.returncode == 1
    assert b"cannot end the name of a file" in done.stderr
    assert folder(tmp_path) == {"text"}


def test_no_name_is_accepted(nnc, text):
    plain = nnc("-c", "text").stdout
    assert nnc("-nc", "text").stdout == plain
    assert nnc("-9nf", "text").returncode == 0
    assert nnc("-dnc", "text.nnc").stdout == TEXT
    assert nnc("-tn", "text.nnc").returncode == 0
    assert nnc("-ln", "text.nnc").returncode == 0
    assert nnc("--no-name", "-c", "text").stdout == plain


def test_new_options_in_words_without_a_command():
    known = {"compress"}
    assert expand_shorthand(["-S", "-d", "f"], known, interactive=False)[0] == "compress"
    assert expand_shorthand(["-dS", ".x", "f"], known, interactive=False)[0] == "decompress"
    words = ["--flush-timeout", "1", "compress"]
    assert expand_shorthand(words, known, interactive=False)[0] == "compress"


def test_what_a_live_log_has_said_so_far_can_be_decoded(nnc):
    process = subprocess.Popen(
        command("-c", "--flush-timeout", "0.2"),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stop = threading.Timer(60, process.kill)
    stop.start()
    archive = b""
    for number in range(3):
        line = b"line %d of a log\n" % number
        process.stdin.write(line)
        process.stdin.flush()
        archive += process.stdout.read1()  # and the input is still open
        so_far = nnc("-dc", data=archive)
        assert so_far.stdout.endswith(line)
    process.stdin.close()
    archive += process.stdout.read()
    assert process.wait() == 0
    stop.cancel()
    whole = nnc("-dc", data=archive)
    assert (whole.returncode, whole.stdout) == (
        0,
        b"".join(b"line %d of a log\n" % n for n in range(3)),
    )


def test_a_flush_timeout_changes_nothing_where_input_does_not_pause(nnc, text, tmp_path):
    plain = nnc("-c", "text", NNC_BLOCK="50000").stdout
    assert nnc("-c", "--flush-timeout=60", "text", NNC_BLOCK="50000").stdout == plain
    assert nnc("-c", "--flush-timeout=60", data=b"").stdout == nnc("-c", data=b"").stdout
    (tmp_path / "mem").symlink_to("/proc/self/mem")
    failed = nnc("-c", "--flush-timeout=60", "mem")
    assert failed.returncode == 1
    assert nnc("--flush-timeout=-1", "text").returncode == 1


ENDING = ["SIGQUIT", "SIGXCPU", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR2"]


@posix
@pytest.mark.parametrize("name", ENDING)
def test_signals_that_end_a_process_leave_no_temporary_file(text, tmp_path, name):
    resource = pytest.importorskip("resource")
    process = subprocess.Popen(
        command("compress", "--rm", "text"),
        cwd=tmp_path,
        env=environment(NNC_BLOCK="1000", NNC_DELAY="0.1"),
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    while not temporary_files(tmp_path) and process.poll() is None:
        time.sleep(0.01)
    number = getattr(signal, name)
    process.send_signal(number)
    _, shown = process.communicate(timeout=20)
    assert process.returncode == -number
    assert b"Traceback" not in shown
    assert folder(tmp_path) == {"text"}


@posix
def test_a_signal_as_the_temporary_file_is_opened_leaves_none(text, tmp_path):
    code = (
        "import os, signal, tests.nnc\n"
        "from nncompress.files import output\n"
        "from nncompress.cli import main\n"
        "opened = output.os.fdopen\n"
        "def open_and_end(*words):\n"
        "    file = opened(*words)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return file\n"
        "output.os.fdopen = open_and_end\n"
        "main(['text'])\n"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), timeout=60, check=False)
    assert done.returncode == -signal.SIGTERM
    assert folder(tmp_path) == {"text"}


@posix
def test_a_limit_of_processor_time_leaves_no_temporary_file(tmp_path):
    resource = pytest.importorskip("resource")
    process = subprocess.Popen(
        command("compress", "-o", "out.nnc", "-"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 20)),
    )
    data = os.urandom(1 << 20)
    with contextlib.suppress(BrokenPipeError):
        while process.poll() is None:
            process.stdin.write(data)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert process.wait(timeout=20) == -signal.SIGXCPU
    assert folder(tmp_path) == set()

"""The conventions of gzip, xz and zstd, one test a row."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nncompress.cli.shorthand import expand_shorthand
from tests.children import ROOT, environment
from tests.cli.conftest import TEXT, command

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def folder(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_round_trip_keeps_the_source(nnc, text, tmp_path):
    done = nnc("compress", "text")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert folder(tmp_path) == {"text", "text.nnc"}
    text.unlink()
    assert nnc("decompress", "text.nnc").returncode == 0
    assert text.read_bytes() == TEXT
    assert folder(tmp_path) == {"text", "text.nnc"}


def test_rm_deletes_the_source(nnc, text, tmp_path):
    assert nnc("compress", "--rm", "text").returncode == 0
    assert folder(tmp_path) == {"text.nnc"}
    assert nnc("decompress", "--rm", "text.nnc").returncode == 0
    assert folder(tmp_path) == {"text"}
    assert text.read_bytes() == TEXT


@pytest.mark.parametrize("flag", ["--rm", "--verify"])
def test_an_archive_that_does_not_decode_is_not_trusted(nnc, text, tmp_path, flag):
    wrong = nnc("compress", flag, "text", NNC_WRONG="1")
    assert wrong.returncode == 1
    assert b"checksum" in wrong.stderr
    assert folder(tmp_path) == {"text"}
    assert nnc("compress", "text", NNC_WRONG="1").returncode == 0  # nobody asked


def test_keep_wins_over_rm(nnc, text, tmp_path):
    assert nnc("compress", "--rm", "-k", "text").returncode == 0
    assert folder(tmp_path) == {"text", "text.nnc"}


def test_without_a_command(nnc, text, tmp_path):
    assert nnc("text").returncode == 0
    text.unlink()
    assert nnc("-d", "text.nnc").returncode == 0
    assert text.read_bytes() == TEXT
    assert nnc("-t", "text.nnc").returncode == 0
    assert nnc("-dc", "text.nnc").stdout == TEXT
    assert b"text.nnc" in nnc("-l", "text.nnc").stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["f"], ["compress", "f"]),
        (["-d", "f"], ["decompress", "f"]),
        (["-dkc", "f"], ["decompress", "-kc", "f"]),
        (["-o", "-d", "f"], ["compress", "-o", "-d", "f"]),
        (["-odt", "f"], ["compress", "-odt", "f"]),
        (["-vT2", "-d", "f"], ["decompress", "-vT2", "f"]),
        (["--model", "-d", "f"], ["compress", "--model", "-d", "f"]),
        (["--", "-d"], ["compress", "--", "-d"]),
        (["-9", "-"], ["compress", "-9", "-"]),
        (["test", "-d"], ["test", "-d"]),
        (["-v", "test", "f"], ["test", "-v", "f"]),
        (["-vT", "2", "test", "f"], ["test", "-vT", "2", "f"]),
        (["-o", "test", "f"], ["compress", "-o", "test", "f"]),
        (["--memory-limit", "test", "-q", "test"], ["test", "--memory-limit", "test", "-q"]),
        (["-d", "test"], ["decompress", "test"]),
        (["-v", "f", "tests"], ["compress", "-v", "f", "tests"]),
        (["-T10", "-m", "-10", "f"], ["compress", "-T10", "-m", "-10", "f"]),
        (["-vv", "test", "f"], ["test", "-vv", "f"]),
        (["-v", "--", "test"], ["compress", "-v", "--", "test"]),
        ([], ["compress"]),
    ],
)
def test_shorthand(words, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").touch()
    assert expand_shorthand(words, {"test", "compress"}, interactive=False) == expected


def test_pipes(nnc):
    archive = nnc(data=TEXT)
    assert archive.returncode == 0
    assert nnc("-d", data=archive.stdout).stdout == TEXT
    assert nnc("decompress", "-", data=archive.stdout).stdout == TEXT
    assert nnc("compress", "-c", "-", data=b"").returncode == 0


def test_output_option(nnc, text, tmp_path):
    assert nnc("compress", "-o", "a.bin", "text").returncode == 0
    assert nnc("decompress", "a.bin", "-o", "b").returncode == 0
    assert (tmp_path / "b").read_bytes() == TEXT
    (tmp_path / "out").mkdir()
    (tmp_path / "two").write_bytes(b"2")
    assert nnc("compress", "text", "two", "-o", "out").returncode == 0
    assert folder(tmp_path / "out") == {"text.nnc", "two.nnc"}
    refused = nnc("compress", "text", "two", "-o", "file")
    assert refused.returncode == 1
    assert b"no folder" in refused.stderr
    assert nnc("-o", "from_stdin", data=TEXT).returncode == 0
    assert nnc("-dc", "from_stdin").stdout == TEXT


def test_names_after_two_dashes(nnc, tmp_path):
    (tmp_path / "-d").write_bytes(TEXT)
    assert nnc("--", "-d").returncode == 0
    assert (tmp_path / "-d.nnc").exists()


def test_verbose(nnc, text):
    said = nnc("-v", "text").stderr.decode()
    assert re.search(
        rf"^text: {len(TEXT):,} bytes, archive [\d,]+ bytes \(.*%\), .* s, .* KiB/s", said
    )
    assert f"text.nnc: sound, {len(TEXT):,} bytes" in nnc("-tv", "text.nnc").stderr.decode()
    assert re.search(r"block 0: start 0, .*crc32", nnc("-lv", "text.nnc").stdout.decode())


def test_more_verbose_tells_of_each_block(nnc, text):
    once, twice = (nnc("-fk", v, "text", NNC_BLOCK="50000").stderr for v in ("-v", "-vv"))
    assert once.count(b"\n") == 1
    lines = twice.decode().splitlines()
    assert len(lines) == 1 + -(-len(TEXT) // 50_000)
    sizes = [
        re.fullmatch(r"nncompress: block of (\d+) bytes: network\+mixing, (\d+) bytes .*", x)
        for x in lines[:-1]
    ]
    assert sum(int(size[1]) for size in sizes) == len(TEXT)
    archived = sum(int(size[2]) for size in sizes)
    assert f"{len(TEXT):,} bytes, archive {archived:,} bytes" in lines[-1]
    tested = nnc("-t", "-vv", "text.nnc").stderr.decode().splitlines()
    assert [line.split(":")[1] for line in tested[:-1]] == [x.split(":")[1] for x in lines[:-1]]


def test_help_and_version_as_words(nnc):
    assert nnc("help").stdout == nnc("--help").stdout
    assert nnc("help", "models", "import").stdout == nnc("models", "import", "--help").stdout
    assert nnc("version").stdout == nnc("--version").stdout
    wrong = nnc("help", "comprss")
    assert (wrong.returncode, wrong.stdout) == (1, b"")
    assert b"did you mean 'compress'?" in wrong.stderr


@pytest.mark.parametrize("level", ["-9", "--best", "--fast", "-5"])
def test_a_level_changes_nothing_when_decoding(nnc, text, level):
    """So that tar --use-compress-program='nncompress -9' works both ways."""
    assert nnc(level, "text").returncode == 0
    assert nnc(level, "-d", data=(text.parent / "text.nnc").read_bytes()).stdout == TEXT
    assert nnc("-t", level, "text.nnc").stderr == b""
    assert level.encode() not in nnc("decompress", "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-1", "-m", "default"], ["-m has no effect: level 1 uses no model"]),
        (["--device", "cpu", "--level", "2"], ["--device has no effect: level 2 uses no model"]),
        (["--method", "mixing", "-m", "x"], ["-m has no effect: --method mixing uses no model"]),
        (
            ["--method", "stored", "-9", "--window", "1M"],
            [
                f"{o} has no effect: --method stored compresses nothing"
                for o in ("a level", "--window")
            ],
        ),
        (["-1", "--method", "network", "-m", "other"], []),
        (["-4", "-m", "other"], []),
        (["--rm", "-k"], ["--rm has no effect beside -k"]),
        (["-c", "--rm"], ["--rm has no effect: the result goes to standard output"]),
        (["-c", "--verify"], ["--verify has no effect: the result goes to standard output"]),
        (["-c", "-o", "x"], ["-o has no effect beside -c"]),
        (["--rm", "--no-verify"], ["--no-verify has no effect beside --rm"]),
        (["-c", "-o", "-", "-9"], []),
        (["--rm", "--verify"], []),
    ],
)
def test_an_option_that_does_nothing_says_so(nnc, text, words, said):
    done = nnc("compress", *words, "text")
    assert done.returncode == 0
    lines = done.stderr.decode().splitlines()
    assert len(lines) == len(said)
    for line, expected in zip(lines, said, strict=True):
        assert line.startswith("nncompress: " + expected)
    text.write_bytes(TEXT)
    assert nnc("compress", "-qf", *words, "text").stderr == b""


def test_existing_output_is_refused_unless_forced(nnc, text, tmp_path):
    target = tmp_path / "text.nnc"
    target.write_bytes(b"precious")
    refused = nnc("text")
    assert refused.returncode == 1
    assert b"already exists" in refused.stderr
    assert target.read_bytes() == b"precious"
    assert nnc("-f", "text").returncode == 0
    assert nnc("-dc", "text.nnc").stdout == TEXT
    assert folder(tmp_path) == {"text", "text.nnc"}


def test_source_and_target_at_once_is_refused(nnc, text):
    refused = nnc("-f", "-o", "text", "text")
    assert refused.returncode == 1
    assert text.read_bytes() == TEXT


def on_terminal(arguments, answer, cwd):
    """Run with a pseudo-terminal for all three standard files; returns status and what it shows."""
    pty = pytest.importorskip("pty")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(sys.executable, command(*arguments), environment())
    shown = b""
    if answer:
        while b"?" not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, answer)
    while True:
        try:
            data = os.read(terminal, 1000)
        except OSError:
            break
        if not data:
            break
        shown += data
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    assert b"Traceback" not in shown
    return status, shown


@posix
def test_prompt_on_a_terminal(text, tmp_path, nnc):
    target = tmp_path / "text.nnc"
    target.write_bytes(b"precious")
    status, _ = on_terminal(["text"], b"n\n", tmp_path)
    assert (status, target.read_bytes()) == (2, b"precious")
    status, _ = on_terminal(["text"], b"y\n", tmp_path)
    assert status == 0
    assert nnc("-dc", "text.nnc").stdout == TEXT


@posix
def test_compressed_data_never_goes_to_a_terminal(text, tmp_path):
    status, shown = on_terminal(["-fc", "text"], None, tmp_path)
    assert status == 1
    assert b"terminal" in shown
    status, shown = on_terminal(["-d"], None, tmp_path)
    assert status == 1
    assert b"terminal" in shown


@posix
def test_notices_are_for_terminals_and_the_curious(text, tmp_path, nnc, monkeypatch):
    """Such as the one that kernels must be compiled first."""
    notice = {"NNC_NOTICE": "compiling", "NNC_BLOCK": "50000"}
    assert nnc("-fk", "text", **notice).stderr == b""
    assert nnc("-fkv", "text", **notice).stderr.startswith(b"nncompress: compiling\n")
    assert nnc("-fkq", "text", **notice).stderr == b""
    for name, value in notice.items():
        monkeypatch.setenv(name, value)
    assert b"nncompress: compiling" in on_terminal(["-f", "text"], None, tmp_path)[1]
    assert b"compiling" not in on_terminal(["-qf", "text"], None, tmp_path)[1]


@posix
def test_no_arguments_on_a_terminal_gives_help(tmp_path):
    status, shown = on_terminal([], None, tmp_path)
    assert status == 0
    assert b"Usage" in shown


def test_wrong_suffix_is_a_warning(nnc, text, tmp_path):
    assert nnc("text").returncode == 0
    again = nnc("compress", "text.nnc")
    assert again.returncode == 2
    assert b"already has the suffix" in again.stderr
    unknown = nnc("-d", "text")
    assert unknown.returncode == 2
    assert b"unknown suffix" in unknown.stderr
    assert nnc("-dq", "text").stderr == b""
    assert folder(tmp_path) == {"text", "text.nnc"}


@posix
def test_mode_and_time_are_kept(nnc, text, tmp_path):
    text.chmod(0o640)
    os.utime(text, ns=(10**18, 10**18 + 5))
    assert nnc("text").returncode == 0
    for name in ("text.nnc", "text"):
        status = (tmp_path / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o640
        assert status.st_mtime_ns == 10**18 + 5
        text.unlink(missing_ok=True)
        nnc("-d", "text.nnc")


@posix
def test_long_runs_of_zeros_become_holes(nnc, tmp_path):
    data = b"start" + bytes(3_000_000) + b"middle" + bytes(2_000_000)
    source = tmp_path / "zeros"
    source.write_bytes(data)
    assert nnc("zeros").returncode == 0
    for flag, sparse in (("--sparse", True), ("--no-sparse", False)):
        assert nnc("decompress", flag, "-f", "zeros.nnc").returncode == 0
        assert source.read_bytes() == data
        assert (source.stat().st_blocks * 512 < len(data) // 2) == sparse


def test_joined_archives_decode_as_one(nnc, tmp_path):
    one, two = nnc(data=b"one " * 99).stdout, nnc(data=b"two " * 99).stdout
    (tmp_path / "both.nnc").write_bytes(one + two)
    assert nnc("-d", "both.nnc").returncode == 0
    assert (tmp_path / "both").read_bytes() == b"one " * 99 + b"two " * 99


def test_exit_status_of_several_files(nnc, text, tmp_path):
    (tmp_path / "x.nnc").write_bytes(b"not an archive")
    nnc("text")
    mixed = nnc("-df", "text", "x.nnc", "text.nnc")
    assert mixed.returncode == 1
    assert len(mixed.stderr.splitlines()) == 2
    assert nnc("-tq", "text.nnc", "gone.nnc").returncode == 1


@pytest.mark.parametrize("arguments", [["--foo"], ["compress", "--level"], ["-T", "x"], ["list"]])
def test_usage_errors_are_one_line_and_status_1(nnc, arguments):
    wrong = nnc(*arguments)
    command = "list" if arguments == ["list"] else "compress"
    assert wrong.stderr.endswith(f"(see nncompress {command} --help)\n".encode())
    assert wrong.returncode == 1
    assert wrong.stdout == b""
    assert wrong.stderr.startswith(b"nncompress: ")
    assert wrong.stderr.count(b"\n") == 1


def test_folders(nnc, tmp_path):
    inner = tmp_path / "folder" / "inner"
    inner.mkdir(parents=True)
    (inner / "a").write_bytes(b"a")
    (inner.parent / "b").write_bytes(b"b")
    ignored = nnc("folder")
    assert ignored.returncode == 2
    assert b"use -r" in ignored.stderr
    assert nnc("-r", "--rm", "folder").returncode == 0
    assert folder(inner) == {"a.nnc"}
    assert nnc("-dr", "--rm", "folder").returncode == 0
    assert (inner / "a").read_bytes() == b"a"
    assert folder(inner.parent) == {"b", "inner"}


@posix
def test_special_files(nnc, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert nnc("pipe").returncode == 2
    reader = subprocess.Popen(["cat", "pipe"], cwd=tmp_path, stdout=subprocess.PIPE)
    assert nnc("-f", "-o", "pipe", data=TEXT).returncode == 0
    archive, _ = reader.communicate(timeout=20)
    assert nnc("-d", data=archive).stdout == TEXT
    assert folder(tmp_path) == {"pipe"}


@posix
def test_link_to_source_is_followed_but_not_deleted(nnc, text, tmp_path):
    (tmp_path / "link").symlink_to("text")
    kept = nnc("--rm", "link")
    assert kept.returncode == 2
    assert folder(tmp_path) == {"text", "link", "link.nnc"}


def temporary_files(path: Path) -> list[Path]:
    return list(path.glob(".*.tmp"))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_clean_up(text, tmp_path, number):
    process = subprocess.Popen(
        command("compress", "--rm", "text"),
        cwd=tmp_path,
        env=environment(NNC_BLOCK="1000", NNC_DELAY="0.1"),
        stderr=subprocess.PIPE,
    )
    while not temporary_files(tmp_path) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(number)
    _, shown = process.communicate(timeout=20)
    assert process.returncode == -number
    assert b"Traceback" not in shown
    assert folder(tmp_path) == {"text"}


@posix
def test_broken_pipe_is_quiet(text, tmp_path):
    process = subprocess.Popen(
        command("-c", "text"),
        cwd=tmp_path,
        env=environment(NNC_BLOCK="100"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=20) == -signal.SIGPIPE


def test_list_as_json(nnc, text):
    nnc("text", NNC_BLOCK="50000")
    entry = json.loads(nnc("list", "--json", "text.nnc").stdout)[0]
    assert entry["name"] == "text.nnc"
    assert entry["raw_size"] == len(TEXT)
    assert len(entry["blocks"]) == -(-len(TEXT) // 50000)
    assert {block["method"] for block in entry["blocks"]} == {"network+mixing"}


def test_list_of_several_has_totals_and_needs_files(nnc, text):
    nnc("text")
    lines = nnc("list", "text.nnc", "text.nnc").stdout.decode().splitlines()
    assert lines[-1].endswith("2 archives")
    assert f"{2 * len(TEXT):,}" in lines[-1]
    assert b"not standard input" in nnc("list", "-", data=b"x").stderr


def test_a_range_decodes_its_own_blocks_alone(nnc, text, tmp_path):
    nnc("text", NNC_BLOCK="1000")
    archive = bytearray((tmp_path / "text.nnc").read_bytes())
    archive[len(archive) // 2] ^= 1
    (tmp_path / "text.nnc").write_bytes(archive)
    assert nnc("-t", "text.nnc").returncode == 1
    assert nnc("cat", "--range=1500:2500", "text.nnc").stdout == TEXT[1500:2500]
    assert nnc("cat", "--range=-1500:", "text.nnc").stdout == TEXT[-1500:]


def test_ranges(nnc, text):
    nnc("text", NNC_BLOCK="1000")
    size = len(TEXT)
    for given, part in {
        "5:20": TEXT[5:20],
        "995:3005": TEXT[995:3005],
        ":7": TEXT[:7],
        f"{size - 4}:": TEXT[-4:],
        "-6:-2": TEXT[-6:-2],
        f"{size - 4}:{size + 100}": TEXT[-4:],
        "9:3": b"",
    }.items():
        result = nnc("cat", f"--range={given}", "text.nnc")
        assert (result.returncode, result.stdout) == (0, part)
    assert nnc("cat", "--range", "x", "text.nnc").returncode == 1
    assert nnc("cat", "text.nnc", "text.nnc").stdout == TEXT + TEXT


def test_help_and_version_need_neither_torch_nor_numba(tmp_path):
    code = (
        "import sys, contextlib\n"
        "import nncompress, nncompress.cli\n"
        "for words in (['--help'], ['--version'], ['compress', '--help'], ['models', '--help']):\n"
        "    with contextlib.suppress(SystemExit): nncompress.cli.main(words)\n"
        "assert not {'torch', 'numba', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment(), timeout=60)


def test_completion_knows_commands_and_options(nnc):
    for words, current, expected in (
        ("nncompress", "dec", b"plain\tdecompress\t"),
        ("nncompress\ntest", "--max", b"plain\t--max-output-size\t"),
        ("nncompress\n-d", "", b"suffix\t.nnc\t"),
    ):
        given = nnc(_NNCOMPRESS_COMPLETE="1", COMP_WORDS=words, COMP_CURRENT=current)
        assert given.stdout.startswith(expected)


def test_completion(nnc):
    for shell in ("bash", "zsh", "fish"):
        assert b"_NNCOMPRESS_COMPLETE" in nnc("completion", shell).stdout


@posix
def test_tar(nnc, text, tmp_path):
    program = tmp_path / "program"
    words = " ".join(f"'{word}'" for word in command())
    program.write_text(f'#!/bin/sh\nPYTHONPATH="$OLD" exec {words} "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "OLD": environment()["PYTHONPATH"]}
    use = f"--use-compress-program={program}"
    subprocess.run(["tar", use, "-cf", "t.tnn", "text"], cwd=tmp_path, check=True, env=env)
    text.unlink()
    subprocess.run(["tar", use, "-xf", "t.tnn"], cwd=tmp_path, check=True, env=env)
    assert text.read_bytes() == TEXT


def test_blocks_are_flushed_as_they_fill(nnc):
    """What went in is there to be decoded while more is awaited."""
    process = subprocess.Popen(
        command("-c"),
        env=environment(NNC_BLOCK="1000"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stop = threading.Timer(60, process.kill)
    stop.start()
    process.stdin.write(TEXT[:5000])
    process.stdin.flush()
    early = process.stdout.read1()
    assert early  # and the input is still open
    process.stdin.close()
    rest = process.stdout.read()
    assert process.wait() == 0
    stop.cancel()
    assert nnc("-dc", data=early + rest).stdout == TEXT[:5000]


@posix
def test_long_names(nnc, tmp_path):
    name = "\N{CJK UNIFIED IDEOGRAPH-65E5}" * 80  # 240 of the 255 bytes that there can be
    (tmp_path / name).write_bytes(TEXT)
    assert nnc("--rm", name).returncode == 0
    assert nnc("-d", "--rm", name + ".nnc").returncode == 0
    assert (tmp_path / name).read_bytes() == TEXT


@posix
def test_memory_does_not_grow_with_the_input():
    script = ROOT / "benchmarks" / "pipe_memory.py"
    peaks = []
    for size in (16 << 20, 96 << 20):
        shown = subprocess.run(
            [sys.executable, script, "--size", str(size)],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        peaks.append([int(number) for number in re.findall(r"(\d+) MiB", shown)])
    (small_in, small_out), (large_in, large_out) = peaks
    assert large_in < small_in + 8
    assert large_out < small_out + 8

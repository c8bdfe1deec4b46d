"""Bad input and faults: one line, a status, no partial file, the source untouched."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.children import environment
from tests.cli.conftest import TEXT, command
from tests.cli.test_conventions import folder, posix

NOISE = os.urandom(20_000)


@pytest.fixture
def archive(nnc, text, tmp_path) -> Path:
    assert nnc("text", NNC_BLOCK="10000").returncode == 0
    text.unlink()
    return tmp_path / "text.nnc"


def refused(result, *words: bytes, status: int = 1) -> None:
    assert result.returncode == status
    assert result.stderr.startswith(b"nncompress: ")
    assert result.stderr.count(b"\n") == 1
    for word in words:
        assert word in result.stderr


def test_flipped_archive(nnc, archive, tmp_path):
    data = archive.read_bytes()
    for at in range(0, len(data), len(data) // 12):
        archive.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        refused(nnc("-d", "text.nnc"), b"text.nnc")
        assert folder(tmp_path) == {"text.nnc"}


@pytest.mark.parametrize("keep", [0, 1, 3, 4, 15, 25, 400, -1])
def test_cut_off_archive(nnc, archive, tmp_path, keep):
    archive.write_bytes(archive.read_bytes()[:keep])
    refused(nnc("-d", "text.nnc"), b"text.nnc", b"cut off" if keep else b"empty")
    assert folder(tmp_path) == {"text.nnc"}


def test_cut_off_archive_to_stdout_goes_as_far_as_it_can(nnc, archive):
    archive.write_bytes(archive.read_bytes()[:-100])
    result = nnc("-dc", "text.nnc")
    refused(result, b"cut off")
    assert len(result.stdout) >= 10_000
    assert TEXT.startswith(result.stdout)


def test_no_archive(nnc, tmp_path):
    (tmp_path / "x.nnc").write_bytes(NOISE)
    for words in (["-d"], ["-t"], ["-l"], ["cat"], ["cat", "--range=1:2"]):
        refused(nnc(*words, "x.nnc"), b"x.nnc", b"not an nncompress archive")
    refused(nnc("-d", data=NOISE), b"not an nncompress archive")


def test_wrong_and_missing_model(nnc, archive, tmp_path):
    assert nnc("-m", "other", "-o", "foreign.nnc", data=TEXT).returncode == 0
    refused(nnc("-d", "foreign.nnc"), (b"o" * 16).hex().encode())
    wrong = nnc("-d", "-m", "mine", "foreign.nnc")
    refused(wrong, bytes(range(100, 116)).hex().encode(), (b"o" * 16).hex().encode())
    assert folder(tmp_path) == {"text.nnc", "foreign.nnc"}


def test_models_that_are_installed_are_found_whatever_is_named(nnc, archive):
    # An archive can need several models, of which -m names one.
    assert nnc("-dc", "-m", "other", "text.nnc").stdout == nnc("-dc", "text.nnc").stdout


def test_vanished_source(nnc):
    refused(nnc("gone"), b"gone: No such file")
    refused(nnc("-d", "gone.nnc"), b"gone.nnc: No such file")


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_unreadable_source(nnc, text):
    text.chmod(0)
    refused(nnc("text"), b"Permission denied")


@posix
def test_read_error_in_mid_file(nnc, tmp_path):
    # A process's memory file: opens, and fails to be read at address 0.
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc")
    refused(nnc("-c", "/proc/self/mem"), b"/proc/self/mem: Input/output error")


def limited(
    *arguments: str, cwd: Path, size: int, stdout: int = subprocess.PIPE, **extra: str
) -> subprocess.CompletedProcess[bytes]:
    resource = pytest.importorskip("resource")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(NNC_BLOCK="10000", PYTHONDONTWRITEBYTECODE="1", **extra),
        preexec_fn=limit,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


@posix
def test_full_disk(tmp_path, archive):
    (tmp_path / "noise").write_bytes(NOISE)
    before = folder(tmp_path)
    refused(limited("--rm", "noise", cwd=tmp_path, size=5000), b"noise.nnc: File too large")
    refused(limited("-d", "--rm", "text.nnc", cwd=tmp_path, size=5000), b"text: File too large")
    assert folder(tmp_path) == before


@posix
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_behind_standard_output(tmp_path, unbuffered):
    """An unbuffered file says that it took a part, and fails only when the rest is written."""
    (tmp_path / "noise").write_bytes(NOISE)
    with (tmp_path / "out").open("wb") as out:
        result = limited(
            "-c", "noise", cwd=tmp_path, size=5000, stdout=out.fileno(), PYTHONUNBUFFERED=unbuffered
        )
    refused(result, b"standard output: File too large")


@posix
def test_closed_standard_files(text, tmp_path):
    def run(words: str) -> subprocess.CompletedProcess[bytes]:
        program = " ".join(f"'{word}'" for word in command())
        return subprocess.run(
            ["sh", "-c", f"{program} {words}"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )

    for closed in ("<&-", ">&-", "2>&-"):
        done = run(f"-f text {closed}")
        assert (done.returncode, done.stderr) == (0, b"")
        assert run(f"gone {closed}").returncode == 1
    refused(run("-c text >&-"), b"standard output: Bad file descriptor")
    refused(run("- <&-"), b"standard input: Bad file descriptor")
    refused(run("list text.nnc >&-"), b"standard output: Bad file descriptor")


@posix
def test_full_disk_behind_what_is_printed(nnc, text, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    nnc("text")
    for words in (["list", "text.nnc"], ["--help"], ["completion", "bash"], ["-dc", "text.nnc"]):
        for unbuffered in ("", "1"):
            with Path("/dev/full").open("wb") as full:
                done = subprocess.run(
                    command(*words),
                    cwd=tmp_path,
                    env=environment(PYTHONUNBUFFERED=unbuffered),
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=60,
                    check=False,
                )
            refused(done, b"standard output: No space left on device")


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_names_that_are_no_files(nnc, name):
    refused(nnc(name), status=2 if name else 1)


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "nofolder/", "text"],
        ["-o", "text/", "text"],
        ["-d", "-o", "nofolder/", "text.nnc"],
        ["text/"],
        ["list", "text.nnc/"],
        ["-o", "", "text"],
        ["models", "export", "default", "nofolder/"],
    ],
)
def test_a_slash_at_the_end_means_a_folder(nnc, text, tmp_path, words):
    nnc("text")
    refused(nnc(*words), b"folder" if "" not in words else b"empty name")
    assert folder(tmp_path) == {"text", "text.nnc"}
    (tmp_path / "out").mkdir()
    assert nnc("-o", "out/", "text").returncode == 0
    assert folder(tmp_path / "out") == {"text.nnc"}


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["comprss", "text"], b"did you mean 'compress'?"),
        (["--rm", "decompres", "text"], b"did you mean 'decompress'?"),
        (["-v", "tset", "text"], b"did you mean 'test'?"),
        (["text", "modles"], b"did you mean 'models'?"),
        (["text", "compress"], b"as a command it stands before the files"),
    ],
)
def test_a_misspelt_command_is_an_error_before_anything_is_done(nnc, text, tmp_path, words, near):
    refused(nnc(*words), near)
    assert folder(tmp_path) == {"text"}


def test_a_file_that_is_there_is_no_misspelt_command(nnc, text, tmp_path):
    for name in ("comprss", "tests"):
        (tmp_path / name).write_bytes(TEXT)
    assert nnc("comprss", "tests", "text").returncode == 0
    assert {"comprss.nnc", "tests.nnc", "text.nnc"} < folder(tmp_path)
    refused(nnc("nosuchfile"), b"No such file")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["-10", "text"], b"10"),
        (["compress", "-19", "text"], b"19"),
        (["-c0", "text"], b"0"),
        (["-T", "2", "-k12", "text"], b"12"),
        (["-12dc", "text"], b"12"),
        (["explain", "-11", "text", "--html", "x"], b"11"),
    ],
)
def test_a_level_that_is_none_names_those_there_are(nnc, text, tmp_path, words, number):
    refused(nnc(*words), b"no level " + number, b"-1 (fastest) to -9 (smallest)")
    assert folder(tmp_path) == {"text"}


def test_target_folder_missing(nnc, text):
    refused(nnc("-o", "no/such/place", "text"), b"No such file")


def test_a_memory_limit_too_small_to_compress_is_an_error(nnc, text, tmp_path):
    refused(nnc("--memory-limit", "1K", "text"), b"text", b"the limit is 1K")
    assert folder(tmp_path) == {"text"}
    assert nnc("-c", "--memory-limit", "0", "text").stderr == b""


def test_smaller_blocks_for_a_memory_limit_are_told(nnc, text, tmp_path):
    lowered = nnc("-c", "--memory-limit", "256K", "text", NNC_BLOCK="1000000")
    assert (lowered.returncode, lowered.stderr.count(b"\n")) == (0, 1)
    assert b"to keep to 256K of memory: blocks of" in lowered.stderr
    assert nnc("-cq", "--memory-limit", "256K", "text", NNC_BLOCK="1000000").stderr == b""
    strict = ["--no-adjust", "--memory-limit", "256K"]
    refused(nnc("-c", *strict, "text", NNC_BLOCK="1000000"), b"takes 2M")
    assert nnc("-c", *strict, "text", NNC_BLOCK="100000").stderr == b""


def test_limits(nnc, archive, tmp_path):
    refused(nnc("-d", "--max-output-size", "1K", "text.nnc"), b"1024")
    refused(nnc("-d", "--memory-limit", "1K", "text.nnc"), b"1024")
    assert folder(tmp_path) == {"text.nnc"}
    assert nnc("-d", "--max-output-size", "1M", "text.nnc").returncode == 0


def test_recover(nnc, archive, tmp_path):
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 0xFF
    archive.write_bytes(data)
    result = nnc("-d", "--recover", "text.nnc")
    assert result.returncode == 1
    assert b"are lost" in result.stderr
    restored = (tmp_path / "text").read_bytes()
    assert len(restored) == len(TEXT)
    good = [restored[i : i + 10_000] == TEXT[i : i + 10_000] for i in range(0, len(TEXT), 10_000)]
    assert good.count(False) == 1
    assert not any(restored[(i := good.index(False) * 10_000) : i + 10_000])


def test_verification_failure_keeps_nothing(nnc, text, tmp_path, monkeypatch):
    from nncompress.archive.codec import no_progress
    from nncompress.errors import DamagedArchiveError
    from nncompress.files import convert
    from nncompress.files.output import OutputFile
    from nncompress.pipeline.stream import Totals

    out = OutputFile(tmp_path / "t.nnc")
    out.write(nnc("-c", "text").stdout)
    out.sync()
    from nncompress.coding.options import CodingOptions
    from nncompress.pipeline.coder import Coder
    from tests.fakes import source

    coder = Coder(CodingOptions())
    monkeypatch.setattr(coder, "decoder", source)
    with out, pytest.raises(DamagedArchiveError):
        convert.verify(out, Totals(1, 1, b"another digest"), coder, no_progress)
    assert folder(tmp_path) == {"text"}


@posix
@pytest.mark.parametrize("mode", ["compress", "decompress"])
def test_kill_at_any_moment(nnc, tmp_path, mode):
    """A source, or its complete result, always exists."""
    source = tmp_path / ("text" if mode == "compress" else "text.nnc")
    original = TEXT
    if mode == "decompress":
        original = nnc("-c", data=TEXT, NNC_BLOCK="20000").stdout
    other = tmp_path / ("text.nnc" if mode == "compress" else "text")
    whole = 0.6
    turns = int(os.environ.get("NNC_KILLS", "12"))
    for turn in range(turns):
        source.write_bytes(original)
        process = subprocess.Popen(
            command(mode, "--rm", "-f", source.name),
            cwd=tmp_path,
            env=environment(NNC_BLOCK="20000", NNC_DELAY="0.02"),
        )
        time.sleep(0.1 + whole * turn / turns)
        process.kill()
        process.wait()
        if other.exists():
            done = nnc("-dc", other.name) if mode == "compress" else None
            assert (done.stdout if done else other.read_bytes()) == TEXT
        else:
            assert source.read_bytes() == original
        for path in (source, other, *tmp_path.glob(".*.tmp")):
            path.unlink(missing_ok=True)


def test_same_archive_whatever_the_number_of_threads(nnc, text, tmp_path):
    one = nnc("-c", "-T1", "text", NNC_BLOCK="9000")
    three = nnc("-c", "-T3", "text", NNC_BLOCK="9000")
    assert (one.returncode, three.returncode, three.stderr) == (0, 0, b"")
    assert one.stdout == three.stdout
    restored = nnc("-d", "-T", "3", data=one.stdout)
    assert (restored.returncode, restored.stdout) == (0, TEXT)
    refused(nnc("-d", "-T", "3", data=one.stdout[:-200]), b"cut off")


@posix
@pytest.mark.parametrize(("delay", "after"), [("0.2", 0.2), ("0.2", 1.0), ("60", 0.2)])
def test_ctrl_c_does_not_wait_for_blocks_at_work(text, tmp_path, delay, after):
    process = subprocess.Popen(
        command("-T2", "text"),
        cwd=tmp_path,
        env=environment(NNC_BLOCK="1000", NNC_DELAY=delay),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not list(tmp_path.glob(".*.tmp")):
        time.sleep(0.01)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, shown = process.communicate(timeout=20)
    assert (process.returncode, shown) == (-signal.SIGINT, b"")
    assert folder(tmp_path) == {"text"}

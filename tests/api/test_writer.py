"""A writer completes its archive, whatever ends the writing; what else files may be like."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import nncompress
import nncompress.pipeline.coder
from nncompress.errors import ArchiveError
from tests.children import environment
from tests.fakes import MODEL_ID, ZlibCodec

WORDS = b"some words that can be compressed; " * 300

SMALL_CODEC = """
import atexit, os, sys, threading, time
import nncompress
from tests.fakes import ZlibCodec
def use_small_codec():
    import nncompress.pipeline.coder
    nncompress.pipeline.coder._open_codec = lambda options: ZlibCodec()
"""


def run_program(text: str, folder: Path, status: int = 0) -> str:
    """Run a program in ``folder``, and return what it says on standard error."""
    program = SMALL_CODEC + textwrap.dedent(text)
    command = [sys.executable, "-c", program]
    result = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == status, result.stderr
    return result.stderr


def unpack(path: Path) -> bytes:
    with nncompress.open(path) as file:
        return file.read()


class Odd(BaseException):
    """An exception that is no error."""


@pytest.mark.parametrize("mode", ["wb", "wt"])
@pytest.mark.parametrize(
    "error", [RuntimeError, OSError, SystemExit, KeyboardInterrupt, GeneratorExit, Odd]
)
def test_an_exception_in_the_block_leaves_a_complete_archive(tmp_path, error, mode):
    path = tmp_path / "a.nnc"

    def write():
        with nncompress.open(path, mode) as file:
            file.write(WORDS if mode == "wb" else WORDS.decode())
            raise error

    with pytest.raises(error):
        write()
    assert unpack(path) == WORDS


def test_closing_a_generator_leaves_a_complete_archive(tmp_path):
    def collect():
        with nncompress.open(tmp_path / "a.nnc", "wb") as file:
            while True:
                file.write((yield))

    writing = collect()
    next(writing)
    writing.send(WORDS)
    writing.close()
    assert unpack(tmp_path / "a.nnc") == WORDS


class Interrupting(ZlibCodec):
    """Is interrupted in the middle of some blocks."""

    def __init__(self, *numbers):
        super().__init__(MODEL_ID, block_size=1000)
        self.numbers, self.calls = numbers, 0

    def encode(self, data, progress=None, *, alone=False):
        self.calls += 1
        if self.calls in self.numbers:
            raise KeyboardInterrupt
        return super().encode(data, alone=alone)


@pytest.mark.parametrize("number", [1, 2, 5, 10, 11])
def test_ctrl_c_while_a_block_is_coded_loses_nothing(tmp_path, number, monkeypatch):
    monkeypatch.setattr(
        nncompress.pipeline.coder, "_open_codec", lambda options: Interrupting(number)
    )

    def write():
        with nncompress.open(tmp_path / "a.nnc", "wb") as file:
            file.write(WORDS)

    assert len(WORDS) == 10_500  # eleven blocks, of which close codes the last
    with pytest.raises(KeyboardInterrupt):
        write()
    monkeypatch.undo()
    assert unpack(tmp_path / "a.nnc") == WORDS


def test_ctrl_c_while_the_file_takes_bytes_loses_nothing(tmp_path):
    class Interrupted(io.FileIO):
        ready = 2

        def write(self, data):
            done = super().write(data)
            self.ready -= 1
            if not self.ready:
                raise KeyboardInterrupt
            return done

    def write():
        with (
            Interrupted(tmp_path / "a.nnc", "w") as raw,
            nncompress.open(raw, "wb", block_size=1000) as file,
        ):
            for start in range(0, len(WORDS), 100):
                file.write(WORDS[start : start + 100])

    with pytest.raises(KeyboardInterrupt):
        write()
    got = unpack(tmp_path / "a.nnc")
    assert len(got) >= 1000
    assert WORDS.startswith(got)


def test_an_error_of_the_writer_itself_leaves_the_archive_cut_off(tmp_path):
    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() > 50:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data[:40])

    archive = Full()
    file = nncompress.open(archive, "wb", block_size=1000)
    with pytest.raises(OSError, match="space"):
        file.write(WORDS)
    for again in (lambda: file.write(b"more"), file.close):
        with pytest.raises(OSError, match="space"):
            again()
    assert file.closed
    (tmp_path / "a.nnc").write_bytes(archive.getvalue())
    with pytest.raises(ArchiveError):
        unpack(tmp_path / "a.nnc")

    def write():
        with nncompress.open(Full(), "wb", block_size=1000) as file:
            file.write(WORDS)

    with pytest.raises(OSError, match="space"):
        write()


@pytest.mark.parametrize(
    "opened",
    [
        'nncompress.open("a.nnc", "wb")',
        'nncompress.open("a.nnc", "wb", block_size=1000, threads=3)',
        'nncompress.open("a.nnc", "wt", encoding="utf-8")',
        'io.TextIOWrapper(io.BufferedWriter(nncompress.open("a.nnc", "wb")), "utf-8")',
    ],
)
@pytest.mark.parametrize(
    ("end", "status"), [("", 0), ("sys.exit(3)", 3), ("raise RuntimeError", 1)]
)
def test_a_writer_open_at_the_end_of_the_program_is_completed(tmp_path, opened, end, status):
    program = f"""
    import io
    use_small_codec()
    file = {opened}
    text = "größer " * 1000
    kept = [file.write(text if isinstance(file, io.TextIOBase) else text.encode())]
    kept.append(kept)  # a circle, which is not collected before
    {end}
    """
    errors = run_program(program, tmp_path, status)
    assert "ignored" not in errors
    with nncompress.open(tmp_path / "a.nnc", method="mixing") as file:
        assert file.read().decode() == "größer " * 1000


def test_the_real_coder_works_at_the_end_of_the_program(tmp_path):
    program = """
    file = nncompress.open("a.nnc", "wt", level=1, method="mixing")
    file.write("some text, some text, some text; " * 30)
    """
    assert run_program(program, tmp_path) == ""
    program = """
    with nncompress.open("a.nnc", "rt") as file:
        assert file.read() == "some text, some text, some text; " * 30
    """
    run_program(program, tmp_path)


def test_the_end_of_the_program_says_what_it_could_not_complete(tmp_path):
    program = """
    use_small_codec()
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")
    first = nncompress.open("a.nnc", "wb")
    file = nncompress.open(Full(), "wb")
    last = nncompress.open("b.nnc", "wb")
    """
    assert "No space left" in run_program(program, tmp_path)
    assert unpack(tmp_path / "a.nnc") == unpack(tmp_path / "b.nnc") == b""


def test_blocks_of_an_archive_that_failed_are_given_up(monkeypatch):
    class Endless(ZlibCodec):
        def encode(self, data, progress, *, alone=False):
            while b"endless" in data:
                try:
                    progress(0)
                except BaseException:
                    ended.set()
                    raise
                time.sleep(0.001)
            return super().encode(data)

    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ended = threading.Event()
    codec = Endless(MODEL_ID, block_size=1000)
    monkeypatch.setattr(nncompress.pipeline.coder, "_open_codec", lambda options: codec)
    file = nncompress.open(Full(), "wb", threads=2)
    with pytest.raises(OSError, match="space"):
        file.write(bytes(1000) + b"endless" * 400)
    with pytest.raises(OSError, match="space"):
        file.close()
    assert ended.wait(60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_leaves_the_archive_to_its_parent(tmp_path):
    program = f"""
    use_small_codec()
    file = nncompress.open("a.nnc", "wb", block_size=1000)
    file.write({WORDS!r})
    if os.fork() == 0:
        sys.exit()
    os.wait()
    """
    run_program(program, tmp_path)
    assert unpack(tmp_path / "a.nnc") == WORDS


@pytest.mark.parametrize("import_first", ["import nncompress.api", ""])
def test_a_thread_that_outlives_the_main_thread_can_code(tmp_path, import_first):
    program = f"""
    {import_first}
    def work():
        threading.main_thread().join()
        time.sleep(0.3)
        use_small_codec()
        data = bytes(range(256)) * 20_000
        archive = nncompress.compress(data)
        assert nncompress.decompress(archive) == data
        with nncompress.open("a.nnc", "wb") as file:
            file.write(data)
        with nncompress.open("a.nnc") as file:
            assert file.read() == data
        print("done", file=sys.stderr)
    threading.Thread(target=work).start()
    """
    assert run_program(program, tmp_path) == "done\n"


def test_functions_work_while_the_program_ends(tmp_path):
    program = """
    use_small_codec()
    @atexit.register
    def last():
        data = bytes(range(256)) * 20_000
        assert nncompress.decompress(nncompress.compress(data)) == data
        print("done", file=sys.stderr)
    """
    assert run_program(program, tmp_path) == "done\n"


def test_functions_work_where_no_more_threads_can_be_had(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    expected = nncompress.compress(WORDS * 100)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert nncompress.compress(WORDS * 100) == expected
    assert nncompress.decompress(expected) == WORDS * 100
    with pytest.raises(ArchiveError):
        nncompress.decompress(expected[:-1])


class Sink:
    """Has nothing but ``write``."""

    def __init__(self, answer=None):
        self.parts, self.answer = b"", answer

    def write(self, data):
        self.parts += data
        return self.answer


class Source:
    """Has nothing but ``read``."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size=-1):
        return self._file.read(min(size, 7))


@pytest.mark.parametrize("answer", [None, True, "text"])
def test_a_sink_needs_only_write(answer):
    sink = Sink(answer)
    with nncompress.open(sink, "wb", block_size=1000) as file:
        file.write(WORDS)
    assert nncompress.decompress(sink.parts) == WORDS


def test_a_source_needs_only_read():
    with nncompress.open(Source(nncompress.compress(WORDS))) as file:
        assert not file.seekable()
        assert file.read() == WORDS


def test_what_is_neither_path_nor_file_is_refused():
    for mode in ("r", "w", "a"):
        with pytest.raises(TypeError, match="path"):
            nncompress.open(object(), mode)


def test_a_file_that_would_block_is_not_taken_for_one_that_has_ended(tmp_path):
    class Empty(io.RawIOBase):
        def read(self, size=-1):
            return None

        def write(self, data):
            return None

    with pytest.raises(BlockingIOError):
        nncompress.open(Empty()).read()
    file = nncompress.open(Empty(), "wb")
    with pytest.raises(BlockingIOError):
        file.close()


@pytest.mark.skipif(not hasattr(os, "set_blocking"), reason="no such pipes")
@pytest.mark.parametrize("buffering", [0, -1])
def test_pipes_that_do_not_block_are_waited_for(buffering):
    data = os.urandom(300_000)
    archive, restored = nncompress.compress(data), []

    def read(end):
        with os.fdopen(end, "rb", buffering) as raw, nncompress.open(raw) as file:
            restored.append(file.read())

    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    reader = threading.Thread(target=read, args=(reading,))
    reader.start()
    with os.fdopen(writing, "wb", buffering) as raw:
        time.sleep(0.1)
        with nncompress.open(raw, "wb") as file:
            file.write(data)
    reader.join()
    assert restored == [data]
    assert len(archive) > 2**16  # more than a pipe holds


@pytest.mark.parametrize("block_size", [1000, None])
def test_a_file_is_used_from_where_it_stands(tmp_path, block_size):
    with (tmp_path / "a").open("w+b") as raw:
        raw.write(b"something before")
        with nncompress.open(raw, "wb", block_size=block_size) as file:
            file.write(WORDS)
        raw.seek(len(b"something before"))
        with nncompress.open(raw) as file:
            assert file.read(10) == WORDS[:10]
            assert file.seek(-5, os.SEEK_END) == len(WORDS) - 5
            assert file.read() == WORDS[-5:]
            assert file.seek(2000) == 2000
            assert file.read() == WORDS[2000:]
        raw.seek(0)
        assert raw.read(16) == b"something before"


def test_paths_may_be_bytes(tmp_path):
    path = os.fsencode(tmp_path / "größer.nnc")
    for mode in ("xb", "ab"):
        with nncompress.open(path, mode) as file:
            file.write(WORDS)
    with nncompress.open(path) as file:
        assert file.read() == 2 * WORDS


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_nothing_is_added_to_a_file_that_does_not_end_soundly(tmp_path, cut):
    path = tmp_path / "a.nnc"
    with nncompress.open(path, "wb", block_size=1000) as file:
        file.write(WORDS)
    sound = path.read_bytes()
    for unsound in (sound[:-cut], sound + b"tail", b"no archive"):
        path.write_bytes(unsound)
        with pytest.raises(ArchiveError, match=r"cannot append to .*a\.nnc: .*; recover it first"):
            nncompress.open(path, "ab")
        assert path.read_bytes() == unsound
    path.write_bytes(b"")
    for _ in range(2):
        with nncompress.open(path, "ab") as file:
            file.write(WORDS)
    assert unpack(path) == 2 * WORDS


def test_a_file_is_not_emptied_where_writing_cannot_begin(tmp_path):
    path = tmp_path / "a.nnc"
    path.write_bytes(b"kept")
    with pytest.raises(nncompress.errors.ConfigError):
        nncompress.open(path, "wb", block_size=-1)
    assert path.read_bytes() == b"kept"

"""The Python interface."""

from __future__ import annotations

import doctest
import functools
import inspect
import io
import os
import re
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nncompress
import nncompress.api
import nncompress.files.info
import nncompress.files.tarformat
import nncompress.reports.measure
from nncompress.archive.copies import CopyRules
from nncompress.errors import (
    ConfigError,
    DamagedArchiveError,
    MemoryLimitError,
    NotAnArchiveError,
    OutputLimitError,
    TruncatedArchiveError,
)
from tests.fakes import ZlibCodec

WORDS = b"some words that can be compressed; " * 300
METHODS = st.sampled_from([None, "auto", "mixing", "stored"])


@given(st.binary(max_size=500), METHODS, st.sampled_from([bytes, bytearray, memoryview]))
def test_round_trip(data, method, kind):
    assert nncompress.decompress(kind(nncompress.compress(kind(data), method=method))) == data


@given(st.binary(max_size=2000), st.integers(1, 300), st.data())
def test_range_reads_equal_slices(data, block_size, draw):
    archive = io.BytesIO()
    with nncompress.open(archive, "wb", block_size=block_size) as file:
        file.write(data)
    archive.seek(0)
    with nncompress.open(archive) as file:
        for _ in range(5):
            start = draw.draw(st.integers(0, len(data) + 10))
            size = draw.draw(st.integers(0, 700))
            assert file.seek(start) == start
            assert file.read(size) == data[start : start + size]
            assert file.tell() == start + len(data[start : start + size])
        assert file.seek(0, os.SEEK_END) == len(data)
        assert file.read() == b""
    assert not archive.closed


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 200))
def test_streaming_equals_one_shot(pieces, block_size):
    compressor = nncompress.Compressor(block_size=block_size)
    streamed = b"".join([compressor.compress(piece) for piece in pieces]) + compressor.flush()
    archive = io.BytesIO()
    with nncompress.open(archive, "wb", block_size=block_size) as file:
        for piece in pieces:
            file.write(piece)
    assert archive.getvalue() == streamed
    assert nncompress.decompress(streamed) == b"".join(pieces)


def test_text_and_append(tmp_path):
    path = tmp_path / "lines.nnc"
    for mode in ("xt", "at"):
        with nncompress.open(path, mode, encoding="utf-8", newline="\n") as file:
            file.write("größer\nsecond\n")
    with nncompress.open(path, "rt", encoding="utf-8") as file:
        assert list(file) == ["größer\n", "second\n"] * 2
    with pytest.raises(FileExistsError):
        nncompress.open(path, "x")


class Unbuffered(io.BytesIO):
    def write(self, data):
        return super().write(data[:10])


def test_files_that_take_a_part_are_given_the_rest():
    archive = Unbuffered()
    with nncompress.open(archive, "wb") as file:
        file.write(WORDS)
    assert nncompress.decompress(archive.getvalue()) == WORDS


class Pipe(io.BytesIO):
    def seekable(self):
        return False


def test_files_that_cannot_seek_are_read_in_order():
    archive = nncompress.compress(WORDS)
    with nncompress.open(Pipe(archive)) as file:
        assert not file.seekable()
        assert file.read(10) + file.read() == WORDS
    with nncompress.open(Pipe(archive[:-1])) as file, pytest.raises(TruncatedArchiveError):
        file.read()


def test_cut_off_archive_reads_as_far_as_it_goes(tmp_path):
    path = tmp_path / "cut.nnc"
    with nncompress.open(path, "wb", block_size=1000) as file:
        file.write(WORDS)
    path.write_bytes(path.read_bytes()[:-70])
    with nncompress.open(path) as file:
        assert file.read(5000) == WORDS[:5000]
        with pytest.raises(TruncatedArchiveError):
            file.read()


def test_errors_carry_facts():
    archive = bytearray(nncompress.compress(WORDS))
    archive[-1] ^= 255
    with pytest.raises(DamagedArchiveError) as damaged:
        nncompress.decompress(archive)
    assert damaged.value.offset == 0
    with pytest.raises(NotAnArchiveError):
        nncompress.decompress(b"PK")
    with pytest.raises(OutputLimitError) as limited:
        nncompress.decompress(nncompress.compress(WORDS), max_output_size=100)
    assert (limited.value.limit, limited.value.needed) == (100, len(WORDS))


@pytest.mark.parametrize("mode", ["", "rw", "rbt", "q", "rbb t", "rbb", "rtt", "br", "wr", "b"])
def test_wrong_modes(mode):
    with pytest.raises(ConfigError):
        nncompress.open(io.BytesIO(), mode)


@pytest.mark.parametrize(
    "options",
    [
        {"level": 0},
        {"level": 10},
        {"method": "zip"},
        {"threads": -1},
        {"memory_limit": 0},
        {"memory_limit": -1},
    ],
)
def test_impossible_options(options):
    with pytest.raises(ConfigError):
        nncompress.compress(b"data", **options)


@pytest.mark.parametrize("function", [nncompress.compress, nncompress.decompress, nncompress.open])
def test_unknown_keywords_are_refused(function):
    with pytest.raises(TypeError, match="unexpected keyword argument 'preset'"):
        function(b"", preset=9)


WRONG_TYPES = {
    "level": ["6", 6.0, True, [6]],
    "method": [5, b"mixing"],
    "window": ["1M", 1.5],
    "model": [5, 1.0, ["default"]],
    "device": [None, 0],
    "threads": [None, "2", 1.0],
    "memory_limit": ["1G", 1e9],
    "max_output_size": ["1G", 1e9],
    "block_size": ["1M", 1e6, True],
    "mode": [None, b"rb", 5],
}
FUNCTIONS = {
    "compress": functools.partial(nncompress.compress, b"data"),
    "decompress": functools.partial(nncompress.decompress, b"data"),
    "Compressor": nncompress.Compressor,
    "Decompressor": nncompress.Decompressor,
    "open": functools.partial(nncompress.open, io.BytesIO()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_of_a_wrong_type_are_refused(name):
    keywords = inspect.signature(FUNCTIONS[name]).parameters
    tried = 0
    for keyword in keywords.keys() & WRONG_TYPES.keys():
        for value in WRONG_TYPES[keyword]:
            tried += 1
            with pytest.raises(TypeError):
                FUNCTIONS[name](**{keyword: value})
    assert tried > 10


@pytest.mark.parametrize("data", [None, "text", 5, [1, 2], memoryview(b"abcd")[::2]])
def test_what_has_no_bytes_is_refused(data, tmp_path):
    for function in (
        nncompress.compress,
        nncompress.decompress,
        nncompress.Compressor().compress,
        nncompress.Decompressor().decompress,
        nncompress.open(tmp_path / "a.nnc", "w").write,
    ):
        with pytest.raises(TypeError):
            function(data)


@pytest.mark.parametrize("file", [None, 5, io.StringIO("text"), object()])
def test_what_is_no_binary_file_is_refused(file):
    for mode in ("r", "w", "a"):
        with pytest.raises(TypeError):
            nncompress.open(file, mode)


def test_whatever_has_bytes_is_taken():
    numbers = array("i", range(1000))
    assert nncompress.decompress(nncompress.compress(numbers)) == numbers.tobytes()
    grid = memoryview(bytes(range(100))).cast("B", (10, 10))
    assert nncompress.decompress(nncompress.compress(grid)) == bytes(range(100))


def described(function):
    """The text that help shows about each keyword."""
    arguments = inspect.getdoc(function).split("Args:\n")[1]
    arguments = arguments.split("\nRaises:")[0].split("\nReturns:")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_has_every_keyword_with_its_meaning(name):
    function = getattr(nncompress, name)
    parameters = inspect.signature(function).parameters
    assert all(p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters.values())
    found = described(function)
    assert list(found) == list(parameters)
    for keyword in ("level", "method", "window", "device", "threads"):
        if keyword in found:
            assert found[keyword] == (described(nncompress.open))[keyword]


def test_memory_limit_holds_for_file_objects(tmp_path):
    path = tmp_path / "words.nnc"
    path.write_bytes(nncompress.compress(WORDS))
    with nncompress.open(path, memory_limit=100) as file, pytest.raises(MemoryLimitError):
        file.read()


def test_every_public_name_exists():
    for name in nncompress.__all__:
        assert getattr(nncompress, name) is not None
    assert set(nncompress.__all__) <= set(dir(nncompress))
    with pytest.raises(AttributeError):
        nncompress.no_such_name  # noqa: B018


def test_examples_in_docstrings_run():
    modules = {
        nncompress.api: 6,
        nncompress.files.tarformat: 6,
        nncompress.files.info: 4,
        nncompress.reports.measure: 3,
    }
    for module, least in modules.items():
        failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
        assert tried >= least
        assert failed == 0


def test_a_window_is_a_number_of_bytes():
    with pytest.raises(ConfigError):
        nncompress.compress(b"", window=-1)


def test_what_is_appended_repeats_nothing_of_what_was_there(tmp_path, monkeypatch):
    codec = ZlibCodec(copy_rules=CopyRules(1 << 20))
    monkeypatch.setattr("nncompress.pipeline.coder._open_codec", lambda options: codec)
    path = tmp_path / "appended.nnc"
    noise = os.urandom(20_000)
    for mode in ("w", "a", "a"):
        with nncompress.open(path, mode, block_size=9000) as file:
            file.write(noise * 2)
    assert 60_000 < path.stat().st_size < 65_000
    with nncompress.open(path) as file:
        assert file.read() == noise * 6
        file.seek(95_000)
        assert file.read(100) == noise[15_000:15_100]

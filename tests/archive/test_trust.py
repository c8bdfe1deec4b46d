"""Random access agrees with reading in order, or fails: the end of a file is not trusted."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zlib

import pytest

from nncompress.archive.access import read_map
from nncompress.archive.codec import StoredCodec
from nncompress.archive.format import BlockHeader, Header, Method, most_raw_bytes
from nncompress.archive.index import IndexBuilder
from nncompress.archive.recover import recover
from nncompress.errors import (
    ArchiveError,
    DamagedArchiveError,
    MemoryLimitError,
    TruncatedArchiveError,
)
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Compressor
from tests.children import environment
from tests.fakes import MODEL_ID, source
from tests.pipeline.test_streams import pack, unpack

TEXT = b"".join(b"%d words of a text, " % i for i in range(400))
INNER = pack(TEXT, MODEL_ID, 900)


def store(data: bytes, block_size: int = 1 << 20) -> bytes:
    compressor = Compressor(StoredCodec(block_size))
    return compressor.compress(data) + compressor.flush()


def forged(sizes: list[tuple[int, int]], before: bytes) -> bytes:
    """Return ``before`` and an index, sound by its checksum, of (record size, raw size)."""
    index = IndexBuilder(Header())
    for record, raw in sizes:
        index.add(record, BlockHeader(Method.STORED, raw, raw, 1, False, 0))
    return before + index.pack(bytes(16))


def nnc(*words: str | os.PathLike[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.nnc", *map(os.fspath, words)],
        env=environment(),
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("before", [b"", b"a file, and then ", INNER])
@pytest.mark.parametrize("joined", [b"", INNER, store(INNER)])
def test_an_archive_inside_a_stored_block_is_not_taken_for_the_outer_one(before, joined):
    contents = before + INNER
    for archive in (store(contents), store(contents, 700), joined + store(contents)):
        whole = unpack(archive)
        found = read_map(io.BytesIO(archive))
        assert (found.fault, found.raw_size) == (None, len(whole))
        reader = BlockReader(io.BytesIO(archive), source)
        assert reader.seek(-500, os.SEEK_END) == len(whole) - 500
        assert io.BufferedReader(reader).read() == whole[-500:]
        recovered = b"".join(part.data or b"" for part in recover(io.BytesIO(archive), source))
        assert recovered == whole


def test_an_index_that_disagrees_with_the_first_header_is_not_taken():
    """The contents of the one stored block are made so that their index reaches byte 0."""
    index = forged([(37, 30), (13, 1)], b"")
    data = b"x" * (37 + 13 - 7) + index  # 7: the header of the one block
    archive = store(data)
    assert len(archive) - len(index) - 37 - 13 == len(Header().pack())
    found = read_map(io.BytesIO(archive))
    assert (found.fault, found.raw_size, len(found.blocks)) == (None, len(data), 1)


def test_a_cut_archive_has_no_end_to_seek_from_and_nothing_behind_the_fault():
    places = read_map(io.BytesIO(INNER)).blocks
    for cut in (places[3].position + 5, len(INNER) - 1):
        reader = BlockReader(io.BytesIO(INNER[:cut]), source)
        with pytest.raises(TruncatedArchiveError):
            reader.seek(0, os.SEEK_END)
        reader.seek(100)
        assert reader.read(50) == TEXT[100:150]
        reader.seek(len(TEXT))
        with pytest.raises(TruncatedArchiveError):
            reader.read(1)


def test_members_behind_a_fault_are_in_no_range():
    """What stands before them is not known, so neither is their place."""
    cut = INNER[: read_map(io.BytesIO(INNER)).blocks[3].position + 5]
    reader = BlockReader(io.BytesIO(cut + INNER), source)
    with pytest.raises(ArchiveError):
        io.BufferedReader(reader).read()
    with pytest.raises(ArchiveError):
        reader.seek(-10, os.SEEK_END)


def test_a_damaged_index_is_a_fault_of_the_map():
    damaged = bytearray(INNER)
    damaged[-30] ^= 1
    found = read_map(io.BytesIO(damaged))
    assert isinstance(found.fault, DamagedArchiveError)
    sound = read_map(io.BytesIO(INNER)).blocks
    assert all(place.indexed for place in sound)
    assert found.known == sound
    assert not any(place.indexed for place in found.known)


def test_ranges_and_lists_of_an_unsound_archive_fail(tmp_path):
    path = tmp_path / "a.nnc"
    path.write_bytes(INNER[: read_map(io.BytesIO(INNER)).blocks[3].position + 5])
    assert nnc("cat", "--range", "10:20", path).stdout == TEXT[10:20]
    for span in ("-20:-10", "-5:", ":-5", "5000:5010"):
        result = nnc("cat", "--range", span, path)
        assert (result.returncode, result.stdout) == (1, b""), span
        assert b"cut off" in result.stderr
    assert nnc("cat", "--range", "2600:5000", path).returncode == 1
    listed = nnc("list", "--json", path)
    assert listed.returncode == 1
    assert b"cut off" in listed.stderr
    (facts,) = json.loads(listed.stdout)
    assert (facts["complete"], facts["raw_size"], len(facts["blocks"])) == (False, 2700, 3)
    assert b"(incomplete)" in nnc("list", path).stdout


def test_a_range_obeys_the_limits(tmp_path):
    path = tmp_path / "a.nnc"
    path.write_bytes(store(TEXT))
    assert nnc("cat", "--range", "0:10", "--max-output-size", "10", path).stdout == TEXT[:10]
    for words in (("--max-output-size", "9"), ("--memory-limit", "1K")):
        result = nnc("cat", "--range", "0:10", *words, path)
        assert (result.returncode, result.stdout) == (1, b"")
        assert b"limit" in result.stderr
    assert nnc("-dc", "--recover", "--memory-limit", "1K", path).returncode == 1


def test_stored_blocks_count_in_the_memory_limit_of_open(tmp_path):
    import nncompress

    path = tmp_path / "a.nnc"
    path.write_bytes(store(TEXT))
    with nncompress.open(path, memory_limit=2 * len(TEXT)) as file:
        assert file.read() == TEXT
    with nncompress.open(path, memory_limit=1000) as file, pytest.raises(MemoryLimitError):
        file.read(1)
    with pytest.raises(MemoryLimitError):
        list(recover(io.BytesIO(store(TEXT)), source, 1000))


@pytest.mark.parametrize("raw", [0, 2**24 - 1, 2**24, 2**35, 2**62])
def test_sizes_in_an_index_are_proved(raw):
    """Recovery fills what is lost with zeros, so a lie would fill the disk."""
    archive = forged([(14, raw), (16, raw)], Header().pack() + b"\1" * 30)
    lost = sum(part.size for part in recover(io.BytesIO(archive), source))
    assert lost == 0
    assert isinstance(read_map(io.BytesIO(archive)).fault, ArchiveError)


def test_an_offset_far_beyond_what_damage_can_hide_is_no_block():
    block = BlockHeader(Method.STORED, 1, 1, zlib.crc32(b"x"), True, 1 << 28)
    archive = Header().pack() + b"\xff" * 30 + block.pack(Header()) + b"x"
    assert sum(part.size for part in recover(io.BytesIO(archive), source)) == 0


def test_a_small_payload_cannot_ask_for_much():
    """Before any memory of that size is taken: by default 71 bytes took 1.7 GB."""
    assert most_raw_bytes(0) == most_raw_bytes(1) == 0
    for size, raw, good in ((2, 363_408, True), (2, 363_409, False), (54, 2**24 - 1, False)):
        block = BlockHeader(Method.MIXING, raw, size, 1, True, 0)
        archive = Header().pack() + block.pack(Header()) + bytes(size)
        fault = read_map(io.BytesIO(archive)).fault
        assert (fault is None) == good
        with pytest.raises(
            DamagedArchiveError, match="wrong checksum|damaged" if good else "header"
        ):
            unpack(archive)


@pytest.mark.parametrize("zeros", [1, 2, 3, 4, 5, 10_000, (1 << 20) + 3])
@pytest.mark.parametrize("archive", [pack(TEXT), INNER, store(bytes(500)), INNER + pack(b"a" * 9)])
def test_zero_bytes_after_an_archive_stand_for_nothing(archive, zeros):
    padded = archive + bytes(zeros)
    whole = unpack(archive)
    assert unpack(padded) == whole
    found = read_map(io.BytesIO(padded))
    assert (found.fault, found.padding) == (None, zeros)
    assert found.blocks == read_map(io.BytesIO(archive)).blocks
    parts = list(recover(io.BytesIO(padded), source))
    assert b"".join(part.data or b"" for part in parts) == whole
    assert all(part.error is None for part in parts)


def test_only_zero_bytes_may_follow_and_only_at_the_end():
    for after in (bytes(9) + b"x", bytes(9) + INNER, bytes(9) + pack(b"a")):
        with pytest.raises(DamagedArchiveError, match="unexpected data"):
            unpack(INNER + after)
        assert read_map(io.BytesIO(INNER + after)).fault is not None
    with pytest.raises(ArchiveError):
        unpack(bytes(100))
    assert read_map(io.BytesIO(bytes(100))).fault is not None


def test_commands_take_a_padded_archive_and_nothing_is_appended_to_it(tmp_path):
    import nncompress

    path = tmp_path / "a.nnc"
    path.write_bytes(INNER + bytes(10_240))
    assert nnc("test", path).returncode == 0
    assert nnc("list", path).returncode == 0
    assert nnc("cat", "--range", "-9:", path).stdout == TEXT[-9:]
    with pytest.raises(ArchiveError, match="zero bytes"):
        nncompress.open(path, "ab", method="stored")

"""Repeats through whole archives: both ways, any part, limits, and what recovery gives."""

from __future__ import annotations

import io
import itertools
import os
import random
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.archive import writer
from nncompress.archive.access import read_block_header, read_map, read_section
from nncompress.archive.codec import NO_REPEATS
from nncompress.archive.copies import CopyRules
from nncompress.archive.history import KeptLiterals
from nncompress.archive.origins import Origins
from nncompress.archive.recover import recover
from nncompress.coding.options import CodingOptions
from nncompress.errors import FileError
from nncompress.pipeline import splitting
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Compressor, Decompressor
from nncompress.pipeline.stream import compress_stream, decompress_stream
from nncompress.transforms.repeats import RepeatFinder
from tests.fakes import MODEL_ID, ZlibCodec, source
from tests.transforms.test_repeats import NOISE, streams

RULES = CopyRules(1 << 20, 32, 64)
OLD = NOISE[:40_000]
NEW = OLD[:9000] + b"changed" + OLD[9100:22_000] + OLD[25_000:] + NOISE[50_000:55_000]
TREE = OLD + NEW + NEW[3000:30_000]


TEXT = b" ".join(b"%d" % (i * i) for i in range(4000))
TEXTS = TEXT + TEXT[:9000] + b"changed" + TEXT[9100:]


class CountingCodec(ZlibCodec):
    """Counts the blocks that it decodes."""

    decoded = 0

    def decode(self, *arguments) -> bytes:
        self.decoded += 1
        return super().decode(*arguments)


def pack(data: bytes, block_size: int = 4000, rules: CopyRules = RULES, cuts=()) -> bytes:
    compressor = Compressor(ZlibCodec(MODEL_ID, block_size, rules))
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = [compressor.compress(data[a:b]) for a, b in itertools.pairwise(places)]
    return b"".join(parts) + compressor.flush()


def unpack(archive: bytes, size: int | None = None, history: KeptLiterals | None = None) -> bytes:
    decompressor = Decompressor(source, history=history)
    size = size or len(archive)
    parts = [decompressor.decompress(archive[i : i + size]) for i in range(0, len(archive), size)]
    decompressor.close()
    return b"".join(parts)


@settings(deadline=None)
@given(
    streams(),
    st.integers(1, 5000),
    st.integers(0, 9000),
    st.lists(st.integers(0, 9000), max_size=4),
    st.integers(1, 3000),
)
def test_any_repeats_come_back_whatever_the_pieces_and_the_window(data, block, window, cuts, size):
    rules = CopyRules(window, 32, 64)
    archive = pack(data, block, rules)
    assert pack(data, block, rules, cuts) == archive
    assert unpack(archive, size) == data
    assert BlockReader(io.BytesIO(archive), source).read() == data
    assert b"".join(part.data or b"" for part in recover(io.BytesIO(archive), source)) == data


def test_repeats_make_an_archive_small():
    assert len(pack(TREE)) < len(OLD) + 5107 + 1500
    assert len(pack(TREE, rules=NO_REPEATS)) > 2 * len(OLD)


@pytest.mark.parametrize("block_size", [500, 4000, 1 << 20])
def test_archives_without_repeats_do_not_grow_by_a_byte(block_size):
    for data in (b"", b"a", NOISE[:60_000], bytes(range(256))):
        with_stage, without = (pack(data, block_size, rules) for rules in (RULES, NO_REPEATS))
        assert len(with_stage) == len(without)


@pytest.mark.parametrize("size", [10, 1000, 100_000])
def test_copies_of_little_never_make_an_archive_larger_than_the_law_allows(size):
    data = (NOISE[:size] + NOISE[:64]) * 3
    assert len(pack(data, 1 << 20)) <= len(data) * 1.0001 + 32


def test_joined_archives_each_have_their_own_literals():
    assert unpack(pack(TREE) + pack(NEW) + pack(TREE, 700)) == TREE + NEW + TREE
    reader = BlockReader(io.BytesIO(pack(TREE) + pack(NEW)), source)
    reader.seek(len(TREE) + 20_000)
    assert reader.read(999) == NEW[20_000:20_999]


def test_a_member_that_is_full_is_followed_by_one_without_a_past(monkeypatch):
    for module in (writer, splitting):
        monkeypatch.setattr(module, "MAX_BLOCKS", 3)
    archive = pack(TREE, 2000)
    assert read_map(io.BytesIO(archive)).members > 3
    assert unpack(archive) == TREE


def test_blocks_have_as_many_literals_as_others_have_bytes_and_a_bound_on_all():
    data = b"".join(NOISE[i : i + 20_000] for i in range(0, 60_000, 10_000)) * 900
    blocks = read_map(io.BytesIO(pack(data, 10_000))).blocks
    assert max(block.literal_size for block in blocks) <= 10_000
    assert max(block.raw_size for block in blocks) == splitting.MOST_RAW
    assert sum(block.literal_size for block in blocks) < 80_000


@pytest.mark.parametrize("room", [0, 5000, 1 << 30])
def test_literals_beyond_the_room_are_kept_in_a_file(room, monkeypatch):
    opened = []

    def temporary(*arguments, **keywords):
        opened.append(made := make(*arguments, **keywords))
        return made

    make = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    assert unpack(pack(TREE), history=KeptLiterals(room)) == TREE
    assert len(opened) == (room < len(OLD))


def test_the_file_of_literals_does_not_grow_with_the_stream(monkeypatch):
    monkeypatch.setattr("nncompress.archive.history.MAX_BLOCK_SIZE", 5000)
    files = []

    class File(io.BytesIO):
        def __init__(self, **_):
            super().__init__()
            files.append(self)

        def close(self):
            self.size = len(self.getvalue())

    monkeypatch.setattr(tempfile, "TemporaryFile", File)
    chance = random.Random(3)
    data = b"".join(
        chance.randbytes(3000) + NOISE[at : at + 500] for at in range(0, 3 << 20, 1 << 10)
    )
    history = KeptLiterals(0)
    assert unpack(pack(data, 4000, CopyRules(1 << 20, 32, 64)), history=history) == data
    history.begin(0)
    assert [file.size for file in files] == [2 * (1 << 20) + 5000]


def test_a_full_disk_is_told_in_one_line(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(FileError, match=r"No space left on device.*--memory-limit"):
        unpack(pack(TREE), history=KeptLiterals(0))


def test_a_range_decodes_its_block_and_those_that_it_repeats():
    data = TEXT + NOISE[:3000] + TEXT[5000:12_000] + NOISE[3000:6000] + TEXT[20_000:21_000]
    file = io.BytesIO(pack(data))
    codec = CountingCodec(MODEL_ID)
    places = read_map(file).blocks
    origins = Origins(places)
    several = 0
    for start in range(7, len(data), len(data) // 10):
        reader = BlockReader(file, lambda _: codec)
        before = codec.decoded
        reader.seek(start)
        assert reader.read(50) == data[start : start + 50]
        number = max(n for n, place in enumerate(places) if place.start <= start)
        section = read_section(file, places[number], read_block_header(file, places[number]))
        named = origins.of(number, section)
        assert 1 <= codec.decoded - before <= 1 + len(named)
        several += len(named) > 0
    assert several > 1
    assert len(named) < len(places) // 2


def test_a_block_that_repeats_two_others_in_turns_decodes_each_once_without_any_room():
    turns = b"".join(TEXT[at : at + 100] + TEXT[8000 + at : 8100 + at] for at in range(0, 900, 90))
    file = io.BytesIO(pack(TEXT[:12_000] + turns))
    codec = CountingCodec(MODEL_ID)
    places = read_map(file).blocks
    section = read_section(file, places[-1], read_block_header(file, places[-1]))
    named = Origins(places).of(len(places) - 1, section)
    assert len(section) > 2 * len(named) >= 4
    reader = BlockReader(file, lambda _: codec)
    reader.seek(-1, io.SEEK_END)
    assert reader.read() == turns[-1:]
    assert codec.decoded <= len(named) + 1


def test_reading_all_by_a_file_object_decodes_each_block_once():
    archive = pack(TEXTS)
    codec = CountingCodec(MODEL_ID)
    assert BlockReader(io.BytesIO(archive), lambda _: codec, room=1 << 20).read() == TEXTS
    assert codec.decoded == len(read_map(io.BytesIO(archive)).blocks)


def damaged(archive: bytes, number: int) -> bytes:
    """Change a byte of a block's payload."""
    place = read_map(io.BytesIO(archive)).blocks[number]
    at = place.position + place.size - 9
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


def test_a_damaged_block_costs_its_bytes_and_their_copies_and_nothing_else():
    data = OLD[:12_000] + b"between" + OLD[3000:6000] + b"end" + OLD[9000:12_000]
    archive = pack(data)
    blocks = read_map(io.BytesIO(archive)).blocks
    lost = (blocks[1].start, blocks[1].start + blocks[1].raw_size)
    assert lost[1] <= 9000  # the last copy is of blocks that stay sound
    segments = list(recover(io.BytesIO(damaged(archive, 1)), source))
    got = bytearray()
    for segment in segments:
        assert segment.start == len(got)
        got += segment.data if segment.data is not None else b"?" * segment.size
    expected = bytearray(data)
    expected[slice(*lost)] = b"?" * (lost[1] - lost[0])
    copied = 12_007 + max(lost[0] - 3000, 0), 12_007 + min(lost[1], 6000) - 3000
    expected[slice(*copied)] = b"?" * (copied[1] - copied[0])
    assert got == expected
    assert all(segment.error is not None for segment in segments if segment.data is None)


def test_recovery_behind_a_lost_header_finds_literals_by_their_numbers():
    data = OLD + OLD[20_000:30_000]
    archive = pack(data)
    place = read_map(io.BytesIO(archive)).blocks[2]
    # The header of a block, and the index.
    broken = archive[: place.position] + bytes(8) + archive[place.position + 8 : -1] + b"\1"
    got = bytearray()
    for segment in recover(io.BytesIO(broken), source):
        got += segment.data if segment.data is not None else b"?" * segment.size
    lost = slice(place.start, place.start + place.raw_size)
    assert got == data[: lost.start] + b"?" * place.raw_size + data[lost.stop :]


@pytest.mark.parametrize("threads", [1, 3])
def test_streams_code_and_decode_blocks_at_once(threads):
    options = CodingOptions(level=1, threads=threads)
    data = (TREE + os.urandom(1000)) * 3
    sink, back = io.BytesIO(), io.BytesIO()
    compress_stream(io.BytesIO(data), sink, Coder(options))
    assert len(sink.getvalue()) < len(data) // 3
    decompress_stream(io.BytesIO(sink.getvalue()), back, Coder(options))
    assert back.getvalue() == data


def test_an_interruption_while_kernels_compile_loses_nothing(monkeypatch):
    feed, interrupted = RepeatFinder.feed, []

    def compiling(self, data):
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        feed(self, data)

    monkeypatch.setattr(RepeatFinder, "feed", compiling)
    compressor = Compressor(ZlibCodec(MODEL_ID, 4000, RULES))
    with pytest.raises(KeyboardInterrupt):
        compressor.compress(TREE)
    assert compressor.resumable
    assert unpack(compressor.compress(TREE) + compressor.flush()) == TREE

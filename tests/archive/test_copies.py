"""Copies in a payload: what is packed comes back, and lies are refused before they cost memory."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.archive.copies import (
    Copies,
    pack_copies,
    parse_copies,
    put_in,
)
from nncompress.archive.fields import pack_varint
from nncompress.archive.format import MAX_BLOCK_SIZE, BlockHeader, Header, LiteralsHeader, Method
from nncompress.archive.index import IndexBuilder
from nncompress.archive.packing import AS_IS, DEFLATED
from nncompress.archive.recover import recover
from nncompress.errors import (
    ArchiveError,
    DamagedArchiveError,
    MemoryLimitError,
    UnsupportedArchiveError,
)
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Decompressor
from nncompress.pipeline.limits import Limits
from tests.fakes import source
from tests.pipeline.test_streams import unpack

START = 5000
"""Number of the first literal of the block in question."""
FIELDS = LiteralsHeader(100, START, 0, 0)


def columns(*rows: tuple[int, int, int]) -> Copies:
    """Copies from (place, length, source)."""
    return Copies(*(array("q", [row[i] for row in rows]) for i in range(3)))


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.integers(32, 10**6), st.integers(0, START + 68)),
        min_size=1,
        max_size=40,
    )
)
def test_copies_come_back_from_their_section(rows):
    rows = sorted((p, min(n, START + 100 - s), s) for p, n, s in rows)
    raw_size = 100 + sum(n for _, n, _ in rows)
    section = pack_copies(columns(*rows), START)
    assert list(parse_copies(section, FIELDS, raw_size, START).rows()) == rows


def test_copies_stand_between_literals_and_may_repeat_those_of_their_own_block():
    literals, known = bytes(range(100)), b"k" * START
    copies = columns((0, 40, 10), (100, 50, START - 20), (100, 100, START))

    def find(number: int, size: int):
        yield known[number : number + size]

    data = put_in(literals, copies, START, find)
    assert data == b"k" * 40 + literals + b"k" * 20 + literals[:30] + literals


def raw(*rows: tuple[int, int, int]) -> int:
    """The size of the block that these copies make."""
    return 100 + sum(row[1] for row in rows)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(0, 40, START + 61)], "not there"),  # beyond the end of its block
        ([(0, 40, START + 100)], "not there"),  # of a block that follows
        ([(0, 40, START - 1001)], "not there"),  # before the window
        ([(101, 40, 0)], "outside"),  # behind the last literal
        ([(0, 0, START), (0, 64, START)], "empty"),
        ([(0, 64, START), (0, 0, START)], "empty"),
        ([(0, 31, START)], "too many"),  # more copies than so few bytes can have
    ],
)
def test_copies_that_cannot_be_are_refused(rows, why):
    section = pack_copies(columns(*rows), START)
    with pytest.raises(DamagedArchiveError, match=why):
        parse_copies(section, FIELDS, raw(*rows), 1000)


def test_copies_must_make_the_size_of_their_block():
    section = pack_copies(columns((0, 40, START)), START)
    assert len(parse_copies(section, FIELDS, 140, 0)) == 1
    for raw_size in (139, 141, 1000):
        with pytest.raises(DamagedArchiveError, match=r"size|outside"):
            parse_copies(section, FIELDS, raw_size, 0)


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return bytes([DEFLATED]) + packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    "section",
    [
        bytes([AS_IS]),
        bytes([AS_IS, 0]),
        bytes([AS_IS, 1, 0, 40]),  # too early an end
        bytes([AS_IS, 1, 0, 40, 0, 0]),  # a byte too many
        bytes([AS_IS, 1, 0, 0xA8, 0x00, 0]),  # a number not in its shortest form
        bytes([2, 1, 0, 40, 0]),  # an unknown packing
        bytes([DEFLATED]),
        bytes([DEFLATED, 7, 7, 7]),
        deflated(bytes([1, 0, 40, 0]))[:-1],
        deflated(bytes([1, 0, 40, 0])) + b"\0",
        deflated(bytes(1 << 24)),  # more than so many copies can take
        bytes([AS_IS]) + pack_varint(1 << 40) + bytes(20),
        bytes([AS_IS, 1, 0, 40]) + pack_varint((1 << 62) + 1),
        bytes([AS_IS, 1]) + pack_varint(1 << 62) + bytes([40, 0]),
    ],
)
def test_sections_that_no_encoder_writes_are_refused(section):
    with pytest.raises(DamagedArchiveError):
        parse_copies(section, FIELDS, 140, START)


def member(*blocks: tuple[bytes, Copies | None], window: int = 1 << 20) -> bytes:
    """An archive of stored blocks, right in all but perhaps its copies and the CRC-32 of them."""
    header = Header(None, window)
    out, offset, start, index = header.pack(), 0, 0, IndexBuilder(header)
    for number, (literals, copies) in enumerate(blocks):
        section = pack_copies(copies, start) if copies else b""
        crc = zlib.crc32(literals, zlib.crc32(section))
        fields = LiteralsHeader(len(literals), start, len(section), crc) if copies else None
        raw_size = len(literals) + (sum(copies.lengths) if copies else 0)
        last = number == len(blocks) - 1
        size = len(section) + len(literals)
        checked = zlib.crc32(literals) if not copies else 0
        block = BlockHeader(Method.STORED, raw_size, size, checked, last, offset, fields)
        record = block.pack(header) + section + literals
        index.add(len(record), block)
        out, offset, start = out + record, offset + raw_size, start + len(literals)
    return out + (index.pack(bytes(16)) if len(blocks) > 1 else b"")


BOMBS = [
    member((b"x" * 40, columns(*[(0, 32, 0)] * 100_000))),
    member((b"x" * 40, columns((0, MAX_BLOCK_SIZE - 40, 0)))),
    member((b"x" * 40, None), (b"y" * 40, columns((0, 300_000, 0)))),
    member((b"x" * 40, columns((0, 40, 1 << 40)))),
]


@pytest.mark.parametrize("archive", BOMBS)
def test_hostile_copies_give_an_error_and_take_no_memory(archive):
    def read_stream():
        decompressor = Decompressor(source, Limits(max_block=1 << 20))
        decompressor.decompress(archive)

    def read_anywhere():
        reader = BlockReader(io.BytesIO(archive), source, max_block=1 << 20)
        reader.seek(-1, 2)
        reader.read(100)

    for way in (read_stream, read_anywhere):
        tracemalloc.start()
        with pytest.raises((DamagedArchiveError, MemoryLimitError)):
            way()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 << 20


def test_copies_whose_bytes_are_wrong_are_never_given_out():
    """The literals are proved by one CRC-32, all bytes together by another."""
    archive = member((b"some literals of a block, " * 2, columns((26, 32, 4))))
    with pytest.raises(DamagedArchiveError, match="checksum"):
        unpack(archive)
    assert [part.data for part in recover(io.BytesIO(archive), source)] == [None]


def test_a_copy_may_not_reach_over_the_start_of_its_member():
    first = member((b"a" * 60, None))
    second = member((b"b" * 60, columns((0, 40, 0))), (b"c", None), window=0)
    forged = member((b"b" * 60, None), (b"c" * 60, columns((0, 40, 30))), window=0)
    assert isinstance(fault_of(first + second), DamagedArchiveError)  # its CRC-32, which is 0
    assert "not there" in str(fault_of(first + forged))  # no window is declared


def fault_of(archive: bytes) -> ArchiveError | None:
    try:
        unpack(archive)
    except ArchiveError as error:
        return error
    return None


GOOD = BlockHeader(Method.STORED, 140, 105, 1, True, 0, LiteralsHeader(100, 0, 5, 2))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, {"size": 140}),  # no copies
        ({}, {"size": 200}),
        ({}, {"section": 0}),
        ({}, {"section": 40}),  # longer than what it stands for
        ({}, {"start": 7}),  # not where the member's literals are
        ({"raw_size": MAX_BLOCK_SIZE + 1}, {}),
        ({"method": Method.MIXING, "payload_size": 5}, {}),
        ({"method": Method.MIXING, "payload_size": 200}, {}),
    ],
)
def test_headers_of_blocks_with_copies_are_checked(changes, fields):
    assert GOOD.literals is not None
    changed = {"payload_size": 100 + fields.get("section", 5), **changes}
    block = replace(GOOD, literals=replace(GOOD.literals, **fields), **changed)
    archive = Header().pack() + block.pack(Header()) + bytes(300)
    assert "header of the block" in str(fault_of(archive))
    sound = Header().pack() + GOOD.pack(Header()) + bytes(105)
    assert "checksum" in str(fault_of(sound))


def test_flags_of_blocks_that_are_not_known_are_refused():
    start = Header().pack()
    packed = start + bytes([0xF0, 0x43, 40, 20]) + bytes(4)
    with pytest.raises(UnsupportedArchiveError):
        unpack(packed + bytes([zlib.crc32(packed) & 0xFF]))
    packed = start + bytes([0xF0, 0x00, 40]) + bytes(4)  # the long form where the short one does
    with pytest.raises(DamagedArchiveError):
        unpack(packed + bytes([zlib.crc32(packed) & 0xFF]))

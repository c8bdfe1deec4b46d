"""Blocks are decoded before they are asked for, where that is known, and never for nothing long."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.archive.access import read_map
from nncompress.errors import DamagedArchiveError
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Compressor
from tests.children import environment
from tests.fakes import MODEL_ID, ZlibCodec

SIZE = 1000
DATA = os.urandom(4 * SIZE).hex().encode()  # eight blocks
ROOM = 1 << 20


def pack(data: bytes = DATA) -> bytes:
    compressor = Compressor(ZlibCodec(MODEL_ID, SIZE))
    return compressor.compress(data) + compressor.flush()


class Watched(ZlibCodec):
    """Notes which blocks are decoded, and waits in those where it is told to."""

    def __init__(self, *held: int) -> None:
        super().__init__(MODEL_ID)
        self.held, self.begun, self.given_up = held, [], []
        self.go_on = threading.Event()

    def decode(self, method, payload, size, progress=None):
        data = super().decode(method, payload, size)
        number = DATA.index(data) // SIZE
        self.begun.append(number)
        while number in self.held and not self.go_on.is_set():
            try:
                progress(0)
            except BaseException:
                self.given_up.append(number)
                raise
            time.sleep(0.001)
        return data


def reader_of(codec: ZlibCodec, archive: bytes = b"", at_once: int = 3, room: int = ROOM):
    file = io.BytesIO(archive or pack())
    return BlockReader(file, lambda *_: codec, at_once=at_once, ahead_room=room)


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@given(
    st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, 3 * SIZE)), max_size=8),
    st.integers(1, 5),
    st.sampled_from([0, 5000, ROOM]),
    st.booleans(),
)
def test_any_reads_give_the_contents_whatever_is_decoded_ahead(reads, at_once, room, told):
    codec = Watched()
    with reader_of(codec, at_once=at_once, room=room) as reader:
        for start, size in reads:
            reader.seek(start)
            if told:
                reader.expect(start + size)
            found = b""
            while len(found) < size and (piece := reader.read(size - len(found))):
                found += piece
            assert found == DATA[start : start + size]


def test_reading_in_order_decodes_each_block_once_and_several_at_once():
    codec = Watched(2, 3, 4)
    reader = reader_of(codec)
    assert reader.read(SIZE) + reader.read(1) == DATA[: SIZE + 1]
    until(lambda: sorted(codec.begun) == [0, 1, 2, 3])  # block 1 and the two after it
    codec.go_on.set()
    assert reader.read(SIZE) + io.BufferedReader(reader).read() == DATA[SIZE + 1 :]
    assert sorted(codec.begun) == list(range(8))


def test_a_part_in_the_middle_decodes_its_own_blocks_at_once_and_no_others():
    codec = Watched(2, 3)
    reader = reader_of(codec)
    reader.seek(2 * SIZE)
    reader.expect(4 * SIZE)
    codec.go_on.set()
    assert reader.read(SIZE) + reader.read(SIZE) == DATA[2 * SIZE : 4 * SIZE]
    assert sorted(codec.begun) == [2, 3]


def test_jumps_decode_nothing_ahead():
    codec = Watched()
    reader = reader_of(codec)
    for number in (5, 2, 7, 3):
        reader.seek(number * SIZE)
        reader.read(10)
    assert codec.begun == [5, 2, 7, 3]


@pytest.mark.parametrize("how", ["close", "seek"])
def test_blocks_that_nobody_will_ask_for_are_given_up(how):
    codec = Watched(2, 3)
    reader = reader_of(codec)
    reader.read(SIZE)
    reader.read(SIZE)
    until(lambda: {2, 3} <= set(codec.begun))
    if how == "close":
        reader.close()
    else:
        reader.seek(6 * SIZE)
        assert reader.read(10) == DATA[6 * SIZE : 6 * SIZE + 10]
    until(lambda: sorted(codec.given_up) == [2, 3])


def test_no_more_is_begun_than_memory_is_for():
    codec = Watched()
    reader = reader_of(codec, at_once=8, room=5 * SIZE)  # two blocks of 2 * SIZE each
    reader.read(SIZE)
    reader.read(SIZE)
    time.sleep(0.05)
    assert set(codec.begun) <= {0, 1, 2}


def test_a_damaged_block_is_told_of_when_it_is_read():
    archive = bytearray(pack())
    place = read_map(io.BytesIO(archive)).blocks[3]
    archive[place.position + place.size - 5] ^= 1
    reader = reader_of(ZlibCodec(MODEL_ID), bytes(archive))
    for number in range(3):
        assert reader.read(SIZE) == DATA[number * SIZE : (number + 1) * SIZE]
    with pytest.raises(DamagedArchiveError) as caught:
        reader.read(1)
    assert caught.value.offset == place.position
    reader.seek(4 * SIZE)
    assert reader.read(SIZE) == DATA[4 * SIZE : 5 * SIZE]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_reads_what_its_parent_began():
    reader = reader_of(Watched())
    reader.read(SIZE)
    reader.read(SIZE)
    child = os.fork()
    if child == 0:
        os._exit(reader.read(SIZE) + reader.read(SIZE) != DATA[2 * SIZE : 4 * SIZE])
    assert os.waitpid(child, 0)[1] == 0
    assert reader.read(SIZE) == DATA[2 * SIZE : 3 * SIZE]


def test_the_end_of_the_program_does_not_wait_for_blocks_that_nobody_reads():
    program = """
    from tests.pipeline.test_ahead import SIZE, Watched, reader_of, until
    codec = Watched(2, 3)
    reader = reader_of(codec)
    reader.read(SIZE), reader.read(SIZE)
    until(lambda: {2, 3} <= set(codec.begun))
    reader.close = lambda: None
    """
    arguments = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(arguments, env=environment(), capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


REAL = """
import io, os, sys, nncompress
data = bytes(range(256)) * 40 + os.urandom(3000).hex().encode() * 40
archive = nncompress.compress(data, level=1, threads=1)
kind = sys.argv[1]
if kind == "read":
    sink = io.BytesIO()
    with nncompress.open(sink, "wb", level=1, block_size=60_000) as file:
        file.write(data)
    file = nncompress.open(io.BytesIO(sink.getvalue()), threads=3)
    file.raw.read(60_000), file.raw.read(60_000)
else:
    compressor = nncompress.Compressor(level=1, block_size=60_000, threads=3)
    compressor.compress(data[:200_000])
"""


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_program_may_end_while_kernels_run(kind):
    arguments = [sys.executable, "-c", REAL, kind]
    done = subprocess.run(arguments, env=environment(), capture_output=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")

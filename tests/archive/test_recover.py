"""Recovery restores every block that is undamaged, wherever the damage is."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.archive.access import read_map
from nncompress.archive.recover import recover
from tests.fakes import MODEL_ID, source
from tests.pipeline.test_streams import pack

DATA = b"".join(b"%d words of a text, " % i for i in range(1000))
BLOCK = 900
ARCHIVE = pack(DATA, MODEL_ID, BLOCK)
PLACES = read_map(io.BytesIO(ARCHIVE)).blocks


def restore(archive: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    data, lost = b"", []
    for segment in recover(io.BytesIO(archive), source):
        assert segment.start == len(data)
        data += bytes(segment.size) if segment.data is None else segment.data
        if segment.data is None:
            lost.append((segment.start, segment.size))
            assert segment.error is not None
    return data, lost


def zeroed(*numbers: int) -> bytes:
    data = bytearray(DATA)
    for number in numbers:
        start = PLACES[number].start
        data[start : start + PLACES[number].raw_size] = bytes(PLACES[number].raw_size)
    return bytes(data)


def damage(archive: bytes, number: int, *, header: bool) -> bytes:
    place = PLACES[number]
    at = place.position + (1 if header else place.size - 5)
    return archive[:at] + bytes([archive[at] ^ 0x55]) + archive[at + 1 :]


def test_sound_archive_is_restored():
    assert restore(ARCHIVE) == (DATA, [])


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("number", [1, 5])
def test_only_the_damaged_block_is_lost(number, header, index):
    archive = damage(ARCHIVE, number, header=header)
    data, lost = restore(archive if index else archive[:-3])
    assert data == zeroed(number)
    assert (number * BLOCK, BLOCK) in lost


def test_first_header_damaged():
    assert restore(damage(ARCHIVE, 0, header=True)) == (zeroed(0), [(0, BLOCK)])


def test_joined_archives():
    broken = damage(ARCHIVE, 3, header=True)
    data, _ = restore(broken + ARCHIVE)
    assert data == zeroed(3) + DATA
    data, _ = restore(broken[:-3] + ARCHIVE)
    assert data == zeroed(3) + DATA


def test_cut_off():
    cut = PLACES[4].position + 10
    assert restore(ARCHIVE[:cut]) == (DATA[: 4 * BLOCK], [(4 * BLOCK, 0)])
    assert restore(b"") == (b"", [(0, 0)])


@given(st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(1, 255)), max_size=6))
def test_what_is_given_as_good_is_right(flips):
    archive = bytearray(ARCHIVE)
    for at, change in flips:
        archive[at] ^= change
    for segment in recover(io.BytesIO(archive), source):
        if segment.data is not None:
            assert segment.data == DATA[segment.start : segment.start + segment.size]

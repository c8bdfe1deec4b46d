"""Finding blocks without decoding: by index, by walking, and in damaged archives."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.archive.access import read_block_header, read_literals, read_map
from nncompress.errors import ArchiveError, DamagedArchiveError, TruncatedArchiveError
from tests.fakes import MODEL_ID, source
from tests.pipeline.test_streams import contents, pack


def restore(archive: bytes) -> bytes:
    file = io.BytesIO(archive)
    return b"".join(
        read_literals(file, place, source)[1].literals for place in read_map(file).blocks
    )


@given(st.lists(st.tuples(contents, st.integers(1, 400)), min_size=1, max_size=4))
def test_every_block_is_found_where_it_is(parts):
    archive = b"".join(pack(data, MODEL_ID, size) for data, size in parts)
    whole = b"".join(data for data, _ in parts)
    file = io.BytesIO(archive)
    found = read_map(file)
    assert found.fault is None
    assert found.members == len(parts)
    assert found.raw_size == len(whole)
    for place in found.blocks:
        expected = whole[place.start : place.start + place.raw_size]
        assert read_literals(file, place, source)[1].literals == expected


def test_walking_and_index_agree_and_cut_archives_are_walked():
    data = b"some words and more of them, " * 200
    archive = pack(data, MODEL_ID, 1000)
    whole = read_map(io.BytesIO(archive))
    without_index = read_map(io.BytesIO(archive[:-1]))
    assert without_index.blocks == whole.blocks
    assert isinstance(without_index.fault, TruncatedArchiveError)
    cut = read_map(io.BytesIO(archive[: whole.blocks[3].position + 5]))
    assert cut.blocks == whole.blocks[:3]
    assert isinstance(cut.fault, TruncatedArchiveError)


@pytest.mark.parametrize("junk", [b"", b"\x8e", b"x", bytes(100)])
def test_what_is_no_archive_has_a_fault(junk):
    found = read_map(io.BytesIO(junk))
    assert found.blocks == ()
    assert isinstance(found.fault, ArchiveError)


def test_index_survives_damage_to_a_header():
    data = b"some words and more of them, " * 200
    archive = bytearray(pack(data, MODEL_ID, 1000))
    archive[6] ^= 0xFF  # in the model identity, of which the index has a copy
    assert restore(bytes(archive)) == data
    place = read_map(io.BytesIO(archive)).blocks[2]
    archive[place.position + 1] ^= 4
    with pytest.raises(DamagedArchiveError):
        read_block_header(io.BytesIO(archive), place)


@given(st.data())
def test_flips_give_the_right_bytes_or_an_error(draw):
    data = b"some words and more of them, " * 50
    archive = bytearray(pack(data, MODEL_ID, 400))
    archive[draw.draw(st.integers(0, len(archive) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    try:
        found = read_map(io.BytesIO(archive))
        if found.fault:
            raise found.fault
        restored = restore(bytes(archive))
    except ArchiveError:
        return
    assert restored == data


def test_a_block_of_another_archive_is_refused():
    """Of the same size at the same place, it passes its own checks."""
    one, two = (pack(bytes([65 + i]) * 700 + bytes(i), MODEL_ID, 300) for i in range(2))
    place = read_map(io.BytesIO(one)).blocks[1]
    other = read_map(io.BytesIO(two)).blocks[1]
    assert (place.position, place.size) == (other.position, other.size)
    end = place.position + place.size
    spliced = io.BytesIO(one[: place.position] + two[place.position : end] + one[end:])
    with pytest.raises(DamagedArchiveError):
        read_literals(spliced, read_map(spliced).blocks[1], source)

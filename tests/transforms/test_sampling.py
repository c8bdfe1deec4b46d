"""Places are picked by the bytes before them, and by nothing else."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nncompress.transforms import sampling
from nncompress.transforms.sampling import FORCED, HASHED, PADDING, hash_places, pick_places

NOISE = random.Random(4).randbytes(1 << 16)
MIXED = NOISE[:5000] + bytes(3000) + b"of text, " * 200 + NOISE[5000:9001]


def picked(data: bytes, rare: bool = False, start: int = HASHED) -> list[int]:
    """Return the places of ``data``, the first HASHED bytes of which are only looked back at."""
    padded = np.frombuffer(data + bytes(range(PADDING)), np.uint8).copy()
    masks = np.empty(len(data) // 32 + 2, np.uint32)
    places = np.empty(len(data), np.int64)
    count = pick_places(padded, start, len(data), rare, masks, places)
    return [int(place) for place in places[:count]]


def expected(data: bytes, rare: bool, start: int = HASHED) -> list[int]:
    """Return the same, in plain Python."""
    bits = sampling.RARE_BITS if rare else sampling.RATE_BITS
    places, last, before = [], start, False
    for place in range(start + 1, len(data) + 1):
        words = (int.from_bytes(data[at : at + 2], "little") for at in range(place - 16, place, 2))
        total = sum(word * factor for word, factor in zip(words, sampling._FACTORS, strict=True))
        marked = (total + sampling._OFFSET) % (1 << 16) < 1 << (16 - bits)
        forced = not rare and place - last == FORCED
        if (marked and not before) or forced:
            places.append(place)
            last = place
        before = marked
    return places


@pytest.mark.parametrize("rare", [False, True])
@pytest.mark.parametrize("size", [32, 33, 63, 64, 65, 1000, len(MIXED)])
def test_vectors_pick_what_plain_python_picks(size, rare):
    assert picked(MIXED[:size], rare) == expected(MIXED[:size], rare)
    assert picked(MIXED[:size], rare, 40) == expected(MIXED[:size], rare, 40)


def test_the_same_bytes_have_the_same_places_wherever_they_stand():
    here, there = picked(NOISE), picked(NOISE[77:])
    common = [place - 77 for place in here if place > 77 + HASHED + FORCED]
    assert len(common) > 1000
    assert common == [place for place in there if place > HASHED + FORCED]


def test_rare_places_are_among_the_others_but_for_neighbours():
    rare, often = set(picked(NOISE, True)), set(picked(NOISE))
    assert len(often) > 6 * len(rare) > 600
    assert len(rare - often) < len(rare) // 10


@pytest.mark.parametrize("value", range(0, 256, 5))
def test_a_run_of_one_byte_has_few_places(value):
    assert len(picked(bytes([value]) * 10_000)) <= 10_000 // FORCED + 1


def test_equal_bytes_have_equal_hashes_and_others_have_not():
    data = np.frombuffer(NOISE[:1000] + NOISE[:1000], np.uint8)
    places = np.arange(HASHED, 2000, dtype=np.int64)
    hashes = np.empty(len(places), np.uint64)
    hash_places(data, places, len(places), hashes)
    assert (hashes[:968] == hashes[1000:]).all()
    assert len(set(hashes.tolist())) == len(places) - 968
    assert not (hashes & np.uint64(0xFFFFFFFF)).any()

"""What a predictor is there for: it learns each kind of regularity."""

from dataclasses import replace

import numpy as np
import pytest

from nncompress.mixing.profiles import ALONE, FAST, FULL, RICH, Context, Kind
from tests.mixing import blocks

RANDOM = np.random.default_rng(5).integers(0, 256, 4096).astype(np.uint8).tobytes()


def length(data, profile=FAST, lanes=1, **kwargs):
    return blocks.code_length(blocks.encode(data, profile, lanes, **kwargs)[1])


@pytest.mark.parametrize("profile", [FAST, RICH, FULL], ids=["fast", "rich", "full"])
def test_zeros_cost_next_to_nothing(profile):
    assert length(bytes(200_000), profile, 16) < 60


def test_random_bytes_cost_little_more_than_themselves():
    assert len(RANDOM) * 0.999 < length(RANDOM) < len(RANDOM) * 1.04


def test_a_lane_finds_matches_in_what_other_lanes_have_coded():
    # Lane 1 repeats, 300 bytes later, what lane 0 has.
    data = RANDOM[:2000] + RANDOM[2000:2300] + RANDOM[:1700]
    assert length(data, lanes=2) < 2000 + 300 + 250


def test_a_match_goes_on_after_a_wrong_byte():
    changed = bytearray(RANDOM)
    for i in range(100, len(changed), 100):
        changed[i] ^= 0x55
    assert length(RANDOM + bytes(changed)) < 1.25 * len(RANDOM)


def test_a_lane_finds_shorter_matches_of_its_own():
    # Words of 8 random bytes: 5 of them tell the other 3, where only matches can know.
    words = np.frombuffer(RANDOM[:400], np.uint8).reshape(50, 8)
    data = words[np.random.default_rng(2).integers(0, 50, 600)].tobytes()
    order0 = (Context.ORDER0,)
    without = replace(FAST, contexts=order0)
    assert length(data, replace(without, local_match_bytes=4)) < 0.95 * length(data, without)


def test_columns_of_a_table_are_used():
    rows = np.random.default_rng(1).integers(0, 256, (400, 23)).astype(np.uint8)
    rows[:, 3:20] = rows[0, 3:20] + rows[:, :1] // 128  # two kinds of rows
    noise = 400 * 6
    told = length(rows.tobytes(), ALONE[1][Kind.RECORDS], period=23, step=1)
    assert told < 1.4 * noise
    assert told < 0.95 * length(rows.tobytes(), ALONE[1][Kind.BINARY])


def test_a_good_network_is_believed():
    data = RANDOM[:3000]
    with_network, without = length(data, FULL, 4), length(data, RICH, 4)
    assert with_network < 0.75 * without


def test_text_of_one_subject_is_cheaper_than_that_of_another_lane():
    # Each lane repeats its own word after a common beginning, so only the lane tells what follows.
    words = [b"alpha", b"gamma", b"delta", b"omega"]
    lanes = [b"".join(b"of the " + word + b"\n" for _ in range(40)) for word in words]
    assert length(b"".join(lanes), lanes=4) < 220

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.errors import ConfigError
from nncompress.exact.engine import Prediction
from nncompress.mixing.allocation import memory_bytes
from nncompress.mixing.clusters import Clusters
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import BEST, FAST, FULL, MEDIUM, RICH
from tests.mixing import blocks
from tests.models import some_clusters

PROFILES = pytest.mark.parametrize(
    "profile", [FAST, MEDIUM, RICH, FULL, BEST], ids=["fast", "medium", "rich", "full", "best"]
)
TEXT = b"".join(
    b"%d: the %s of line %d\n" % (i * i, [b"end", b"start"][i % 3 == 0], i) for i in range(200)
)


@given(
    data=st.one_of(st.binary(max_size=300), st.text("ab <[\n", max_size=400).map(str.encode)),
    lanes=st.integers(1, 40),
    groups=st.integers(1, 3),
    profile=st.sampled_from([FAST, FULL, BEST]),
)
@settings(max_examples=60)
def test_decoding_gives_the_bytes_and_leaves_the_same_state(data, lanes, groups, profile):
    encoder, planes = blocks.encode(data, profile, lanes, groups=groups)
    decoder, decoded = blocks.decode(data, profile, lanes, groups=groups)
    for (symbols, p), (found, q) in zip(planes, decoded, strict=True):
        assert np.array_equal(symbols, found)
        assert np.array_equal(p, q)
    assert blocks.same_state(encoder, decoder)


@PROFILES
@pytest.mark.parametrize(
    "data", [TEXT, bytes(3000), bytes(range(256)) * 8], ids=["text", "zeros", "ramp"]
)
def test_probabilities_are_16_bit_fractions_strictly_between_0_and_1(profile, data):
    _, planes = blocks.encode(data, profile, 5)
    p = np.concatenate([p.ravel() for _, p in planes]) * 65536
    assert np.array_equal(p, np.round(p))
    assert p.min() >= 1
    assert p.max() <= 65535


@PROFILES
@pytest.mark.parametrize(("size", "lanes"), [(0, 1), (0, 64), (1, 1), (1, 64), (63, 64), (65, 64)])
def test_blocks_smaller_than_their_lanes(profile, size, lanes):
    data = TEXT[:size]
    _, planes = blocks.encode(data, profile, lanes)
    assert sum(len(symbols) for symbols, _ in planes) == size


def test_a_run_from_scratch_repeats_whatever_ran_before():
    first, _ = blocks.encode(TEXT, FULL, 7)
    blocks.encode(TEXT[::-1], FULL, 3)
    again, _ = blocks.encode(TEXT, FULL, 7)
    assert blocks.same_state(first, again)


def test_groups_may_take_their_turns_in_different_threads():
    lanes, groups = 8, blocks.groups_of(8, 2)
    alone, _ = blocks.encode(TEXT, FAST, lanes, groups=2)
    predictor = Predictor(FAST, lanes, len(TEXT))

    def turn(lo, hi, symbols):
        predictor.encode_step(lo, hi, symbols, None, np.empty((8, hi - lo)))

    for _, lo, hi, symbols in blocks.steps(TEXT, lanes, groups):
        thread = threading.Thread(target=turn, args=(lo, hi, symbols))
        thread.start()
        thread.join()
    assert blocks.same_state(alone, predictor)


def test_order_of_groups_is_part_of_the_result():
    one, _ = blocks.encode(TEXT, FAST, 8, groups=1)
    two, _ = blocks.encode(TEXT, FAST, 8, groups=2)
    assert not blocks.same_state(one, two)


def test_extreme_predictions():
    data = bytes(200)
    for heavy in (0, 255):
        predictor = Predictor(FULL, 4, len(data), clusters=some_clusters(2000))
        for _, lo, hi, symbols in blocks.steps(data, 4, [(0, 4)]):
            weights = np.ones((hi - lo, 256), np.int32)
            weights[:, heavy] = 1 << 20
            hidden = np.full((hi - lo, 2000), 127, np.int8)
            out = np.empty((8, hi - lo))
            predictor.encode_step(lo, hi, symbols, Prediction(weights, hidden), out)
            assert ((out > 0) & (out < 1)).all()


def test_full_network_weights_do_not_overflow():
    predictor = Predictor(FULL, 1, 8)
    out = np.empty((8, 1))
    prediction = Prediction(np.full((1, 256), 1 << 20, np.int32), np.zeros((1, 0), np.int8))
    predictor.encode_step(0, 1, np.zeros(1, np.uint8), prediction, out)
    assert abs(out[0, 0] - 0.5) < 0.1


@PROFILES
def test_memory_bytes_is_what_the_arrays_take(profile):
    for lanes, size in ((1, 0), (3, 1000), (64, 100_000)):
        taken = sum(
            array.nbytes
            for array in Predictor(profile, lanes, size, clusters=Clusters.none(384)).state
        )
        assert taken <= memory_bytes(profile, lanes, size, 384) <= 1.05 * taken + 4096


def test_small_blocks_take_little_memory():
    assert memory_bytes(FAST, 1, 1000) < 4 << 20
    assert memory_bytes(FULL, 64, 4 << 20) < 1 << 30


@pytest.mark.parametrize(("lanes", "size"), [(0, 5), (-1, 5), (1 << 20, 5), (1, -1), (1, 1 << 40)])
def test_numbers_out_of_range_are_refused(lanes, size):
    with pytest.raises(ConfigError):
        Predictor(FAST, lanes, size)


def test_bad_calls_are_refused_before_memory_is_touched():
    predictor = Predictor(FULL, 4, 40, clusters=Clusters.none(3))
    weights = np.ones((5, 256), np.int32)
    good = Prediction(weights, np.zeros((5, 3), np.int8))
    symbols, out = np.zeros(4, np.uint8), np.empty((8, 4))
    with pytest.raises(ValueError, match="weights"):
        predictor.encode_step(0, 4, symbols, None, out)
    with pytest.raises(ValueError, match="lanes"):
        predictor.encode_step(0, 5, np.zeros(5, np.uint8), good, np.empty((8, 5)))
    with pytest.raises(ValueError, match="one entry a lane"):
        predictor.encode_step(0, 4, symbols[:3], good.first(4), out)
    with pytest.raises(ValueError, match="vectors"):
        predictor.encode_step(0, 4, symbols, Prediction(weights[:4], good.hidden[:4, :2]), out)

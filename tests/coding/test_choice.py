"""The choice of filter and method: by the bytes, and never for the worse."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nncompress.archive.format import Method
from nncompress.coding import block
from nncompress.coding.block import BlockCoder
from nncompress.coding.choice import (
    SAMPLES_PIECE,
    SAMPLES_PIECES,
    TRY_ALL,
    Plan,
    choose_plans,
    code_filter,
    sample_filters,
    word_filter,
)
from nncompress.coding.levels import LEVELS
from nncompress.errors import DamagedArchiveError
from nncompress.lanes import Layout
from nncompress.transforms.filters import HEAD_SIZE, PLAIN, Filter, Transform, read_transform
from tests.models import model, text
from tests.transforms.code import arm64_code, sound, tones, x86_code
from tests.transforms.reference import WORDS as LISTED

NOISE = np.random.default_rng(1).bytes(50_000)
PROSE = text(60_000)
UNICODE = "".join(random.Random(2).choices("аеиношстькяи ñéè貝訪", k=30_000)).encode()
KINDS = {
    "x86-64": x86_code(1500),
    "x86": x86_code(2500, wide=False),
    "arm64": arm64_code(900),
    "arm64+2": arm64_code(900, phase=2),
    "delta8": sound(60_000, width=1),
    "delta16": sound(30_000),
    "delta16-stereo": sound(15_000, channels=2)[:-3],
    "sound16": tones(20_000),
    "sound16-stereo": tones(10_000, channels=2),
    "sound24-stereo+2": b"ab" + tones(8000, channels=2, width=3),
}
EACH_KIND = pytest.mark.parametrize("label", KINDS)


@pytest.mark.parametrize("data", [b"", b"x", PROSE, UNICODE, NOISE, bytes(9999)])
def test_what_is_neither_code_nor_samples_is_not_filtered(data):
    assert code_filter(data) == PLAIN
    assert sample_filters(data) == []


@EACH_KIND
def test_code_and_samples_are_known(label):
    code, samples = code_filter(KINDS[label]), sample_filters(KINDS[label])
    if label == "delta16-stereo":
        label = "delta16-joint"
    assert label in [one.label for one in (code, *samples)]
    assert label.startswith(("delta", "sound")) == (code == PLAIN)


@pytest.mark.parametrize("label", [label for label in KINDS if label.startswith("sound")])
def test_what_rings_is_predicted(label):
    _, payload = BlockCoder(None, level=LEVELS[3], threads=1).encode(KINDS[label])
    assert read_transform(payload[1]).label == label


def test_a_short_block_of_samples_is_tried_whole():
    data = tones(10_500)
    assert TRY_ALL < len(data) < SAMPLES_PIECES * SAMPLES_PIECE
    _, payload = BlockCoder(None, level=LEVELS[3], threads=1).encode(data)
    assert read_transform(payload[1]).label == "sound16"


@EACH_KIND
def test_filtered_blocks_are_smaller_and_come_back(label):
    coder, data = BlockCoder(None, level=LEVELS[3], threads=1), KINDS[label][:40_000]
    method, payload = coder.encode(data)
    assert read_transform(payload[1]) != PLAIN
    plain = coder._encode(Plan(Method.MIXING), data, Layout(len(data), 1), 1)
    assert len(payload) < len(plain)
    assert coder.decode(method, payload, len(data)) == data


ENGLISH = b" ".join(random.Random(4).choices(LISTED[:2000], k=9000))


@pytest.mark.parametrize("size", [900, TRY_ALL + 1, len(ENGLISH)])
def test_words_are_replaced_by_mixing_alone(size):
    coder, data = BlockCoder(None, level=LEVELS[1], threads=1), ENGLISH[:size]
    method, payload = coder.encode(data)
    assert read_transform(payload[1]).label == "words"
    done = []
    assert coder.decode(method, payload, size, lambda part, _=0: done.append(part)) == data
    assert sum(done) == size
    plain = coder._encode(Plan(Method.MIXING), data, Layout(size, 1), 1)
    assert len(payload) < len(plain)
    with pytest.raises(DamagedArchiveError):
        coder.decode(method, payload, size + 1)


def test_no_words_are_replaced_where_a_decoder_would_not_believe_it(monkeypatch):
    data = ENGLISH[:1000] * 60
    coder = BlockCoder(None, level=LEVELS[1], threads=1)
    assert read_transform(coder.encode(data)[1][1]).label == "words"
    monkeypatch.setattr(block, "most_raw_bytes", lambda size: min(len(data) - 1, 50 * size))
    method, payload = coder.encode(data)
    assert read_transform(payload[1]) == PLAIN
    assert coder.decode(method, payload, len(data)) == data


def test_other_bytes_keep_their_words():
    for data in (UNICODE, NOISE, x86_code(2000), KINDS["sound16"], b"9 " * 20_000):
        assert word_filter(data) == PLAIN


def test_small_blocks_are_tried_with_and_without_a_filter():
    code = x86_code(300)
    assert len(code) <= TRY_ALL
    plans = choose_plans(code, [Method.MIXING, Method.NETWORK_MIXING], True, _unused)
    transforms = (PLAIN, Transform(Filter.X86, 1))
    methods = (Method.MIXING, Method.NETWORK_MIXING)
    assert {(plan.method, plan.transform) for plan in plans} >= {
        (method, transform) for method in methods for transform in transforms
    }


def _unused(method, data, bits):
    raise AssertionError("nothing is coded to choose")


def test_samples_stay_where_a_piece_gets_no_smaller():
    data = KINDS["delta16"]
    plans = choose_plans(data, [Method.MIXING], False, lambda method, piece, bits: 100)
    assert plans == [Plan(Method.MIXING)]


def test_a_filter_goes_with_every_method(tmp_path):
    data = x86_code(150)
    for name in ("network", "network+mixing", "mixing"):
        coder = BlockCoder(model(tmp_path), method=name)
        method, payload = coder.encode(data)
        assert coder.decode(method, payload, len(data)) == data
        other = Transform(Filter.X86, 1) if read_transform(payload[1]) == PLAIN else PLAIN
        head = bytes([payload[0], other.byte])
        assert coder.decode(method, head + payload[HEAD_SIZE:], len(data)) != data


NO_HEADS = (b"", b"\0", b"\0\6", b"\0\x15", b"\0\x0f", b"\0\xd4", b"\0\x10", b"\0\x21", b"\0\x43")
NO_SIZES = (b"\0\5", b"\0\5\1\0", b"\0\5\0\0\0\0", b"\0\5\x32\0\0\0", b"\0\5\0\0\0\x80")


@pytest.mark.parametrize("head", NO_HEADS + NO_SIZES)
def test_payloads_with_an_impossible_head_are_damage(head):
    with pytest.raises(DamagedArchiveError):
        BlockCoder(None, method="mixing").decode(Method.MIXING, head + b"\1"[: len(head) // 2], 50)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (70, [Method.NETWORK_MIXING]),
        (80, [Method.MIXING, Method.NETWORK_MIXING]),
        (99, [Method.MIXING]),
    ],
)
def test_both_methods_are_tried_where_a_sample_does_not_decide(network, expected):
    costs = {Method.MIXING: 100, Method.NETWORK_MIXING: network}
    methods = [Method.MIXING, Method.NETWORK_MIXING]
    plans = choose_plans(bytes(TRY_ALL + 1), methods, True, lambda method, *_: costs[method])
    assert [plan.method for plan in plans] == expected

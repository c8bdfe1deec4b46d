"""Filters are undone exactly, whatever the bytes, and make what they are for come again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.errors import DamagedArchiveError
from nncompress.transforms.arm64 import find_arm64_targets
from nncompress.transforms.filters import (
    PARAMETERS,
    PLAIN,
    Filter,
    Transform,
    apply_transform,
    read_transform,
    undo_transform,
)
from nncompress.transforms.sound import SOUND_KINDS
from nncompress.transforms.x86 import find_x86_targets
from tests.transforms.code import arm64_code, sound, tones, x86_code
from tests.transforms.reference import undo_arm64, undo_differences, undo_sound, undo_x86

ALL = [
    Transform(one, number) for one, labels in PARAMETERS.items() for number in range(len(labels))
]
KEEPING = [one for one in ALL if one.keeps_size]
EACH = pytest.mark.parametrize("transform", KEEPING, ids=lambda one: one.label)

PIECES = st.sampled_from(
    [
        b"\xe8\0\0\0\0",
        b"\xe8\xff\xff\xff\xff",
        b"\xe9\0\0\0\xff",
        b"\x0f\x84\1\0\0\0",
        b"\x48\x8b\x05\0\1\0\0",
        b"\x83\xc0\1",
        b"\x90",
        b"\x66",
        b"\x0f\x38",
        b"\xc4\xe2",
        b"\x62",
        b"\xf7\x05",
        b"\x97",
        b"\0\0\0\x94",
        b"\1\0\0\xb0",
        b"\xff\xff\xff\x97",
        b"\0\0\0\x91",
        b"\xf9\xf9\xf9\xf9",
    ]
)
CODELIKE = st.lists(st.one_of(PIECES, st.binary(max_size=5)), max_size=60).map(b"".join)


@EACH
@settings(max_examples=150)
@given(data=st.one_of(CODELIKE, st.binary(max_size=400)))
def test_any_bytes_come_back_and_keep_their_number(transform, data):
    changed = apply_transform(transform, data)
    assert len(changed) == len(data)
    assert undo_transform(transform, changed, len(data)) == data


@EACH
@settings(max_examples=50)
@given(data=CODELIKE)
def test_any_bytes_are_the_filtered_form_of_some(transform, data):
    assert apply_transform(transform, undo_transform(transform, data, len(data))) == data


def undo_as_described(transform: Transform, data: bytes) -> bytes:
    """Undo a filter with the plain form."""
    if transform.filter is Filter.X86:
        return undo_x86(data, bool(transform.parameter))
    if transform.filter is Filter.ARM64:
        return undo_arm64(data, transform.parameter)
    if transform.filter is Filter.SOUND:
        return undo_sound(data, transform.parameter)
    return undo_differences(data, transform.parameter) if transform != PLAIN else data


QUICK = [one for one in KEEPING if one.filter is not Filter.SOUND]
SOUNDS = [one for one in KEEPING if one.filter is Filter.SOUND]
EACH_QUICK = pytest.mark.parametrize("transform", QUICK, ids=lambda one: one.label)
EACH_SOUND = pytest.mark.parametrize("transform", SOUNDS, ids=lambda one: one.label)


@EACH_QUICK
@settings(max_examples=300)
@given(data=CODELIKE)
def test_filters_are_what_the_format_says(transform, data):
    assert undo_transform(transform, data, len(data)) == undo_as_described(transform, data)


@EACH_SOUND
@settings(max_examples=30)
@given(data=st.binary(max_size=200))
def test_predictions_are_what_the_format_says(transform, data):
    assert undo_transform(transform, data, len(data)) == undo_as_described(transform, data)


@EACH_SOUND
def test_no_sound_is_too_loud_or_too_quiet(transform):
    """Numbers stay below 2^63, where the plain form, whose numbers have no end, would differ."""
    chance = np.random.default_rng(3)
    width = SOUND_KINDS[transform.parameter][0]
    ends = np.array([-128, 127], np.int64) * 256 ** (width - 1)
    loud = np.concatenate([np.tile(ends, 100), np.repeat(ends, 40), chance.choice(ends, 300)])
    quiet = np.concatenate([np.zeros(100, np.int64), chance.integers(-1, 2, 100)])
    numbers = np.concatenate([quiet, loud, quiet]).astype("<i8") + (128 if width == 1 else 0)
    data = numbers.view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    changed = apply_transform(transform, data)
    assert undo_as_described(transform, changed) == data


@EACH_QUICK
def test_much_code_is_undone_as_the_format_says(transform):
    noise = np.random.default_rng(7).bytes(20_000)
    data = x86_code(300) + x86_code(300, wide=False) + noise + arm64_code(300) + noise
    for start in range(4):
        changed = apply_transform(transform, data[start:])
        assert undo_as_described(transform, changed) == data[start:]


@EACH
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 15, 16, 17, 100_003])
def test_all_lengths_come_back(transform, size):
    for data in (np.random.default_rng(size).bytes(size), (x86_code(5000) + arm64_code(99))[:size]):
        changed = apply_transform(transform, data)
        assert undo_transform(transform, changed, len(data)) == data


@pytest.mark.parametrize("wide", [False, True])
def test_calls_of_one_function_become_alike(wide):
    found = find_x86_targets(x86_code(300, wide=wide), wide=wide)
    distances, targets = found.T
    assert len(found) > 500
    assert len(set(distances.tolist())) > len(found) / 2
    assert len(set(targets.tolist())) <= 24


def test_a_call_is_written_as_its_target_high_byte_first():
    before = b"\x55\x89\xe5\x83\xc0\x01\x83\xc0\x02"
    call = b"\xe8" + (0x123456 - len(before) - 5).to_bytes(4, "little")
    changed = apply_transform(Transform(Filter.X86), before + call + bytes(16))
    assert changed == before + b"\xe8\x00\x12\x34\x56" + bytes(16)


def test_distances_to_data_are_changed_in_code_of_64_bits_only():
    code = b"\x90" * 5 + b"\x48\x8b\x05\x00\x01\x00\x00" + b"\x90" * 16
    assert apply_transform(Transform(Filter.X86, 1), code)[8:12] == b"\x00\x00\x01\x0c"
    assert apply_transform(Transform(Filter.X86, 0), code) == code


def test_distances_that_a_linker_has_yet_to_write_stay_zero():
    for transform in (Transform(Filter.X86), Transform(Filter.X86, 1)):
        code = (b"\x83\xc0\x01" * 4 + b"\xe8" + bytes(4)) * 20
        assert apply_transform(transform, code) == code
    words = find_arm64_targets((b"\0\0\0\x91" * 5 + b"\0\0\0\x94") * 20, 0)
    assert len(words) > 10
    assert not words.any()


def test_far_distances_keep_their_value():
    code = b"\x90" * 8 + b"\xe8\x78\x56\x34\x12" + b"\x90" * 16
    assert apply_transform(Transform(Filter.X86), code)[9:13] == b"\x12\x34\x56\x78"


def test_text_stays_as_it_is():
    text = b"It was the best of times, it was the worst of times; (x) -> y = 5 + 3.\n" * 50
    for transform in ALL:
        if transform.filter in (Filter.X86, Filter.ARM64):
            assert apply_transform(transform, text) == text


@pytest.mark.parametrize("phase", range(4))
def test_calls_of_arm64_become_alike_at_their_phase(phase):
    code = arm64_code(300, phase=phase)
    distances, targets = find_arm64_targets(code, phase).T
    assert len(targets) > 500
    assert len(set(targets.tolist())) < len(set(distances.tolist())) / 4
    assert len(find_arm64_targets(code, (phase + 1) % 4)) < len(targets) / 4


def test_words_of_arm64_begin_with_their_opcode():
    code = b"\x01\x02\x03\x91" * 10
    changed = apply_transform(Transform(Filter.ARM64), code)
    assert changed == b"\x01\x02\x03\x91" * 4 + b"\x91\x03\x02\x01" * 6


def test_differences_are_those_of_the_same_channel():
    data = np.array([[100, 300], [101, 298], [99, 299]], dtype="<u2").tobytes() + b"!"
    apply = [apply_transform(Transform(Filter.DELTA, kind), data) for kind in range(4)]
    assert np.frombuffer(apply[1][:-1], ">i2").tolist() == [100, 200, -199, 197, -199, 200]
    assert np.frombuffer(apply[2][:-1], ">i2").tolist() == [100, 300, 1, -2, -2, 1]
    assert np.frombuffer(apply[3][:-1], ">i2").tolist() == [100, 200, 1, -3, -2, 3]
    assert {changed[-1:] for changed in apply[1:]} == {b"!"}
    assert apply_transform(Transform(Filter.DELTA, 0), b"\x05\x06\x04") == b"\x05\x01\xfe"


def test_sound_gets_small_differences():
    changed = apply_transform(Transform(Filter.DELTA, 1), sound(1000))
    assert set(changed[::2]) <= {0, 255}


@EACH_SOUND
def test_tones_become_small(transform):
    width, channels, start = SOUND_KINDS[transform.parameter]
    data = bytes(start) + tones(6000, channels=channels, width=width)
    changed = np.frombuffer(apply_transform(transform, data), np.uint8)
    high = changed[start::width][3000:].astype(int) - 128
    assert np.abs(high).mean() <= (2 if width == 1 else 1)


def test_labels_and_bytes_tell_transforms_apart():
    assert len({one.label for one in ALL}) == len({one.byte for one in ALL}) == len(ALL)
    assert [read_transform(one.byte) for one in ALL] == ALL
    assert PLAIN.byte == 0


@pytest.mark.parametrize("byte", sorted({*range(256)} - {one.byte for one in ALL}))
def test_unknown_filters_are_damage(byte):
    with pytest.raises(DamagedArchiveError, match="no filter"):
        read_transform(byte)

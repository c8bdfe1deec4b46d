"""Repeats are found, and literals and copies make the stream again."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.transforms.repeats import RepeatFinder

NOISE = random.Random(1).randbytes(3 << 20)


def find(stream: bytes, cuts: list[int], window: int = 1 << 30, least: int = 64, inside: int = 64):
    """Return (literals, copies) of each block of a stream that is cut at places."""
    finder = RepeatFinder(window, least, inside)
    blocks = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        for at in range(start, end, 1 << 18):
            finder.feed(stream[at : min(at + (1 << 18), end)])
        literals, copies = finder.take()
        blocks.append((literals, copies.tolist()))
    return blocks


def together(blocks) -> bytes:
    """Put the copies back, which may only name literals up to the end of their block."""
    known, out = b"", b""
    for literals, copies in blocks:
        known += literals
        at = 0
        for place, length, source in copies:
            assert at <= place <= len(literals)
            assert 0 <= source <= source + length <= len(known)
            out += literals[at:place] + known[source : source + length]
            at = place
        out += literals[at:]
    return out


def literals_of(blocks) -> int:
    return sum(len(literals) for literals, _ in blocks)


def copies_of(blocks) -> list[list[int]]:
    return [copy for _, copies in blocks for copy in copies]


pieces = st.tuples(st.integers(0, 5000), st.integers(1, 600), st.integers(0, 2))


@st.composite
def streams(draw) -> bytes:
    """Any bytes with repeats of any shape: of noise, shifted, changed, of runs, of themselves."""
    out = b""
    for start, size, kind in draw(st.lists(pieces, max_size=30)):
        if kind == 0:
            out += NOISE[start : start + size]
        elif kind == 1:
            out += out[start % (len(out) + 1) :][:size]
        else:
            out += bytes([start % 3]) * size
    return out


@settings(deadline=None)  # the first compiles
@given(streams(), st.lists(st.integers(0, 9000), max_size=5), st.integers(0, 4000), st.booleans())
def test_literals_and_copies_make_any_stream_again(stream, cuts, window, far):
    cuts = sorted(cut % (len(stream) + 1) for cut in cuts)
    blocks = find(stream, cuts, window, 32, 1 << 20 if far else 32)
    assert together(blocks) == stream
    start = 0
    for literals, copies in blocks:
        for _, length, source in copies:
            assert length >= 32
            assert source >= max(0, start - window)
        start += len(literals)


def test_a_repeat_is_found_whatever_lies_before_it_and_is_followed_both_ways():
    stream = NOISE[:50_000] + b"new" + NOISE[123:40_000] + b"more" + NOISE[1000:1500]
    blocks = find(stream, [45_000])
    assert together(blocks) == stream
    assert literals_of(blocks) == 50_000 + 3 + 4
    assert [(length, source) for _, length, source in copies_of(blocks)] == [
        (40_000 - 123, 123),
        (500, 1000),
    ]


def test_a_copy_of_copied_bytes_names_where_they_were_literals():
    stream = NOISE[:9000] * 2 + b"x" + NOISE[:9000]
    blocks = find(stream, [9000, 18_000])
    assert together(blocks) == stream
    assert literals_of(blocks) == 9001
    assert [source for _, _, source in copies_of(blocks)] == [0, 0]


def test_a_repeat_of_bytes_around_a_copy_is_split_where_they_join():
    first, second = NOISE[:5000], NOISE[10_000:18_000]
    mixed = second[:4000] + first + second[4000:]
    stream = first + mixed + mixed
    blocks = find(stream, [5000, 18_000])
    assert together(blocks) == stream
    assert literals_of(blocks) == 13_000
    assert sorted(source for _, _, source in copies_of(blocks[2:])) == [0, 5000, 9000]


def test_short_repeats_inside_a_block_are_left_to_its_model():
    stream = NOISE[:2000] + NOISE[3000:4000] + NOISE[:2000]
    assert copies_of(find(stream, [], least=64, inside=4096)) == []
    assert copies_of(find(stream, [3000], least=64, inside=4096)) == [[0, 2000, 0]]


def test_repeats_beyond_the_window_are_not_taken():
    stream = NOISE[:200_000] + NOISE[500_000:900_000] + NOISE[:200_000]
    cuts = [200_000, 600_000]
    assert literals_of(find(stream, cuts, window=1 << 20)) == 600_000
    assert copies_of(find(stream, cuts, window=1 << 16)) == []


def test_a_window_counts_literals_and_not_what_was_copied():
    stream = NOISE[:50_000] + 20 * NOISE[100_000:140_000] + NOISE[:50_000]
    cuts = [50_000, 90_000, len(stream) - 50_000]
    assert literals_of(find(stream, cuts, window=100_000)) == 90_000


def test_old_literals_are_forgotten_and_new_ones_found():
    stream = NOISE + NOISE[len(NOISE) - 100_000 :] + NOISE[:100_000]
    cuts = list(range(1 << 18, len(stream), 1 << 18))
    blocks = find(stream, cuts, window=1 << 20)
    assert together(blocks) == stream
    assert 100_000 <= literals_of(blocks) - len(NOISE) < 110_000


def test_a_long_run_becomes_few_literals():
    blocks = find(bytes(1 << 20), [300_000], inside=1024)
    assert together(blocks) == bytes(1 << 20)
    assert literals_of(blocks) < 10_000


def test_noise_has_no_copies():
    assert copies_of(find(NOISE, [1 << 20, 1 << 21])) == []


def test_a_repeat_in_long_noise_is_found_whole():
    stream = NOISE + b"between" + NOISE[2_500_000:2_510_000]
    cuts = [1 << 20, 1 << 21, len(NOISE)]
    assert copies_of(find(stream, cuts)) == [[7, 10_000, 2_500_000]]


def test_short_repeats_behind_long_noise_are_found():
    text = b" ".join(b"%d" % (i * i) for i in range(30_000))
    stream = NOISE + text + b"between" + text[100_000:100_200] + b"and" + text[50_000:50_300]
    blocks = find(stream, [1 << 20, 1 << 21, len(NOISE), len(NOISE) + len(text)])
    assert together(blocks) == stream
    assert [copy[1:] for copy in copies_of(blocks)] == [
        [200, len(NOISE) + 100_000],
        [300, len(NOISE) + 50_000],
    ]

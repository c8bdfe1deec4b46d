"""Words are replaced by codes and put back, whatever the bytes."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nncompress.errors import DamagedArchiveError
from nncompress.transforms import words
from nncompress.transforms.words import (
    LEAST_WORD,
    ONE_BYTE,
    WORD_COUNT,
    places_of_codes,
    put_words_back,
    replace_words,
)
from tests.children import ROOT
from tests.transforms.reference import WORDS as LISTED
from tests.transforms.reference import undo_words

PIECES = st.sampled_from(
    [b"that", b"with", b"Columbus", b"thats", b"ab", b" ", b"\x0f", b"\x80", b"\xc3\xa9", b".\n"]
)
TEXTS = st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=40).map(b"".join)
CODES = st.lists(
    st.one_of(
        PIECES, st.binary(min_size=2, max_size=2).map(lambda pair: bytes(b | 128 for b in pair))
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=400)
@given(TEXTS)
@example(b"\x80that")
@example(b"that\x80\x0f\x0f\x80")
def test_any_bytes_come_back(data):
    coded = replace_words(data)
    assert put_words_back(coded, len(data)) == data
    assert undo_words(coded) == data
    places = places_of_codes(data)
    assert len(places) == len(coded)
    if data:
        assert places[0] == 0
        assert (np.diff(places) >= 0).all()
        assert places[-1] < len(data)


@settings(max_examples=400)
@given(CODES)
def test_codes_stand_for_what_the_format_says(coded):
    raw = undo_words(coded)
    for size in {0, 4, len(raw or b""), len(raw or b"") + 1}:
        if raw is not None and size == len(raw):
            assert put_words_back(coded, size) == raw
        else:
            with pytest.raises(DamagedArchiveError):
                put_words_back(coded, size)


def test_the_list_is_that_of_the_format():
    data = (files("nncompress.transforms") / "words.txt").read_bytes()
    found = re.search(r"SHA-256 of the file: `(\w+)`", (ROOT / "FORMAT.md").read_text("utf-8"))
    assert found is not None
    assert hashlib.sha256(data).hexdigest() == found[1]
    assert len(LISTED) == len(set(LISTED)) == WORD_COUNT
    assert all(len(word) >= LEAST_WORD and word.isalpha() for word in LISTED)
    assert data == b"".join(word + b"\n" for word in LISTED)


@pytest.mark.parametrize("number", [0, ONE_BYTE - 1, ONE_BYTE, ONE_BYTE + 127, WORD_COUNT - 1])
def test_a_word_becomes_its_code(number):
    word = LISTED[number]
    pair = number - ONE_BYTE
    code = [128 + number] if pair < 0 else [128 + ONE_BYTE + pair // 128, 128 + pair % 128]
    assert replace_words(b"<" + word + b">") == b"<" + bytes(code) + b">"


def test_parts_of_words_stay():
    data = b"thatness wit\xc3\xa9that Thatx"
    assert data[:12] in replace_words(data)
    assert replace_words(data).count(b"\xc3\xa9that") == 1


def test_every_word_is_found_by_its_hash():
    numbers = words.load_words().table.tolist()
    assert sorted(number for number in numbers if number >= 0) == list(range(WORD_COUNT))
    assert len(replace_words(b" ".join(LISTED))) == WORD_COUNT - 1 + 2 * WORD_COUNT - ONE_BYTE

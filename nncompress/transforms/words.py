"""Replace frequent English words by one or two bytes, which leaves a third less to be modelled.

The words, WORD_COUNT in all, are those of words.txt, in the order of their codes: the first
ONE_BYTE have a byte, the others two, each from 128 on. A word is a whole run of ASCII letters.
Bytes from 128 on that stand in the data itself follow an escape, run by run. The list is part of
the format; ``benchmarks/words.py`` made it.

That is the word replacing transform (P. Skibinski, S. Grabowski and S. Deorowicz 2005, "Revisiting
dictionary-based compression", https://doi.org/10.1002/spe.678) in its simplest form. Words with a
capital letter have codes of their own; within each kind those with like endings have like codes, so
that the first byte tells what part of speech a word is.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import DamagedArchiveError
from nncompress.machine.jit import inline, jit

ONE_BYTE = 16
WORD_COUNT = ONE_BYTE + (128 - ONE_BYTE) * 128
FIRST_PAIR = 128 + ONE_BYTE
"""The first byte of a code of two, the least one."""

ESCAPE = 0x0F
"""Comes before a run of bytes from 128 on, and before a byte like itself."""

LEAST_WORD = 4
"""Letters of the shortest word."""

HASH_BITS = 16

_Octets: TypeAlias = NDArray[np.uint8]


class WordList(NamedTuple):
    """The list, for kernels.

    Attributes:
        letters: uint8, all words one after the other.
        starts: int32 [WORD_COUNT + 1], where each begins.
        table: int32 [2**HASH_BITS], numbers of words by their hash, -1 for none; a word whose place
            is taken has the next one that is free.
    """

    letters: _Octets
    starts: NDArray[np.int32]
    table: NDArray[np.int32]


@cache
def load_words() -> WordList:
    """Read the list."""
    text = (files(__package__) / "words.txt").read_bytes()
    words = text.split()
    letters = np.frombuffer(b"".join(words), np.uint8)
    starts = np.cumsum([0, *map(len, words)], dtype=np.int32)
    table = np.full(1 << HASH_BITS, -1, np.int32)
    _enter(letters, starts, table)
    return WordList(letters, starts, table)


def replace_words(data: bytes) -> bytes:
    """Return the bytes that stand for ``data``; at most twice as many."""
    out = np.empty(2 * len(data) + 2, np.uint8)
    size = _replace(np.frombuffer(data, np.uint8), *load_words(), out, np.empty(0, np.int32))
    result: bytes = out[:size].tobytes()
    return result


def places_of_codes(data: bytes) -> NDArray[np.int32]:
    """Return where in ``data`` begins what each byte of :func:`replace_words` stands for."""
    out = np.empty(2 * len(data) + 2, np.uint8)
    places = np.empty(len(out), np.int32)
    return places[: _replace(np.frombuffer(data, np.uint8), *load_words(), out, places)]


def put_words_back(coded: bytes, size: int) -> bytes:
    """Undo :func:`replace_words`, of ``size`` bytes.

    Raises:
        DamagedArchiveError: no bytes, or not so many, become these.
    """
    out = np.empty(size, np.uint8)
    if _put_back(np.frombuffer(coded, np.uint8), *load_words()[:2], out) != size:
        raise DamagedArchiveError("damaged archive: these are no words of a block's size")
    result: bytes = out.tobytes()
    return result


@inline
def _is_letter(byte: int) -> bool:
    return 97 <= byte | 32 <= 122


@inline
def _hash(data: _Octets, first: int, end: int) -> int:
    value = np.uint32(2166136261)  # FNV-1a
    for i in range(first, end):
        value = np.uint32((value ^ np.uint32(data[i])) * np.uint32(16777619))
    place: int = np.int64(value >> np.uint32(32 - HASH_BITS))
    return place


@jit
def _enter(letters: _Octets, starts: NDArray[np.int32], table: NDArray[np.int32]) -> None:
    for word in range(starts.size - 1):
        place = _hash(letters, starts[word], starts[word + 1])
        while table[place] >= 0:
            place = (place + 1) & (table.size - 1)
        table[place] = word


@inline
def _find(
    data: _Octets,
    first: int,
    end: int,
    letters: _Octets,
    starts: NDArray[np.int32],
    table: NDArray[np.int32],
) -> int:
    """Return the number of the word data[first:end], -1 if it is none of the list."""
    place = _hash(data, first, end)
    found = -1
    while table[place] >= 0 and found < 0:
        word = np.int64(table[place])
        start, size = np.int64(starts[word]), end - first
        same = starts[word + 1] - start == size
        i = 0
        while same and i < size:
            same = letters[start + i] == data[first + i]
            i += 1
        if same:
            found = word
        place = (place + 1) & (table.size - 1)
    return found


@jit
def _replace(
    data: _Octets,
    letters: _Octets,
    starts: NDArray[np.int32],
    table: NDArray[np.int32],
    out: _Octets,
    places: NDArray[np.int32],
) -> int:
    """Write what stands for ``data``, and its places if there is room for them; return the size."""
    n, at, size, after_high = data.size, 0, 0, False
    while at < n:
        byte, first, begin = np.int64(data[at]), at, size
        if _is_letter(byte):
            while at < n and _is_letter(np.int64(data[at])):
                at += 1
            # A run of high bytes ends where a byte below 128 comes, so no code may follow it.
            long_enough = at - first >= LEAST_WORD and not after_high
            word = _find(data, first, at, letters, starts, table) if long_enough else -1
            if word >= ONE_BYTE:
                out[size] = FIRST_PAIR + ((word - ONE_BYTE) >> 7)
                out[size + 1] = 128 + ((word - ONE_BYTE) & 127)
                size += 2
            elif word >= 0:
                out[size] = 128 + word
                size += 1
            else:
                for i in range(first, at):
                    out[size + i - first] = data[i]
                size += at - first
            for i in range(begin, min(size, places.size)):
                places[i] = first if word >= 0 else first + i - begin
            after_high = False
            continue
        after_high = byte >= 128
        if after_high or byte == ESCAPE:
            out[size] = ESCAPE
            size += 1
        out[size] = byte
        size, at = size + 1, at + 1
        while after_high and at < n and data[at] >= 128:
            out[size] = data[at]
            size, at = size + 1, at + 1
        escaped = size - begin - (at - first)
        for i in range(begin, min(size, places.size)):
            places[i] = first + max(0, i - begin - escaped)
    return size


@jit
def _put_back(coded: _Octets, letters: _Octets, starts: NDArray[np.int32], out: _Octets) -> int:
    """Write what ``coded`` stands for; return its size, -1 if it is not sound or does not fit."""
    n, at, size = coded.size, 0, 0
    while at < n:
        byte = np.int64(coded[at])
        at += 1
        if byte >= 128:
            word = byte - 128
            if byte >= FIRST_PAIR:
                if at == n or coded[at] < 128:
                    return -1
                word = ONE_BYTE + ((byte - FIRST_PAIR) << 7) + (np.int64(coded[at]) - 128)
                at += 1
            start, length = np.int64(starts[word]), np.int64(starts[word + 1] - starts[word])
            if size + length > out.size:
                return -1
            for i in range(length):
                out[size + i] = letters[start + i]
            size += length
            continue
        escaped = byte == ESCAPE
        if escaped:
            if at == n or (coded[at] < 128 and coded[at] != ESCAPE):
                return -1
            byte = np.int64(coded[at])
            at += 1
        if size == out.size:
            return -1
        out[size] = byte
        size += 1
        while escaped and byte >= 128 and at < n and coded[at] >= 128:
            if size == out.size:
                return -1
            out[size] = coded[at]
            size, at = size + 1, at + 1
    return size

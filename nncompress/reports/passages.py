"""Find the passages of a file that cost most and least, and say where the bits went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .explain import Surprise

PASSAGE = 64
"""Bytes of a passage."""

STRIDE = 4
"""Passages are tried at every so many bytes."""

MOST_PASSAGES = 10
"""Passages of each kind, at most."""

APART = 4 * PASSAGE
"""Two passages of a list begin at least so many bytes from each other."""


@dataclass(frozen=True)
class Passage:
    """Some bytes of a file, from ``start`` to before ``end``, with what they cost."""

    start: int
    end: int
    bits: float


@dataclass(frozen=True)
class Share:
    """What bytes of one kind cost together.

    Attributes:
        name: of the kind, in words.
        count: how many there are.
        bits: that they cost.
        asked: how many of them the network had a part in.
        mixed: bits that these cost.
        alone: bits that the network alone would have spent on these.
    """

    name: str
    count: int
    bits: float
    asked: int
    mixed: float
    alone: float


def is_binary(data: bytes) -> bool:
    """Return whether data are to be shown in hexadecimal.

    They are if they hold a zero byte, or if more than one byte in 20 is not UTF-8.
    """
    wrong = len(data) - len(data.decode("utf-8", "ignore").encode())
    return 0 in data or wrong * 20 > len(data)


def find_passages(surprise: Surprise, *, worst: bool) -> list[Passage]:
    """Return the passages that cost most, or least, first the furthest out.

    Copied bytes are no passage that costs least, unless there are no others.
    """
    size = len(surprise.data)
    if size < PASSAGE:
        return [Passage(0, size, float(surprise.coded.sum()))] if size else []
    total = np.concatenate([[0.0], np.cumsum(surprise.coded)])
    starts = np.arange(0, size - PASSAGE + 1, STRIDE)
    ranked = total[starts + PASSAGE] - total[starts]
    if worst:
        ranked = -ranked
    else:
        copied = np.concatenate([[0], np.cumsum(surprise.is_copied)])
        own = copied[starts + PASSAGE] == copied[starts]
        if own.any():
            ranked[~own] = np.inf
    return [
        Passage(start, end, float(total[end] - total[start]))
        for start, end in _picked(surprise.data, starts, ranked)
    ]


def _picked(
    data: bytes, starts: NDArray[np.int64], ranked: NDArray[np.float64]
) -> Iterator[tuple[int, int]]:
    """Yield ends of passages, the lowest first, that lie apart; none that begins in a character."""
    for _ in range(MOST_PASSAGES):
        best = int(np.argmin(ranked))
        if np.isinf(ranked[best]):
            return
        at = int(starts[best])
        ranked[np.abs(starts - at) < APART] = np.inf
        yield _at_character(data, at), _at_character(data, at + PASSAGE)


def _at_character(data: bytes, at: int) -> int:
    """Move a place in UTF-8 text back to where a character begins."""
    for back in range(min(at, 3) + 1):
        if at == len(data) or data[at - back] & 0xC0 != 0x80:
            return at - back
    return at


def find_shares(surprise: Surprise) -> list[Share]:
    """Divide the bytes by what helped to predict them, and return what each kind cost.

    A byte is copied; or it is what the match model expected, or not what it expected, or the match
    model expected nothing.
    """
    notes, copied = surprise.notes, surprise.is_copied
    given = np.frombuffer(surprise.data, np.uint8)
    matched = ~copied & (notes.matched >= 0)
    right = matched & (notes.matched == given)
    kinds = {
        "taken out as copies": copied,
        "expected by a match": right,
        "another than a match expected": matched & ~right,
        "without a match": ~copied & ~matched,
    }
    return [_share(surprise, name, which) for name, which in kinds.items() if which.any()]


def whole_share(surprise: Surprise) -> Share:
    """Return what all bytes cost."""
    return _share(surprise, "all", np.ones(len(surprise.data), np.bool_))


def _share(surprise: Surprise, name: str, which: NDArray[np.bool_]) -> Share:
    network, coded = surprise.notes.network, surprise.coded
    asked = which & np.isfinite(network)
    return Share(
        name,
        count=int(which.sum()),
        bits=float(coded[which].sum()),
        asked=int(asked.sum()),
        mixed=float(coded[asked].sum()),
        alone=float(network[asked].sum()),
    )

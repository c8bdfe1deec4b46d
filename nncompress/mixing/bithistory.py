"""Make the bit histories: what a byte can remember of the bits that followed a context.

A history is a number of zeros, a number of ones, and, while both are few, which came last. Where a
bit surprises, the count of the other is cut: what came long ago counts less. Counts end, and end
lower where the other bit has been seen too. PAQ calls them nonstationary states; the bounds on
counts are those of ZPAQ (M. Mahoney, "The ZPAQ Open Standard Format", section "Indirect Context
Model", http://mattmahoney.net/dc/zpaq206.pdf).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_COUNT = (20, 48, 15, 8, 6, 5)
"""The most of one bit, by how many there are of the other."""

LAST_KEPT = 17
"""Up to so many bits in all, a history of both tells which came last."""

KEPT_ON_SURPRISE = (0, 1, 2, 3, 4, 5, 5, 6)
"""What is left of a count when the other bit comes; 7 of any larger one."""


class History(NamedTuple):
    """What a bit history says: how many zeros, how many ones, and the last bit."""

    zeros: int
    ones: int
    last: int


def _is_possible(zeros: int, ones: int) -> bool:
    fewer, more = sorted((zeros, ones))
    return fewer < len(MOST_COUNT) and more <= MOST_COUNT[fewer]


def _key(zeros: int, ones: int, last: int) -> History:
    keeps_last = zeros > 0 and ones > 0 and zeros + ones <= LAST_KEPT
    return History(zeros, ones, last if keeps_last else 0)


@cache
def histories() -> list[History]:
    """List all bit histories; a history's place in the list is its number, and 0 is the empty one.

    They are in the order of how many bits they have seen, so that numbers tell which of two slots
    has seen less.
    """
    largest = max(MOST_COUNT)
    found = {
        _key(zeros, ones, last)
        for zeros in range(largest + 1)
        for ones in range(largest + 1)
        for last in (0, 1)
        if _is_possible(zeros, ones)
    }
    return sorted(found, key=lambda history: (history.zeros + history.ones, history))


def after(history: History, bit: int) -> History:
    """Return the history after another bit."""
    same, other = (history.ones, history.zeros) if bit else (history.zeros, history.ones)
    same += 1
    other = KEPT_ON_SURPRISE[other] if other < len(KEPT_ON_SURPRISE) else 7
    while not _is_possible(same, other):
        more, fewer = max(same, other), min(same, other)
        if fewer < 2:
            more -= 1
        else:  # one less of the rarer bit, at the same share of it
            more, fewer = (more * (fewer - 1) + fewer // 2) // fewer, fewer - 1
        same, other = (more, fewer) if same > other else (fewer, more)
    return _key(other, same, bit) if bit else _key(same, other, bit)


def _next_table() -> NDArray[np.uint8]:
    number = {history: i for i, history in enumerate(histories())}
    table = np.zeros(512, np.uint8)
    for history, i in number.items():
        for bit in (0, 1):
            table[2 * i + bit] = number[after(history, bit)]
    return table


def _expected_table() -> NDArray[np.uint16]:
    table = np.full(256, 1 << 15, np.uint16)
    for i, history in enumerate(histories()):
        if i:
            seen = history.zeros + history.ones
            table[i] = ((10 * history.ones + 4) << 16) // (10 * seen + 8)
    return table


NEXT_HISTORY = _next_table()
"""Number of the history after a bit; uint8 [512], at twice a history's number plus the bit."""

EXPECTED_ONE = _expected_table()
"""P(bit = 1) in 65536ths that a history promises before anything has been learnt; uint16 [256]."""

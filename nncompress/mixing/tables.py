"""Compute the predictor's lookup tables, with integers so that every machine has the same ones.

Probabilities are 16-bit fractions of 65536. The logistic ("stretch") domain holds
``ln(p / (1 - p))`` with 11 fractional bits: |stretch| <= 22906 for p in [1, 65535], so a value fits
int16. Logistic mixing is described in M. Mahoney, "Adaptive Weighing of Context Models for Lossless
Data Compression" (2005), and in http://mattmahoney.net/dc/dce.html, 4.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

STRETCH_BITS = 11
"""Fractional bits of the logistic domain."""

STRETCH_ONE = 1 << STRETCH_BITS
STRETCH_MAX = 12 * STRETCH_ONE
"""The mixer's outputs are clamped to less than +-STRETCH_MAX.

Squash of it is 65535.6 / 65536, beyond the last 16-bit probability."""

IntTable = npt.NDArray[np.integer[Any]]

_KNOT_DISTANCE = 16
"""Steps of stretch between exactly computed points; linear in between: error below 0.1 / 65536."""


def _squash_table() -> npt.NDArray[np.int32]:
    """Compute the logistic function of the stretch domain.

    Returns:
        int32 [2 * STRETCH_MAX + 1], monotone: entry ``x + STRETCH_MAX`` is
        round(65536 / (1 + exp(-x / 2048))), clamped to [1, 65535].
    """
    one = 1 << 96
    ratio = term = one  # exp(_KNOT_DISTANCE / STRETCH_ONE), by its series
    number = 0
    while term:
        number += 1
        term = term * _KNOT_DISTANCE // (STRETCH_ONE * number)
        ratio += term
    upper, power = [], one
    for _ in range(STRETCH_MAX // _KNOT_DISTANCE + 1):
        upper.append(((2 * power << 32) // (one + power) + 1) // 2)
        power = power * ratio // one
    knots = [(1 << 32) - knot for knot in upper[:0:-1]] + upper
    points = np.array(knots, np.int64)
    steps = np.arange(_KNOT_DISTANCE, dtype=np.int64)
    fine = (
        points[:-1, None] * (_KNOT_DISTANCE - steps) + points[1:, None] * steps
    ) // _KNOT_DISTANCE
    table = (np.append(fine.ravel()[: 2 * STRETCH_MAX], points[-1]) + (1 << 15)) >> 16
    clamped: npt.NDArray[np.int32] = np.clip(table, 1, 65535).astype(np.int32)
    return clamped


def _stretch_table(squash: npt.NDArray[np.int32]) -> npt.NDArray[np.int16]:
    """Compute the inverse of squash.

    Returns:
        int16 [65536]: entry p is the middle of the values x that squash takes to p, or the first
        beyond where there is none.
    """
    p = np.arange(65536)
    first = np.searchsorted(squash, p, "left")
    last = np.searchsorted(squash, p, "right") - 1
    middle = np.where(last >= first, (first + last) // 2, first) - STRETCH_MAX
    # The clamped ends of squash would pull the outermost values outwards.
    middle[0] = middle[1] = int(np.searchsorted(squash, 2)) - STRETCH_MAX - STRETCH_ONE // 2
    middle[65535] = -middle[1]
    return middle.astype(np.int16)


SQUASH = _squash_table()
STRETCH = _stretch_table(SQUASH)

COARSE_BITS = 3
COARSE_SQUASH = np.ascontiguousarray(SQUASH[(1 << COARSE_BITS) // 2 :: 1 << COARSE_BITS])
"""SQUASH for steps of 2**COARSE_BITS, int32: for errors, where it stays in the fastest cache."""

RECIPROCAL = np.array([(65536 * 2) // (2 * n + 3) for n in range(1024)], np.int32)
"""65536 / (n + 1.5), the rate at which a cell moves that has seen n bits.

int32 [1024], at most 43690."""


COARSE_STRETCH = np.ascontiguousarray(STRETCH[8::16])
"""Stretch of the upper 12 bits of a probability; int16 [4096]. It stays in the fastest cache."""


def _class_table() -> npt.NDArray[np.uint64]:
    """Sort bytes into classes of characters, 0..7; uint64 [256].

    Bytes from 128 on count as small letters: in most scripts and encodings they are parts of words.
    """
    classes = np.full(256, 7, np.uint64)
    classes[128:] = 0
    for number, members in enumerate(
        (
            b"abcdefghijklmnopqrstuvwxyz",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            b" ",
            b"0123456789",
            b"\n",
            b".,",
            b"[{<(",
        )
    ):
        classes[list(members)] = number
    return classes


CLASS = _class_table()
"""Class of a byte's character; uint64 [256], 0..7. Letters are 0 and 1."""

OPENING = np.isin(np.arange(256), list(b"[{<(|=&"))
"""Bytes after which text is of another kind until one of CLOSING; bool [256]."""

CLOSING = np.isin(np.arange(256), list(b"]}>);\n"))

"""Bytes after which none of OPENING holds any more; bool [256]."""

ENDS_SENTENCE = np.isin(np.arange(256), list(b".!?"))
SEPARATES = np.isin(np.arange(256), list(b',\t;| "=>:'))
"""Bytes that end a field of a line; bool [256]."""


def _size_class_table() -> npt.NDArray[np.uint64]:
    """Sort bytes by their size as numbers, 0..13, small and negative ones finely; uint64 [256]."""
    starts = [1, 4, 16, 32, 48, 64, 96, 128, 0x90, 0xC0, 0xE0, 0xF0]
    classes = np.searchsorted(starts, np.arange(256), "right") + 1
    classes[0], classes[255] = 0, 1
    return classes.astype(np.uint64)


SIZE_CLASS = _size_class_table()


def _difference_class_table() -> npt.NDArray[np.int64]:
    """Sort differences of bytes, -255..255, into signs and sizes, 0..24; int64 [511]."""
    size = np.abs(np.arange(-255, 256))
    classes = np.searchsorted([1, 2, 3, 4, 8, 16, 32, 64], size, "right")
    return (classes + 16 * (np.arange(-255, 256) < 0)).astype(np.int64)


DIFFERENCE_CLASS = _difference_class_table()
"""Class of a difference plus 255."""

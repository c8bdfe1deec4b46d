"""Lookup tables of the mixer, computed with integers so that every machine has the same ones.

Probabilities are 16-bit fractions of 65536. The logistic ("stretch") domain holds ``ln(p / (1 - p))`` with
11 fractional bits: |stretch| <= 22906 for p in [1, 65535], so a value fits int16. Logistic mixing is described in
M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression" (2005), and in
http://mattmahoney.net/dc/dce.html, 4.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

STRETCH_BITS = 11
"""Fractional bits of the logistic domain."""
STRETCH_ONE = 1 << STRETCH_BITS
STRETCH_MAX = 12 * STRETCH_ONE
"""Mixers' outputs are clamped to +-STRETCH_MAX; squash of it is 65535.6 / 65536, beyond the last 16-bit probability."""
QUANTA = 64
"""Buckets into which a 12-bit probability is sorted before an adaptive map."""

IntTable = npt.NDArray[np.integer[Any]]

_KNOT = (
    16  # stretch steps between exactly computed points; linear in between: error below 0.1 / 65536
)


def _squash_table() -> npt.NDArray[np.int32]:
    """``SQUASH[x + STRETCH_MAX]`` = round(65536 / (1 + exp(-x / 2048))), clamped to [1, 65535]; int32, monotone."""
    one = 1 << 96
    ratio = term = one  # exp(_KNOT / STRETCH_ONE), by its series
    number = 0
    while term:
        number += 1
        term = term * _KNOT // (STRETCH_ONE * number)
        ratio += term
    upper, power = [], one
    for _ in range(STRETCH_MAX // _KNOT + 1):
        upper.append(((2 * power << 32) // (one + power) + 1) // 2)
        power = power * ratio // one
    knots = [(1 << 32) - knot for knot in upper[:0:-1]] + upper
    points = np.array(knots, np.int64)
    steps = np.arange(_KNOT, dtype=np.int64)
    fine = (points[:-1, None] * (_KNOT - steps) + points[1:, None] * steps) // _KNOT
    table = (np.append(fine.ravel()[: 2 * STRETCH_MAX], points[-1]) + (1 << 15)) >> 16
    clamped: npt.NDArray[np.int32] = np.clip(table, 1, 65535).astype(np.int32)
    return clamped


def _stretch_table(squash: npt.NDArray[np.int32]) -> npt.NDArray[np.int16]:
    """``STRETCH[p]``: the middle of the values x with SQUASH[x] = p, or the first beyond where there is none; int16."""
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

RECIPROCAL = np.array([(65536 * 2) // (2 * n + 3) for n in range(1024)], np.int32)
"""65536 / (n + 1.5): the rate at which a cell moves that has seen n bits; int32 [1024], at most 43690."""


def _quantum_table() -> npt.NDArray[np.uint8]:
    """12-bit probability -> 0..63, even steps of stretch within +-7.75, so that the ends are resolved; uint8 [4096]."""
    p16 = np.arange(4096) * 16 + 8
    return np.clip(
        (STRETCH[p16].astype(np.int32) + 8 * STRETCH_ONE) * QUANTA // (16 * STRETCH_ONE),
        0,
        QUANTA - 1,
    ).astype(np.uint8)


QUANTUM = _quantum_table()
"""Bucket of the upper 12 bits of a counter's probability; uint8 [4096], 0..63."""


def _level_table() -> npt.NDArray[np.uint8]:
    """Count of a counter (0..1023) -> 0..15: exact to 7, then ever coarser; uint8 [1024]."""
    starts = [*range(1, 9), 12, 16, 24, 40, 80, 200, 600]
    return np.searchsorted(starts, np.arange(1024), "right").astype(np.uint8)


LEVELS = 16
LEVEL = _level_table()


def _class_table() -> npt.NDArray[np.uint64]:
    """Byte -> kind of character, 0..7; uint64 [256]."""
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
OPENING = np.isin(np.arange(256), list(b"[{<(|=&"))
"""Bytes after which text is of another kind until one of CLOSING; bool [256]."""
CLOSING = np.isin(np.arange(256), list(b"]}>);\n"))

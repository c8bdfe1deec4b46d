"""Tell what kind of data a block holds, from a look at parts of it, with whole numbers alone.

Encoders choose a profile by it; what is chosen stands in the payload, so that a wrong guess costs
bytes and nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.mixing.profiles import Kind

from .records import NO_RECORDS, Records, find_records

_PIECES = 8
_PIECE = 1 << 14
"""A block is judged by this many pieces of this many bytes, spread over it."""

_SPACE, _NEWLINE = 32, 10
CONTROLS = [byte for byte in range(32) if byte not in b"\t\n\f\r"]

CONTROL_SHARE = 64
"""Text has at most one control character in so many bytes,"""

ODD_SHARE = 4
"""and at most one byte in so many that is not UTF-8, unless it has spaces as text has:"""

SPACE_SHARE = 16
"""one in so many."""

ABOVE_SHARE = 3
"""In a table at least one byte in so many is the one above it, in the line before."""


def kind_of(data: bytes) -> tuple[Kind, Records]:
    """Return a block's kind, and its records where it has some."""
    pieces = _cut(data)
    if not _is_text(pieces):
        records = find_records(data)
        return (Kind.RECORDS if records.period else Kind.BINARY), records
    above = sum(_equal_above(piece) for piece in pieces)
    table = ABOVE_SHARE * above >= sum(map(len, pieces)) > 0
    return (Kind.TABLE if table else Kind.TEXT), NO_RECORDS


def _cut(data: bytes) -> list[bytes]:
    if len(data) <= _PIECES * _PIECE:
        return [data]
    stride = (len(data) - _PIECE) // (_PIECES - 1)
    return [data[k * stride : k * stride + _PIECE] for k in range(_PIECES)]


def _is_text(pieces: list[bytes]) -> bool:
    size = sum(map(len, pieces))
    joined = np.frombuffer(b"".join(pieces), np.uint8)
    # A run of zeros counts once: a tar of texts has many, and text compresses it best. Where they
    # are most of it, as in a scanned page, it is no text.
    padding = np.flatnonzero((joined[1:] == 0) & (joined[:-1] == 0))
    if 2 * len(padding) > size:
        return False
    counts = np.bincount(np.delete(joined, padding), minlength=256)
    if CONTROL_SHARE * int(np.sum(counts[CONTROLS])) > size:
        return False
    good = sum(len(piece.decode("utf-8", "ignore").encode()) for piece in pieces)
    return ODD_SHARE * (size - good) <= size or SPACE_SHARE * int(counts[_SPACE]) >= size


def _equal_above(piece: bytes) -> int:
    """Count the bytes that are equal to the one above, in the same column of the line before."""
    values: NDArray[np.uint8] = np.frombuffer(piece, np.uint8)
    starts = np.flatnonzero(values == _NEWLINE) + 1
    if len(starts) < 2:
        return 0
    place = np.arange(int(starts[1]), len(values))
    line = np.searchsorted(starts, place, "right") - 1
    above = starts[line - 1] + place - starts[line]
    inside = above < starts[line]
    return int(np.count_nonzero(values[place[inside]] == values[above[inside]]))

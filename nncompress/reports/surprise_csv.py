"""Write what is known of every byte as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .explain import Surprise

LINES = 1 << 14
"""Lines that are made at once."""

BYTE_COLUMNS = (
    "position",
    "byte",
    "bits",
    "network_bits",
    "matched_byte",
    "match_length",
    "copied_from",
    *(f"mixer_{k}{part}" for k in (1, 2, 3) for part in ("", "_chance")),
    *(f"network_{k}{part}" for k in (1, 2, 3) for part in ("", "_chance")),
)
"""Names in the first line. A cell is empty where there is nothing to say."""


def csv_lines(surprise: Surprise) -> Iterator[bytes]:
    """Yield the lines, many at a time; positions and bytes are decimal numbers."""
    yield (",".join(BYTE_COLUMNS) + "\r\n").encode()
    for first in range(0, len(surprise.data), LINES):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(_rows(surprise, first))
        yield text.getvalue().encode()


def _rows(surprise: Surprise, first: int) -> Iterator[list[object]]:
    part, notes = slice(first, first + LINES), surprise.notes
    columns = [
        surprise.data[part],
        [f"{bits:.4f}" for bits in notes.coded[part].tolist()],
        ["" if isnan(bits) else f"{bits:.4f}" for bits in notes.network[part].tolist()],
        ["" if byte < 0 else byte for byte in notes.matched[part].tolist()],
        [size or "" for size in notes.lengths[part].tolist()],
        ["" if source < 0 else source for source in surprise.sources[part].tolist()],
    ]
    experts = (notes.mixed_top, notes.mixed_chances), (notes.network_top, notes.network_chances)
    for top, chances in experts:
        for k in range(top.shape[1]):
            found = chances[part, k].tolist()
            pairs = list(zip(top[part, k].tolist(), found, strict=True))
            columns.append([byte if chance else "" for byte, chance in pairs])
            columns.append([f"{chance:.4f}" if chance else "" for chance in found])
    for place, cells in enumerate(zip(*columns, strict=True), first):
        yield [place, *cells]

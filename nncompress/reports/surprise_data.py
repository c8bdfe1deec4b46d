"""Put what the map needs to know of every byte into a page, in few bytes.

Each array becomes base64 of its deflated bytes, in an element of its own. Costs are rounded to
2%. What was expected is kept only of bytes that cost more than a little: a cheap byte was itself
what was expected.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .passages import is_binary

if TYPE_CHECKING:
    from .explain import Surprise

LIMITS = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
"""Bits from which a byte has the next colour."""

SCALE = 36
"""A cost of n bits is the number SCALE * log2(1 + n), rounded, at most 254."""

NO_COST = 255
"""In place of the network's cost, where it had no part."""

EXPECTED_FROM = 0.2
"""Bits from which it is kept what was expected instead of a byte;"""

LARGE, EXPECTED_FROM_IN_LARGE = 1_000_000, 3.0
"""and in files of more than so many bytes."""


def pack_numbers(surprise: Surprise) -> str:
    """Return the elements that hold the numbers; the script knows them by their names."""
    coded = _codes(surprise.coded)
    least = _code(EXPECTED_FROM_IN_LARGE if len(surprise.data) > LARGE else EXPECTED_FROM)
    kept = coded >= least
    notes = surprise.notes
    arrays = {
        "data": surprise.data,
        "coded": coded.tobytes(),
        "matched": _matches(surprise).tobytes(),
    }
    experts = {}
    if (notes.mixed_chances[:, 0] > 0).any():
        experts["mixer"] = "the mixer"
        arrays["mixer"] = _expected(notes.mixed_top[kept], notes.mixed_chances[kept])
    if np.isfinite(notes.network).any():
        arrays["network"] = _codes(notes.network).tobytes()
        experts["network-top"] = "the network"
        arrays["network-top"] = _expected(notes.network_top[kept], notes.network_chances[kept])
    facts = {
        "hex": is_binary(surprise.data),
        "limits": LIMITS,
        "scale": SCALE,
        "least": least,
        "kept": int(kept.sum()),
        "experts": list(experts),
        "names": list(experts.values()),
        "copies": [[copy.start, copy.size, copy.source] for copy in surprise.copies],
        "sizes": {name: len(array) for name, array in arrays.items()},
    }
    elements = [_element("application/json", "facts", json.dumps(facts))]
    for name, array in arrays.items():
        text = base64.b64encode(zlib.compress(array, 6)).decode()
        elements.append(_element("text/plain", f"array-{name}", text))
    return "\n".join(elements)


def _element(kind: str, name: str, text: str) -> str:
    """Return an element whose text is numbers and fixed names, so that nothing needs escaping."""
    return f'<script type="{kind}" id="{name}">{text}</script>'


def _codes(bits: NDArray[np.float64]) -> NDArray[np.uint8]:
    known = np.isfinite(bits)
    codes = np.minimum(np.rint(SCALE * np.log2(1 + np.where(known, bits, 0.0))), NO_COST - 1)
    return np.where(known, codes, NO_COST).astype(np.uint8)


def _code(bits: float) -> int:
    return int(_codes(np.array([bits]))[0])


def _matches(surprise: Surprise) -> NDArray[np.uint8]:
    """Return 0 without a match, else 1 + 2 * the bits of its length, and 1 more where it was right.

    Copied bytes have none.
    """
    notes = surprise.notes
    lengths = np.frexp(notes.lengths.astype(np.float64))[1]
    right = notes.matched == np.frombuffer(surprise.data, np.uint8)
    found = (notes.matched >= 0) & ~surprise.is_copied
    return np.where(found, 1 + 2 * lengths + right, 0).astype(np.uint8)


def _expected(top: NDArray[np.uint8], chances: NDArray[np.float32]) -> bytes:
    """Return the columns one after the other: a byte, then its chance in percent, three times."""
    percent = np.rint(100 * chances).astype(np.uint8)
    columns = [column for k in range(top.shape[1]) for column in (top[:, k], percent[:, k])]
    return b"".join(np.ascontiguousarray(column).tobytes() for column in columns)

"""Draw what the bytes of a file cost along the file, as SVG within HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .markup import as_markup

if TYPE_CHECKING:
    from .explain import Surprise

MOST_PIECES = 500
"""Pieces that a file is cut into for the curve, at most."""

LEAST_PIECE = 32
"""Bytes of a piece, at least."""

_WIDTH, _HEIGHT = 1000, 100
"""Of the drawing, in its own units; it is stretched to the page."""


def draw_chart(surprise: Surprise) -> str:
    """Draw bits per byte of pieces of the file, one after the other."""
    size = len(surprise.data)
    count = min(MOST_PIECES, max(1, size // LEAST_PIECE))
    ends = np.linspace(0, size, count + 1).astype(np.int64)
    curves = {"archive": _means(surprise.coded, ends)}
    alone = _means(surprise.notes.network, ends)
    if np.isfinite(alone).any():
        curves["network"] = alone
    top = max(1.0, *(float(np.nanmax(curve)) for curve in curves.values()))
    words = (
        f"Bits a byte along the file: from {curves['archive'].min():.2f} to "
        f"{curves['archive'].max():.2f} in {count} pieces of about {size // count:,} bytes. "
        "The passages below say where it costs most and least."
    )
    parts = [
        '<div class="chart"><div class="scale" aria-hidden="true">'
        f"<span>{top:.1f}</span><span>0</span></div>",
        f'<svg id="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{as_markup(words)}">',
    ]
    for bits in range(1, int(top) + 1) if top < 12 else range(4, int(top) + 1, 4):
        y = _HEIGHT * (1 - bits / top)
        parts.append(f'<path class="grid" d="M0 {y:.1f}H{_WIDTH}"/>')
    parts += [_curve(name, curve, ends, top) for name, curve in reversed(curves.items())]
    parts += _copies(surprise)
    parts.append(f'<rect id="mark" x="0" y="0" width="0" height="{_HEIGHT}"/></svg>')
    parts.append(f'<div class="along"><span>0</span><span>byte {size:,}</span></div></div>')
    parts.append(_keys("network" in curves, bool(surprise.copies)))
    return "\n".join(parts)


def _means(costs: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the numbers between two ends each; NaN where there are none."""
    known = np.isfinite(costs)
    sums = np.add.reduceat(np.where(known, costs, 0.0), ends[:-1])
    counts = np.add.reduceat(known, ends[:-1], dtype=np.int64)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _curve(name: str, means: NDArray[np.float64], ends: NDArray[np.int64], top: float) -> str:
    """Draw steps: a level for each piece, and no line where it has no number."""
    x, y = _WIDTH * ends / ends[-1], _HEIGHT * (1 - means / top)
    path, pen = [], "M"
    for left, right, level in zip(x[:-1], x[1:], y, strict=True):
        if np.isnan(level):
            pen = "M"
            continue
        path.append(f"{pen}{left:.1f} {level:.1f}H{right:.1f}")
        pen = "L"
    return f'<path class="{name}" d="{"".join(path)}"/>'


def _copies(surprise: Surprise) -> list[str]:
    """Draw marks at the foot where bytes were copied."""
    size, drawn, end = len(surprise.data), list[str](), -1.0
    for copy in surprise.copies:
        x, right = _WIDTH * copy.start / size, _WIDTH * (copy.start + copy.size) / size
        if right > end + 1:  # what cannot be seen is not drawn
            wide = max(1.0, right - x)
            drawn.append(f'<rect class="copied" x="{x:.1f}" y="97" width="{wide:.1f}" height="3"/>')
            end = x + wide
    return drawn


def _keys(network: bool, copies: bool) -> str:
    names = {"archive": "archive", "network": "network alone", "copied": "copied"}
    shown = ["archive"] + ["network"] * network + ["copied"] * copies
    spans = "".join(f'<span class="{name}">{names[name]}</span>' for name in shown)
    return f'<p class="keys">{spans}</p>'

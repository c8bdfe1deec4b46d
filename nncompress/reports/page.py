"""Write HTML pages that open offline, each one file with everything in it.

Nothing from a measured file is taken as markup.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .explain import Likeliest, Surprise

COSTS = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
"""Bits from which a byte has the next colour."""

UNIT = 1000
"""Costs go into the page as 16-bit numbers of 1/1000 bit."""

MOST_LINES = 12
"""Lines in the table of the costliest."""

CURVE_POINTS = 300
"""Points of the curve of costs by position, at most."""

ROW_SIZE = 64
"""Bytes that count as a line where there are no lines."""


def page(title: str, body: str, script: str = "") -> str:
    """Return a whole HTML page; ``title`` is text, the rest is markup."""
    script = f"<script>\n{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n"
        f"<body>\n<h1>{_text(title)}</h1>\n{body}{script}</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a heading of a part of the page, from plain text."""
    return f"<h2>{_text(text)}</h2>\n"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{_text(text)}</p>\n"


def surprise_script() -> str:
    """Return the script that a page with :func:`surprise_body` needs."""
    return _asset("surprise.js")


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(f"assets/{name}").read_text(encoding="utf-8")


def _text(text: str) -> str:
    """Return text as markup; control characters, which HTML does not allow, become visible ones."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return escape(shown.encode("utf-8", "backslashreplace").decode())


def surprise_body(surprise: Surprise) -> str:
    """Return summary, curve, costliest lines and map, as markup."""
    return "\n".join(_surprise_parts(surprise)) + "\n"


def _surprise_parts(surprise: Surprise) -> Iterator[str]:
    size, bits = len(surprise.data), float(surprise.coded.sum())
    rate = f"{bits / max(1, size):.3f} bits a byte"
    yield f"<p>{size:,} bytes, {bits / 8:,.0f} after compression: {rate}."
    if surprise.network is not None:
        alone = float(surprise.network.sum()) / max(1, size)
        yield f"The network alone would need {alone:.3f}."
    methods = ", ".join(dict.fromkeys(surprise.methods)) or "none"
    yield f"Coded with: {_text(methods)}.</p>"
    if not size:
        yield "<p>The file is empty.</p>"
        return
    yield "<h2>Bits a byte up to each position</h2>"
    yield curve(surprise)
    yield "<h2>Costliest lines</h2>"
    yield from _lines_table(surprise)
    yield "<h2>What each byte cost</h2>"
    yield "<p>Point at a byte, or tap it, to see what was expected in its place.</p>"
    yield f'<p class="legend">{_legend()}</p>'
    yield '<div class="map" id="map"></div>'
    yield '<div class="detail" id="detail" aria-live="polite"><p>Point at a byte.</p></div>'
    facts = json.dumps(_facts(surprise)).replace("<", "\\u003c")
    yield f'<script type="application/json" id="facts">{facts}</script>'


def _legend() -> str:
    bounds = ["0", *(f"{cost:g}" for cost in COSTS)]
    spans = (f'<span class="c{i}">{bound}+</span>' for i, bound in enumerate(bounds))
    return "bits: " + "".join(spans)


def _facts(surprise: Surprise) -> dict[str, Any]:
    hexadecimal = is_binary(surprise.data)
    arrays = {
        "data": surprise.data,
        "units": bytes([1] * len(surprise.data) if hexadecimal else units(surprise.data)),
        "coded": _small(surprise.coded),
        "planes": _percent(surprise.planes),
    }
    if surprise.network is not None:
        arrays["network"] = _small(surprise.network)
        arrays |= _likeliest("network", surprise.expected)
    mixed = any("mixing" in method for method in surprise.methods)
    if mixed:
        arrays |= _likeliest("mixer", surprise.mixed)
    encoded = {name: base64.b64encode(data).decode() for name, data in arrays.items()}
    return {"hex": hexadecimal, "mixed": mixed, "unit": UNIT, "limits": COSTS, "arrays": encoded}


def _likeliest(who: str, likeliest: Likeliest) -> dict[str, bytes]:
    return {
        f"{who}_top": likeliest.top.tobytes(),
        f"{who}_chances": _percent(likeliest.chances),
    }


def _small(bits: NDArray[np.float64]) -> bytes:
    return np.minimum(np.rint(bits * UNIT), 65535).astype("<u2").tobytes()


def _percent(chances: NDArray[np.float64]) -> bytes:
    return np.rint(chances * 255).astype(np.uint8).tobytes()


def is_binary(data: bytes) -> bool:
    """Return whether data are to be shown in hexadecimal.

    They are if they hold a zero byte, or if more than one byte in 20 is not UTF-8.
    """
    wrong = sum(0xDC80 <= ord(char) <= 0xDCFF for char in data.decode("utf-8", "surrogateescape"))
    return 0 in data or wrong * 20 > len(data)


def units(data: bytes) -> list[int]:
    """Return the lengths in bytes of the characters of UTF-8 text.

    A byte that belongs to none counts as a character.
    """
    text = data.decode("utf-8", "surrogateescape")
    return [len(char.encode("utf-8", "surrogateescape")) for char in text]


def curve(surprise: Surprise) -> str:
    """Draw the mean cost up to each position, as SVG."""
    series = {"archive": surprise.coded}
    if surprise.network is not None:
        series["network alone"] = surprise.network
    size = len(surprise.data)
    places = np.unique(np.linspace(1, size, CURVE_POINTS).astype(np.int64))
    means = {name: np.cumsum(costs)[places - 1] / places for name, costs in series.items()}
    top = max(1.0, *(float(mean.max()) for mean in means.values()))
    parts = [
        '<svg viewBox="0 0 720 260" width="720" height="260" role="img" '
        'aria-label="Mean cost by position">',
        f'<path d="M40 10V230H710" fill="none" stroke="#888"/><text x="4" y="16">{top:.1f}</text>',
        f'<text x="4" y="234">0</text><text x="640" y="252">{size:,} B</text>',
    ]
    colours = ("#1747b5", "#c0392b")
    for index, (name, mean) in enumerate(means.items()):
        x, y = 40 + 670 * places / size, 230 - 220 * mean / top
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[index]}"/>')
        place = f'x="500" y="{30 + 20 * index}" fill="{colours[index]}"'
        parts.append(f"<text {place}>{name}: {mean[-1]:.3f}</text>")
    return "\n".join([*parts, "</svg>"])


def lines(surprise: Surprise) -> list[tuple[int, bytes, float]]:
    """Return the lines as (position, contents, bits); of binary data, rows of 64 bytes."""
    data = surprise.data
    if is_binary(data):
        pieces = [data[at : at + ROW_SIZE] for at in range(0, len(data), ROW_SIZE)]
    else:
        pieces = data.splitlines(keepends=True)
    ends = np.cumsum([len(piece) for piece in pieces])
    total = np.concatenate([[0.0], np.cumsum(surprise.coded)])
    return [
        (int(end) - len(piece), piece, float(total[end] - total[end - len(piece)]))
        for piece, end in zip(pieces, ends, strict=True)
    ]


def _lines_table(surprise: Surprise) -> Iterator[str]:
    costliest = sorted(lines(surprise), key=lambda line: -line[2])[:MOST_LINES]
    hexadecimal = is_binary(surprise.data)
    rows = []
    for start, piece, bits in costliest:
        shown = piece[:32].hex(" ") if hexadecimal else piece.decode("utf-8", "replace").rstrip()
        rows.append((start, bits, len(piece), shown[:100]))
    yield '<div class="scroll"><table>'
    yield '<tr><th>position</th><th>bits</th><th>bits a byte</th><th class="words">line</th></tr>'
    for start, bits, size, shown in rows:
        link = f'<a href="#byte={start}">{start:,}</a>'
        numbers = f"<td>{link}</td><td>{bits:,.0f}</td><td>{bits / size:.2f}</td>"
        yield f'<tr>{numbers}<td class="words"><code>{_text(shown)}</code></td></tr>'
    yield "</table></div>"


def comparison_body(
    sections: Sequence[tuple[str, list[list[str]]]],
    names: Sequence[str],
    notes: str,
    *,
    words: bool = False,
) -> str:
    """Return the tables of a comparison as markup.

    Args:
        sections: for each table its title and its rows of cells; two cells are a name and why there
            are no figures.
        names: names of the columns.
        notes: a paragraph below the tables; "" for none.
        words: whether cells hold words, and not numbers.
    """
    return "\n".join(_comparison_parts(sections, names, notes, words)) + "\n"


def _comparison_parts(
    sections: Sequence[tuple[str, list[list[str]]]], names: Sequence[str], notes: str, words: bool
) -> Iterator[str]:
    left = ' class="words"' if words else ""
    heading = "".join(f"<th{left}>{_text(name)}</th>" for name in names)
    for title, rows in sections:
        yield f'<h2>{_text(title)}</h2>\n<div class="scroll"><table>\n<tr>{heading}</tr>'
        for first, *rest in rows:
            own = ' class="own"' if first.startswith("nncompress") else ""
            if len(rest) == 1:  # a reason instead of numbers
                tail = f'<td class="words" colspan="{len(names) - 1}">{_text(rest[0])}</td>'
            else:
                tail = "".join(f"<td{left}>{_text(cell)}</td>" for cell in rest)
            yield f"<tr{own}><td>{_text(first)}</td>{tail}</tr>"
        yield "</table></div>"
    if notes:
        yield f"<p>{_text(notes)}</p>"


def picture(svg: bytes, words: str, narrow: bytes | None = None) -> str:
    """Return a drawing as markup.

    Args:
        svg: the drawing.
        words: what it shows.
        narrow: the same for small screens, where the letters of the other would be tiny.
    """
    shown = f'<img src="{_data_address(svg)}" alt="{_text(words)}">'
    if narrow is not None:
        small = f'<source media="(max-width: 40rem)" srcset="{_data_address(narrow)}">'
        shown = f"<picture>{small}{shown}</picture>"
    return f"<p>{shown}</p>\n"


def _data_address(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"

"""Make the page of ``nncompress explain``: summary, curve, passages, and a map of every byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .markup import as_markup, asset
from .page import page
from .passages import Passage, Share, find_passages, find_shares, is_binary, whole_share
from .surprise_chart import draw_chart
from .surprise_data import LIMITS, pack_numbers

if TYPE_CHECKING:
    from .explain import Surprise

MOST_COPIES = 10
"""Copies in the table of the longest."""

SHOWN = 100
"""Characters of a passage that are shown, at most."""

_KEYS = (
    "In the map, arrow keys move by a character or a row, Page Up and Page Down by a screen, Home "
    "and End to the ends; n and p go to the next and the previous byte that costs 8 bits or more."
)


def surprise_page(title: str, surprise: Surprise) -> str:
    """Return the whole page; ``title`` is text."""
    script = surprise_script() if surprise.data else ""
    return page(title, surprise_body(surprise), script, surprise_style())


def surprise_script() -> str:
    """Return the script that a page with :func:`surprise_body` needs."""
    return asset("surprise.js")


def surprise_style() -> str:
    """Return the style sheet of a page with :func:`surprise_body`."""
    return asset("surprise.css")


def surprise_body(surprise: Surprise) -> str:
    """Return summary, curve, passages and map, as markup."""
    return "\n".join(_parts(surprise)) + "\n"


def _parts(surprise: Surprise) -> Iterator[str]:
    whole = whole_share(surprise)
    yield f"<p>{as_markup(_summary(surprise, whole))}</p>"
    if not whole.count:
        yield "<p>The file is empty.</p>"
        return
    yield '<h2 id="along">Bits a byte along the file</h2>'
    yield draw_chart(surprise)
    yield from _explorer(surprise)
    yield '<h2 id="shares">Where the bits go</h2>'
    yield from _shares_table(find_shares(surprise), whole)
    for name, worst in (("Passages that cost most", True), ("Passages that cost least", False)):
        yield f"<h2>{name}</h2>"
        yield from _passages_table(surprise, find_passages(surprise, worst=worst))
    if surprise.copies:
        yield "<h2>Longest copies</h2>"
        yield from _copies_table(surprise)
    yield pack_numbers(surprise)


def _summary(surprise: Surprise, whole: Share) -> str:
    rate = f"{_rate(whole.bits, whole.count)} bits a byte"
    sentences = [f"{whole.count:,} bytes, {whole.bits / 8:,.0f} after compression: {rate}."]
    if whole.asked:
        part = "" if whole.asked == whole.count else f", of the {whole.asked:,} bytes that it read"
        alone = f"The network alone would need {_rate(whole.alone, whole.asked)}{part}"
        if any("mixing" in method for method in surprise.methods):
            saved = 1 - whole.mixed / max(whole.alone, 1e-9)
            change = f"{saved:.0%} less" if saved >= 0 else f"{-saved:.0%} more"
            alone += f"; mixing its predictions with what the file itself shows makes it {change}"
        sentences.append(alone + ".")
    methods = ", ".join(dict.fromkeys(surprise.methods)) or "none"
    return " ".join([*sentences, f"Coded with: {methods}."])


def _explorer(surprise: Surprise) -> Iterator[str]:
    last = len(surprise.data) - 1
    yield f"""<label for="place">Place in the file</label>
<input type="range" id="place" min="0" max="{last}" value="0">
<h2 id="map-title">What each byte cost</h2>
<p id="keys">Choose a byte to see what was expected in its place. {_KEYS}</p>
<noscript><p>The map needs JavaScript; the curve and the tables do not.</p></noscript>
<p class="legend">{_legend()}</p>
<div class="tools">
<form id="go"><label for="byte">Byte</label>
<input type="number" id="byte" min="0" max="{last}" value="0"><button>Go</button></form>
<form id="search" role="search"><label for="words">Find</label>
<input type="text" id="words" autocomplete="off"><button>Next</button>
<span id="found" role="status"></span></form>
<span><label for="shown">Colours:</label>
<select id="shown"><option value="coded">cost in the archive</option>
<option value="network">cost by the network alone</option>
<option value="gain">saved by mixing (green), lost (violet)</option></select></span>
<button type="button" id="save">Save the costs as CSV (rounded to 2%)</button>
</div>
<div class="explorer" id="explorer">
<div class="map{" hex" * is_binary(surprise.data)}" id="map" tabindex="0" role="application" \
aria-labelledby="map-title" aria-describedby="keys">\
<div id="sizer"></div><div id="rows"></div></div>
<div class="detail" id="detail" role="status"><p>No byte is chosen.</p></div>
</div>"""


def _legend() -> str:
    bounds = ["0", *(f"{cost:g}" for cost in LIMITS)]
    spans = (f'<span class="c{i}">{bound}+</span>' for i, bound in enumerate(bounds))
    return "bits: " + "".join(spans)


def _rate(bits: float, count: int) -> str:
    return f"{bits / max(1, count):.3f}"


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write a table of markup; the last column holds words where there is one named "contents"."""
    words = [' class="words"' if name in ("contents", "bytes that are") else "" for name in names]
    heads = [f'<th scope="col"{word}>{name}</th>' for name, word in zip(names, words, strict=True)]
    yield f'<div class="scroll"><table aria-label="{caption}">\n<tr>{"".join(heads)}</tr>'
    for row in rows:
        cells = (f"<td{word}>{cell}</td>" for cell, word in zip(row, words, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table></div>"


def _shares_table(shares: Sequence[Share], whole: Share) -> Iterator[str]:
    rows = []
    for share in [*shares, whole]:
        alone = _rate(share.alone, share.asked) if share.asked else ""
        part = f"{share.count / whole.count:.1%}"
        cost = f"{share.bits / 8:,.0f}"
        rate = _rate(share.bits, share.count)
        rows.append((as_markup(share.name), f"{share.count:,}", part, cost, rate, alone))
    names = ("bytes that are", "bytes", "share", "in the archive", "bits a byte", "network alone")
    yield from _table("Where the bits go", names, rows)


def _link(place: int) -> str:
    return f'<a href="#byte={place}">{place:,}</a>'


def _passages_table(surprise: Surprise, passages: Sequence[Passage]) -> Iterator[str]:
    hexadecimal, rows = is_binary(surprise.data), []
    for passage in passages:
        piece = surprise.data[passage.start : passage.end]
        shown = piece[:32].hex(" ") if hexadecimal else _as_text(piece)[:SHOWN]
        bits, size = passage.bits, passage.end - passage.start
        cells = f"{bits:,.0f}", _rate(bits, size), f"<code>{as_markup(shown)}</code>"
        rows.append((_link(passage.start), *cells))
    yield from _table("Passages", ("from byte", "bits", "bits a byte", "contents"), rows)


def _as_text(piece: bytes) -> str:
    text = piece.decode("utf-8", "backslashreplace")
    return text.replace("\r", "").replace("\n", "\u21b5").replace("\t", "\u2192")


def _copies_table(surprise: Surprise) -> Iterator[str]:
    longest = sorted(surprise.copies, key=lambda copy: -copy.size)[:MOST_COPIES]
    rows = [
        (_link(copy.start), f"{copy.size:,}", _link(copy.source), f"{copy.bits / 8:,.1f}")
        for copy in longest
    ]
    names = ("from byte", "bytes", "repeat what is at byte", "cost in bytes")
    yield from _table("Longest copies", names, rows)

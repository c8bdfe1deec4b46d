"""Write HTML pages that open offline, each one file with everything in it.

Nothing from a measured file is taken as markup.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from .markup import as_markup as _text
from .markup import asset


def page(title: str, body: str, script: str = "", style: str = "") -> str:
    """Return a whole HTML page; ``title`` is text, the rest is markup, script and style sheet."""
    script = f"<script>\n{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>\n{asset('page.css')}{style}</style>\n</head>\n"
        f"<body>\n<h1>{_text(title)}</h1>\n{body}{script}</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a heading of a part of the page, from plain text."""
    return f"<h2>{_text(text)}</h2>\n"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{_text(text)}</p>\n"


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

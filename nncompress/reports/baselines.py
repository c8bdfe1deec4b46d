"""Read the published figures to compare with, each with its source and how far to trust that.

A row's ``kind`` is ``primary`` (the page of those who measured it), ``verbatim`` (a copy of such a
page), ``independent`` (measured and published by others) or ``quoted`` (seen only where others
repeat it). Sizes are in bytes.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any

Row = dict[str, Any]

KINDS = ("primary", "verbatim", "independent", "quoted")
"""What a row's ``kind`` can be, the most trusted first."""

TABLES = ("paper", "ltcb", "stock_commands", "hutter_prize", "uncounted_weights")
"""The tables of baselines.json."""


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """Return all of baselines.json: :data:`TABLES`, and what they are checked with.

    Returns:
        A dictionary with the keys ``sources``, ``corpora``, ``enwik8_prefix_sha1``, and those of
        :data:`TABLES`.
    """
    text = resources.files(__package__).joinpath("baselines.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def rows(table: str) -> list[Row]:
    """Return the rows of one of :data:`TABLES`."""
    found: list[Row] = load()[table]
    return found


def whole_file_rows(corpus: str) -> list[Row]:
    """Return the results on all of a corpus, smallest first.

    They are those of the Large Text Compression Benchmark (LTCB), and what stock commands give.

    Args:
        corpus: "enwik8" or "enwik9".

    Returns:
        Rows with ``name``, ``size`` (bytes of the compressed file alone), ``kind`` and ``sources``.
    """
    found = []
    for row in rows("ltcb") + rows("stock_commands"):
        if corpus in row:
            words = [row.get("program") or row["command"], row.get("options")]
            name = " ".join(word for word in words if word)
            found.append(
                {"name": name, "size": row[corpus], "kind": row["kind"], "sources": row["sources"]}
            )
    # One result often stands in both tables; the better source comes first and is kept.
    found.sort(key=lambda row: (row["size"], KINDS.index(row["kind"])))
    return [
        row
        for row, before in zip(found, [{}, *found], strict=False)
        if row["size"] != before.get("size")
    ]

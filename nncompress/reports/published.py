"""Choose the published figures that stand beside a measurement, never without their warnings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .baselines import Row, rows, whole_file_rows

WIKIPEDIA = re.compile(r"wiki", re.IGNORECASE)
"""What a model says of its training where it has read Wikipedia, of which enwik8 is a part."""

UNCOUNTED = "Python and the libraries are not counted"
"""What the size of the program leaves out."""


@dataclass(frozen=True)
class PrizeEntry:
    """Hold the size of nncompress in the terms of the Hutter Prize, None for what is not known.

    Attributes:
        corpus: the file, "enwik8" or "enwik9".
        payload: bytes that the whole file takes; None unless this run has measured all of it.
        payload_is: what ``payload`` is: "archive", or "ideal" for the network's code length.
        model: bytes of the model file; None if there is none.
        program: bytes of the zipped program, without Python and libraries.
        total: the sum, None if a part of it is not known.
        at_least: the sum of what is known.
    """

    corpus: str
    payload: int | None
    payload_is: str | None
    model: int | None
    program: int
    total: int | None
    at_least: int


@dataclass(frozen=True)
class Published:
    """Hold published figures and what has to be read with them.

    Attributes:
        warnings: why the figures cannot be compared as they are; there is always one.
        paper: rows about the paper's network, where the same bytes were measured.
        corpus: the file that ``whole`` and the prize's entries are about.
        whole: rows of results on the whole file.
        own_payload: bytes that this run needed for the whole file; None if it measured another.
        prize: what is known of nncompress in the prize's terms.
    """

    warnings: tuple[str, ...]
    paper: tuple[Row, ...]
    corpus: str
    whole: tuple[Row, ...]
    own_payload: int | None
    prize: PrizeEntry

    def __post_init__(self) -> None:
        if not self.warnings:
            raise ValueError("published figures need a warning")

    def facts(self) -> dict[str, Any]:
        """Return all of it for JSON, with the Hutter Prize's entries."""
        found = asdict(self)
        found["hutter_prize"] = [row for row in rows("hutter_prize") if row["file"] == self.corpus]
        return found


def training_stated(summary: Mapping[str, Any]) -> str | None:
    """Return what a model file says it was trained on; None if it says nothing.

    The network that it started from and those that it learnt from are named too: what they have
    read it knows as well.
    """
    stated = summary.get("trained_on") or summary.get("corpus")
    parts = [str(stated)] if stated else []
    for key, words in (("started_from", "started from"), ("teachers", "learnt from")):
        if before := summary.get(key):
            names = before if isinstance(before, list) else [before]
            parts.append(f"{words} {', '.join(map(str, names))}, whose training counts too")
    return "; ".join(parts) or None


def left_out_stated(summary: Mapping[str, Any]) -> str | None:
    """Return what a model file says was kept out of its training; None if it says nothing."""
    stated = summary.get("left_out")
    return str(stated) if stated else None


def training_warning(name: str, summary: Mapping[str, Any]) -> str:
    """Return what a model may know of Wikipedia, in a sentence or two.

    Args:
        name: the model's name.
        summary: what its file says of its training.
    """
    stated, left_out = training_stated(summary), left_out_stated(summary)
    if stated is None:
        return (
            f"what the model {name} was trained on is not stated in its file: it may have been "
            "trained on these very bytes"
        )
    if WIKIPEDIA.search(stated):
        kept = f"left out were only: {left_out}" if left_out else "what was left out is not stated"
        return (
            f"the model {name} was trained on text of Wikipedia ({stated}), which is what enwik8 "
            f"and enwik9 are made of; {kept}"
        )
    return (
        f"the model {name} was trained on other text ({stated}) before it saw this file; whether "
        "Wikipedia is in that text is not stated"
    )


def choose_published(
    part: str | None, whole: str | None, model: Mapping[str, Any], payload: Mapping[str, Any]
) -> Published | None:
    """Return what was published of the bytes that were measured; None if nothing was.

    Args:
        part: "enwik8 test" if all of that part was measured; what else stands here has no figures.
        whole: "enwik8" or "enwik9" if all of that file was measured, else None.
        model: ``name``, ``size`` in bytes and ``summary`` of the model.
        payload: ``bytes`` that were needed, what they are as ``is``, and the ``program``'s bytes.
    """
    warnings: tuple[str, ...]
    trained = training_warning(model["name"], model["summary"])
    if part == "enwik8 test":
        warnings = (
            f"not comparable: {trained}. The paper's networks were trained on the first 90,000,000 "
            "bytes of enwik8 and nothing else",
            "each lane of a block starts cold here; the paper's networks read on without a break",
        )
        entry = prize_entry("enwik8", None, model["size"], payload["program"])
        everything = tuple(whole_file_rows("enwik8"))
        return Published(warnings, tuple(rows("paper")), "enwik8", everything, None, entry)
    if whole is None:
        return None
    warnings = (
        f"not comparable: {trained}. The programs below know nothing beforehand, unless that is "
        "counted as theirs",
    )
    measured = (payload["bytes"], payload["is"])
    entry = prize_entry(whole, measured, model["size"], payload["program"])
    everything = tuple(whole_file_rows(whole))
    return Published(warnings, (), whole, everything, payload["bytes"], entry)


def prize_entry(
    corpus: str, measured: tuple[int, str] | None, model: int | None, program: int
) -> PrizeEntry:
    """Return the size of nncompress in the prize's terms: program + model + payload.

    Args:
        corpus: "enwik8" or "enwik9".
        measured: bytes that all of it needs, and whether they are "ideal" or an "archive"; None if
            it was not measured.
        model: bytes of the model file; None if there is none.
        program: bytes of the program.
    """
    payload, what = measured or (None, None)
    known = [size for size in (payload, model, program) if size is not None]
    total = sum(known) if len(known) == 3 else None
    return PrizeEntry(corpus, payload, what, model, program, total, sum(known))

"""Write the tables in the project's README from the JSON that the other scripts have left in results/.

    python benchmarks/readme.py

A table stands between ``<!-- benchmark:NAME -->`` and ``<!-- /benchmark:NAME -->``; NAME is one of ``TABLES``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from nncompress.benchmark.compare import Trial
from nncompress.benchmark.table import COLUMNS, cells

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MARKED = re.compile(r"(<!-- benchmark:([\w-]+) -->\n).*?(<!-- /benchmark:\2 -->)", re.DOTALL)

Facts = dict[str, Any]


def markdown(heading: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is text and the others numbers."""
    lines = [heading, ["---"] + ["--:"] * (len(heading) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _trials(rows: list[Facts]) -> list[Trial]:
    names = [field.name for field in fields(Trial)]
    return [Trial(**{name: row[name] for name in names}) for row in rows]


def totals(facts: Facts) -> str:
    """All files together, by codec."""
    trials = sorted(_trials(facts["totals"]), key=lambda trial: trial.compressed or 0)
    return markdown([name for name, _ in COLUMNS], [cells(trial) for trial in trials])


def files(facts: Facts) -> str:
    """Compressed bytes of every file, by codec."""
    trials = _trials(facts["trials"])
    codecs = list(dict.fromkeys(trial.codec for trial in trials))
    packed = {(trial.file, trial.codec): trial.compressed for trial in trials}
    rows = []
    for file, size in dict.fromkeys((trial.file, trial.size) for trial in trials):
        sizes = (packed.get((file, codec)) for codec in codecs)
        rows.append([file, f"{size:,}", *("" if s is None else f"{s:,}" for s in sizes)])
    return markdown(["file", "bytes", *codecs], rows)


def network(facts: Facts) -> str:
    """Bits per byte of the network alone, by file."""
    rows = [
        [row["file"], f"{row['bytes']:,}", f"{row['network']['bits_per_byte']:.4f}"]
        for row in facts["rows"]
    ]
    return markdown(["file", "bytes", "bits per byte"], rows)


def ablation(facts: Facts) -> str:
    """The variants of the paper's network."""
    heading = ["variant", "parameters", "bits per byte, equal bytes", "equal time", "ms a step"]
    bits = {(run["equal"], run["variant"]): run["bits_per_byte"] for run in facts["runs"]}
    rows = []
    for row in facts["variants"]:
        name = row["variant"]
        by_bytes = bits.get(("bytes", name))
        # One that is as fast as the first needed no second run.
        both = (by_bytes, bits.get(("time", name), by_bytes))
        numbers = ["" if number is None else f"{number:.3f}" for number in both]
        pace = f"{1000 * row['processor_seconds_a_step']:.0f}"
        rows.append([name, f"{row['parameters']:,}", *numbers, pace, row["paper"]])
    return markdown([*heading, "the paper"], rows)


TABLES: dict[str, tuple[str, Callable[[Facts], str]]] = {
    "ratio": ("ratio.json", totals),
    "ratio-files": ("ratio.json", files),
    "network": ("network_bits.json", network),
    "ablation": ("ablation.json", ablation),
}


def filled(text: str, results: Path = HERE / "results") -> str:
    """A text with its tables as the JSON under ``results`` has them."""

    def table(match: re.Match[str]) -> str:
        name, render = TABLES[match[2]]
        facts = json.loads((results / name).read_text(encoding="utf-8"))
        return match[1] + render(facts) + match[3]

    return MARKED.sub(table, text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")

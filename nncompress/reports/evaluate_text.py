"""Write the lines that ``nncompress eval`` prints for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .baselines import Row, load, rows, whole_file_rows

UNCOUNTED = "Python and the libraries are not counted"


def evaluation_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the facts of :func:`nncompress.reports.evaluate.evaluate` as lines."""
    what = facts["part"] or facts["file"]
    yield f"{what}: {facts['bytes']:,} bytes"
    if facts["recognised"]:
        yield f"  recognised: {facts['recognised']}"
    model = facts["model"]
    sizes = f"{model['parameters']:,} parameters, {model['size']:,} bytes"
    yield f"  model: {model['name']} {model['identity']}, {sizes}"
    yield f"  trained on: {_training(model['summary'])}"
    yield _bits("network alone, integers", facts["network"])
    if "float" in facts:
        yield _bits("network alone, floats", facts["float"])
        yield f"  integers cost {facts['integer_over_float_percent']:+.3f}% over floats"
    if "coded" in facts:
        yield _bits("archive, as compress makes it", facts["coded"])
    yield from _totals(facts)
    yield from _comparison(facts)


def _training(summary: dict[str, Any]) -> str:
    stated = summary.get("trained_on")
    if not stated:
        return "not stated in the model file; see its card"
    left_out = summary.get("left_out")
    return f"{stated}; left out: {left_out}" if left_out else str(stated)


def _bits(label: str, measured: dict[str, Any]) -> str:
    return (
        f"  {label}: {measured['bits_per_byte']:.4f} bits per byte, {measured['bytes']:,} bytes "
        f"({measured['seconds']:.1f} s)"
    )


def _totals(facts: dict[str, Any]) -> Iterator[str]:
    names = {
        "payload": "payload",
        "payload_and_model": "payload + model",
        "payload_model_and_program": "payload + model + program",
    }
    yield f"  counting what the archive does not carry ({UNCOUNTED}):"
    for key, label in names.items():
        size = facts["totals"][key]
        yield f"    {label:<26} {size:>14,} bytes  {8 * size / facts['bytes']:8.4f} bits per byte"


def _comparison(facts: dict[str, Any]) -> Iterator[str]:
    if facts["part"] == "enwik8 test" and facts["bytes"] == 5_000_000:
        yield "  the paper, on the same held-out bytes, trained on the first 90 MB alone:"
        for row in rows("paper"):
            yield f"    {row['bits_per_byte']:.3f}  {row['network']}{_mark(row)}"
        yield "  for orientation only, results on all of enwik8, programs not trained beforehand:"
        yield from _whole("enwik8", None)
        yield from _sources()
    elif facts["corpus"]:
        payload = facts["totals"]["payload"]
        what = f"on all of {facts['corpus']}, without the program"
        yield f"  {what}; a trained model is knowledge they lack:"
        yield from _whole(facts["corpus"], payload)
        yield from _sources()


def _whole(corpus: str, own: int | None) -> Iterator[str]:
    lines = [(row["size"], row["name"] + _mark(row)) for row in whole_file_rows(corpus)]
    lines += [(own, "<== nncompress, payload alone")] if own is not None else []
    for size, name in sorted(lines):
        yield f"    {size:>14,}  {name}"
    yield f"  Hutter Prize, {corpus}, with the program:"
    yield from _hutter(corpus)


def _hutter(corpus: str) -> Iterator[str]:
    for row in rows("hutter_prize"):
        if row["file"] == corpus:
            total = f"{row['total']:,}" if "total" in row else "not known"
            note = f", {row['note']}" if "note" in row else ""
            words = f"{row['program']}{note}{_mark(row)}"
            yield f"    {row.get('date', 'pending'):<10} {total:>14}  {words}"


def _mark(row: Row) -> str:
    quoted = " (quoted)" if row["kind"] == "quoted" else ""
    return f"{quoted} [{', '.join(row['sources'])}]"


def _sources() -> Iterator[str]:
    yield "  sources; (quoted) is what was seen only where others repeat it:"
    for key, source in load()["sources"].items():
        yield f"    [{key}] {source['kind']}: {source['name']}"


def baseline_lines() -> Iterator[str]:
    """Yield all published figures as lines."""
    yield "The paper's network, bits per byte of the last 5,000,000 bytes of enwik8:"
    for row in rows("paper"):
        yield f"    {row['bits_per_byte']:.3f}  {row['network']}{_mark(row)}"
    for corpus in ("enwik8", "enwik9"):
        where = "Large Text Compression Benchmark and stock commands"
        yield f"{corpus}, bytes without the program ({where}):"
        yield from _whole(corpus, None)
    yield from _sources()

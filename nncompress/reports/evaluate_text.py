"""Write the lines that ``nncompress eval`` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .baselines import Row, load, rows, whole_file_rows
from .published import UNCOUNTED

_Facts = Mapping[str, Any]

WARNING_START = "  warning: "
"""How the lines begin that have to be read before the figures below them."""


def evaluation_lines(facts: _Facts) -> Iterator[str]:
    """Yield the facts of :func:`nncompress.reports.evaluate.evaluate` as lines."""
    yield from _models(facts)
    yield ""
    yield from _table(facts)
    yield ""
    yield from _seconds(facts)
    if facts["against"]:
        yield from _paired(facts)
    yield from _counted(facts)
    if facts["published"]:
        yield from _published(facts["published"])


def _models(facts: _Facts) -> Iterator[str]:
    for role in ("model", "against"):
        if model := facts[role]:
            sizes = f"{model['parameters']:,} parameters, {model['size']:,} bytes"
            yield f"{role}: {model['name']} {model['identity']}, {sizes}"
            yield f"  trained on: {model['trained_on'] or 'not stated in the model file'}"
            if model["left_out"]:
                yield f"  left out: {model['left_out']}"


def _table(facts: _Facts) -> Iterator[str]:
    """Yield a line a file, and one for all if there are several."""
    rows = []
    for file in facts["files"]:
        rows.append([file["part"] or file["file"], *_cells(facts, file)])
    if len(rows) > 1:
        rows.append([f"all {len(rows)} files", *_cells(facts, facts["total"])])
    yield from _aligned([_heading(facts), *rows])
    for file in facts["files"]:
        if file["recognised"]:
            yield f"  {file['file']}: {file['recognised']}"


def _heading(facts: _Facts) -> list[str]:
    total, name = facts["total"], facts["model"]["name"]
    heading = ["file", "bytes", "payload", f"{name}, bits/byte"]
    if "float" in total:
        heading += ["floats, bits/byte", "integers cost"]
    if facts["against"]:
        heading += [f"{facts['against']['name']}, bits/byte", "difference", "in percent"]
    if "coded" in total:
        heading += ["archive", "bits/byte"]
        if facts["against"]:
            heading += [f"{facts['against']['name']}'s archive", "in percent"]
    return heading


def _cells(facts: _Facts, row: _Facts) -> list[str]:
    network = row["network"]
    cells = [f"{row['bytes']:,}", f"{network['bytes']:,}", f"{network['bits_per_byte']:.4f}"]
    if "float" in row:
        cost = row["integer_over_float_percent"]
        cells += [f"{row['float']['bits_per_byte']:.4f}", f"{cost:+.3f}%"]
    if facts["against"]:
        differs = row["difference"]["network"]
        cells.append(f"{row['against']['network']['bits_per_byte']:.4f}")
        cells += [f"{differs['bits_per_byte']:+.4f}", f"{differs['percent']:+.2f}%"]
    if "coded" in row:
        cells += [f"{row['coded']['bytes']:,}", f"{row['coded']['bits_per_byte']:.4f}"]
        if facts["against"]:
            cells.append(f"{row['against']['coded']['bytes']:,}")
            cells.append(f"{row['difference']['coded']['percent']:+.2f}%")
    return cells


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        numbers = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join(["", first.ljust(widths[0]), *numbers]).rstrip()


def _seconds(facts: _Facts) -> Iterator[str]:
    """Say what the figures are, and how long they took."""
    total = facts["total"]
    yield f"  bits/byte: the network alone, in the blocks and lanes of level {facts['level']}"
    if "coded" in total:
        yield "  archive: as compress makes it, with the mixer"
    took = [f"{total[what]['seconds']:.1f} s {what}" for what in ("network", "float", "coded")
            if what in total]  # fmt: skip
    yield f"  took {', '.join(took)}"


def _paired(facts: _Facts) -> Iterator[str]:
    """Say what the differences by file come to; each file counts the same."""
    names = {"network": "network alone", "coded": "archives"}
    own, other = facts["model"]["name"], facts["against"]["name"]
    for what, found in facts["total"]["paired"].items():
        error = found["standard_error"]
        around = f" ± {error:.4f} (standard error)" if error is not None else ""
        files = facts["total"]["files"]
        yield (
            f"  {names[what]}, {own} less {other}: mean of the files {found['mean']:+.4f}{around} "
            f"bits per byte; smaller on {found['smaller']} of {files}, larger on {found['larger']}"
        )


def _counted(facts: _Facts) -> Iterator[str]:
    names = {
        "payload": "payload",
        "payload_and_model": "payload + model",
        "payload_model_and_program": "payload + model + program",
    }
    size = facts["total"]["bytes"]
    for role in ("model", "against"):
        if model := facts[role]:
            yield f"  {model['name']}, counting what archives do not carry ({UNCOUNTED}):"
            for key, label in names.items():
                count = model["counted"][key]
                yield f"    {label:<26} {count:>14,} bytes  {8 * count / size:8.4f} bits per byte"


def _published(found: _Facts) -> Iterator[str]:
    """Yield the warnings, and only then the figures."""
    for warning in found["warnings"]:
        yield f"{WARNING_START}{warning}"
    if found["paper"]:
        yield "  the paper, bits per byte of the last 5,000,000 bytes of enwik8:"
        yield from _paper(found["paper"])
        yield "  for orientation only, results on all of enwik8:"
    else:
        yield f"  on all of {found['corpus']}, without the program:"
    yield from _whole(found["whole"], found["own_payload"])
    yield from _hutter(found["corpus"], found["prize"])
    yield from _sources()


def _paper(found: Sequence[Row]) -> Iterator[str]:
    for row in found:
        yield f"    {row['bits_per_byte']:.3f}  {row['network']}{_mark(row)}"


def _whole(found: Sequence[Row], own: int | None) -> Iterator[str]:
    lines = [(row["size"], row["name"] + _mark(row)) for row in found]
    lines += [(own, "<== nncompress, payload alone")] if own is not None else []
    for size, name in sorted(lines):
        yield f"    {size:>14,}  {name}"


def _hutter(corpus: str, own: _Facts) -> Iterator[str]:
    yield f"  Hutter Prize, {corpus}, with the program:"
    for row in rows("hutter_prize"):
        if row["file"] == corpus:
            total = f"{row['total']:,}" if "total" in row else "not known"
            note = f", {row['note']}" if "note" in row else ""
            words = f"{row['program']}{note}{_mark(row)}"
            yield f"    {row.get('date', 'pending'):<10} {total:>14}  {words}"
    yield from _own_entry(own)


def _own_entry(own: _Facts) -> Iterator[str]:
    """Say what is known of nncompress in the prize's terms, and what is not."""
    total = "not known" if own["total"] is None else f"{own['total']:,}"
    yield f"    {'no entry':<10} {total:>14}  <== nncompress: program + model + payload"
    kinds = {"ideal": "code length of the network alone", "archive": "archive as compress makes it"}
    parts = [
        ("program", own["program"], f"its source, zipped; {UNCOUNTED}"),
        ("model", own["model"], "the model file"),
        ("payload", own["payload"], kinds.get(own["payload_is"], f"all of {own['corpus']}")),
    ]
    for name, size, what in parts:
        shown = "not known" if size is None else f"{size:,}"
        yield f"    {name:>10} {shown:>14}  {what}"
    if own["total"] is None:
        yield f"    {'in all':>10} {'over ' + format(own['at_least'], ','):>14}"
        if own["payload"] is None:
            command = f"nncompress eval {own['corpus']} --coded"
            yield f"    all of {own['corpus']} was not measured here; '{command}' measures it"
    yield "    not known: the size of Python and libraries, which the prize counts too, and whether"
    yield "    its limits of time and memory would be kept"


def _mark(row: Row) -> str:
    quoted = " (quoted)" if row["kind"] == "quoted" else ""
    return f"{quoted} [{', '.join(row['sources'])}]"


def _sources() -> Iterator[str]:
    yield "  sources; (quoted) is what was seen only where others repeat it:"
    for key, source in load()["sources"].items():
        yield f"    [{key}] {source['kind']}: {source['name']}"


def baseline_lines(own: _Facts) -> Iterator[str]:
    """Yield all published figures as lines.

    Args:
        own: what :func:`nncompress.reports.sizes.own_baselines` found.
    """
    yield f"{WARNING_START.lstrip()}{own['warning']}"
    yield "The paper's network, bits per byte of the last 5,000,000 bytes of enwik8:"
    yield from _paper(rows("paper"))
    for entry in own["entries"]:
        where = "Large Text Compression Benchmark and stock commands"
        yield f"{entry['corpus']}, bytes without the program ({where}):"
        yield from _whole(whole_file_rows(entry["corpus"]), None)
        yield from _hutter(entry["corpus"], entry)
    yield from _sources()

"""Format trials as tables: for the terminal, as Markdown, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from .compare import Trial, totals

Column = tuple[str, Callable[[Trial], str]]
"""A heading, and what makes a trial's cell."""


def _number(value: float | None, form: str, scale: float = 1.0) -> str:
    return "" if value is None else format(value if scale == 1 else value / scale, form)


def _speed(value: float | None) -> str:
    return _number(value, ".3g" if value is None or value >= 1e5 else ".4f", 1e6)


TRIAL_COLUMNS: tuple[Column, ...] = (
    ("codec", lambda t: t.label),
    ("bytes", lambda t: _number(t.compressed, ",")),
    ("bits/byte", lambda t: _number(t.bits_per_byte, ".3f")),
    ("ratio", lambda t: _number(t.ratio, ".2f")),
    ("pack s", lambda t: _number(t.compress_seconds, ".2f")),
    ("pack MB/s", lambda t: _speed(t.compress_speed)),
    ("unpack s", lambda t: _number(t.decompress_seconds, ".2f")),
    ("unpack MB/s", lambda t: _speed(t.decompress_speed)),
    ("mem MB", lambda t: _number(t.peak_memory, ",.0f", 1e6)),
    ("ok", lambda t: "yes" if t.restored else ""),
)
RUN_COLUMNS: tuple[Column, ...] = (
    ("codec", lambda t: t.label),
    ("version", lambda t: t.version or "not known"),
    ("date", lambda t: t.date[:10]),
    ("command", lambda t: t.command),
)
RUNS_TITLE = "How each was run"
NOTES = (
    "Every file was restored and compared unless a line says otherwise. Seconds leave out starting "
    "Python and loading libraries; memory is the whole process's."
)


def sections(trials: Sequence[Trial]) -> list[tuple[str, list[Trial]]]:
    """Return one section a file and, if there are several, one for all.

    Each is a title and its trials, the smallest first and failures last.
    """
    found = [(name, list(group)) for name, group in groupby(trials, key=lambda trial: trial.file)]
    if len(found) > 1:
        found.append((f"all {len(found)} files", totals(trials)))
    return [
        (f"{name}, {own[0].size:,} bytes", sorted(own, key=_order)) for name, own in found if own
    ]


def _order(trial: Trial) -> tuple[bool, int]:
    return trial.error is not None, trial.compressed or 0


def runs(trials: Sequence[Trial]) -> list[list[str]]:
    """Return for each peer a row of :data:`RUN_COLUMNS`, that of its first run that worked."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        if trial.command:
            found.setdefault(trial.label, [show(trial) for _, show in RUN_COLUMNS])
    return list(found.values())


def not_run(absent: Sequence[str]) -> str:
    """Return a line that names the programs that were not there; none gives an empty one."""
    return f"Not run, since not on PATH: {', '.join(absent)}." if absent else ""


def cells(trial: Trial) -> list[str]:
    """Return a trial's row; where it failed, the reason stands in the second cell."""
    if trial.error is not None:
        return [trial.label, trial.error] + [""] * (len(TRIAL_COLUMNS) - 2)
    return [show(trial) for _, show in TRIAL_COLUMNS]


def markdown(trials: Sequence[Trial]) -> str:
    """Return the sections as GitHub tables."""
    return "\n".join(_markdown_lines(trials)) + "\n"


def _markdown_lines(trials: Sequence[Trial]) -> Iterator[str]:
    for title, own in sections(trials):
        yield f"**{_escaped(title)}**"
        yield ""
        yield "| " + " | ".join(name for name, _ in TRIAL_COLUMNS) + " |"
        yield "|---" + "|--:" * (len(TRIAL_COLUMNS) - 2) + "|---|"
        for trial in own:
            yield "| " + " | ".join(map(_escaped, cells(trial))) + " |"
        yield ""
    if ran := runs(trials):
        yield f"**{RUNS_TITLE}**"
        yield ""
        yield "| " + " | ".join(name for name, _ in RUN_COLUMNS) + " |"
        yield "|---" * len(RUN_COLUMNS) + "|"
        for row in ran:
            yield "| " + " | ".join(map(_escaped, row)) + " |"
        yield ""
    yield NOTES


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def comma_separated(trials: Sequence[Trial]) -> str:
    """Return CSV with one line a trial, a line of names first; numbers are exact."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(Trial("", 0, "").facts()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(trial.facts() for trial in trials)
    return out.getvalue()


def plain(trials: Sequence[Trial]) -> str:
    """Return the sections in aligned columns, without any drawing."""
    return "\n".join(_plain_lines(trials)) + "\n"


def _plain_lines(trials: Sequence[Trial]) -> Iterator[str]:
    for title, own in sections(trials):
        rows = [cells(trial) for trial in own if trial.error is None]
        table = [[name for name, _ in TRIAL_COLUMNS], *rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        widths[0] = max(len(trial.label) for trial in own)
        yield title
        for first, *rest in table:
            numbers = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            yield "  ".join(["", first.ljust(widths[0]), *numbers]).rstrip()
        for trial in own:
            if trial.error is not None:
                yield f"  {trial.label.ljust(widths[0])}  {trial.error}"
        yield ""
    yield from _run_lines(trials)
    yield NOTES


def _run_lines(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield how each peer was run; commands last, since they are of any length."""
    ran = runs(trials)
    if not ran:
        return
    widths = [max(len(row[place]) for row in ran) for place in range(3)]
    yield RUNS_TITLE
    for *first, command in ran:
        words = (cell.ljust(width) for cell, width in zip(first, widths, strict=True))
        yield "  ".join(["", *words, command])
    yield ""


def print_rich(trials: Sequence[Trial]) -> None:
    """Print the sections with rich.

    Raises:
        ImportError: it is not installed.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for title, own in sections(trials):
        table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1, 0, 0))
        for index, (name, _) in enumerate(TRIAL_COLUMNS):
            # Headings take two lines so that the table fits a terminal of 80 columns.
            heading = name.replace(" ", "\n").replace("bits/", "bits/\n")
            table.add_column(heading, justify="right" if index else "left", no_wrap=True)
        for trial in own:
            if trial.error is None:
                style = "bold" if trial.label.startswith("nncompress") else ""
                table.add_row(*map(Text, cells(trial)), style=style)
        console.print(table)
        for trial in own:
            if trial.error is not None:
                console.print(Text(f"{trial.label}: {trial.error}", style="red"))
    for line in _run_lines(trials):
        console.print(Text(line, style="dim"))
    console.print(Text(NOTES, style="dim"))

"""Make the page of ``nncompress compare --html``: tables, chart, surprise map of the first file."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from nncompress.archive.codec import no_progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import NNCompressError
from nncompress.reports import SHOWN_BYTES

from . import page, surprise_page, table
from .compare import Trial


def comparison_page(
    trials: Sequence[Trial],
    first: tuple[str, bytes],
    options: CodingOptions,
    absent: Sequence[str] = (),
) -> str:
    """Return the page for trials.

    Args:
        trials: what the tables and the chart show.
        first: name and contents of the file that the map is of.
        options: how the map's bytes are coded.
        absent: names of programs that were not there.
    """
    sections = [
        (
            title,
            [[trial.label, trial.error] if trial.error else table.cells(trial) for trial in own],
        )
        for title, own in table.sections(trials)
    ]
    body = page.comparison_body(sections, [name for name, _ in table.TRIAL_COLUMNS], table.NOTES)
    body += _chart(trials)
    ran = [(table.RUNS_TITLE, table.runs(trials))]
    names = [name for name, _ in table.RUN_COLUMNS]
    body += page.comparison_body(ran, names, table.not_run(absent), words=True)
    added, script = _map(*first, options)
    style = surprise_page.surprise_style() if script else ""
    return page.page("nncompress and other compressors", body + added, script, style)


def _chart(trials: Sequence[Trial]) -> str:
    if importlib.util.find_spec("matplotlib") is None:
        return "<p>No chart: matplotlib is not installed.</p>\n"
    from .plot import NARROW_INCHES, draw

    wide, narrow = draw(trials, "svg"), draw(trials, "svg", NARROW_INCHES)
    words = "Size against speed, of each codec; the table above has the same figures"
    return page.heading("Size against speed") + page.picture(wide, words, narrow)


def _map(name: str, data: bytes, options: CodingOptions) -> tuple[str, str]:
    """Return markup and script of the surprise map; where there can be none, why."""
    from .explain import explain

    part = f", first {SHOWN_BYTES:,} bytes" if len(data) > SHOWN_BYTES else ""
    heading = page.heading(f"{name}{part}: what every byte costs")
    try:
        surprise = explain(data[:SHOWN_BYTES], options, no_progress)
    except NNCompressError as error:
        return heading + page.paragraph(f"There is no map: {error}"), ""
    body = heading + surprise_page.surprise_body(surprise)
    return body, surprise_page.surprise_script() if data else ""

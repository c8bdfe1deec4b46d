"""The page of ``nncompress compare --html``: the tables, the chart, and the surprise map of the first file."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from nncompress.coding.options import CodingOptions
from nncompress.errors import NNCompressError

from . import page, table
from .compare import Trial
from .peers import Settings

SHOWN = 100_000
"""Bytes of a file that a surprise map has room for."""


def comparison_page(trials: Sequence[Trial], first: tuple[str, bytes], settings: Settings) -> str:
    """The page for trials; ``first`` is the name and the contents of the file that the map is of."""
    sections = [
        (
            title,
            [[trial.codec, trial.error] if trial.error else table.cells(trial) for trial in own],
        )
        for title, own in table.sections(trials)
    ]
    body = page.comparison_body(sections, [name for name, _ in table.COLUMNS], table.NOTES)
    body += _chart(trials)
    added, script = _map(*first, settings)
    return page.page("nncompress and other compressors", body + added, script)


def _chart(trials: Sequence[Trial]) -> str:
    if importlib.util.find_spec("matplotlib") is None:
        return "<p>No chart: matplotlib is not installed.</p>\n"
    from .plot import draw

    return "<h2>Ratio against speed</h2>\n" + page.picture(draw(trials, "svg"), "Ratio and speed")


def _map(name: str, data: bytes, settings: Settings) -> tuple[str, str]:
    """Markup and script of the surprise map; where there can be none, why."""
    from .explain import explain

    part = f", first {SHOWN:,} bytes" if len(data) > SHOWN else ""
    heading = page.heading(f"{name}{part}: what every byte costs")
    options = CodingOptions(settings.model, settings.level, threads=settings.threads)
    try:
        surprise = explain(data[:SHOWN], options, lambda done: None)
    except NNCompressError as error:
        return heading + page.paragraph(f"There is no map: {error}"), ""
    return heading + page.surprise_body(surprise), page.surprise_script() if data else ""

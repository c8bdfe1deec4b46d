"""Draw ratio against speed, with the line of those that nothing else beats in both."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

from nncompress.errors import ConfigError

from .compare import Trial
from .libraries import EXTRAS
from .table import sections

FORMATS = (".png", ".svg")
"""Suffixes of the files that can be drawn."""


def require_matplotlib(target: Path) -> None:
    """Check that a file can be drawn, before anything is measured.

    Raises:
        ConfigError: its format is not known, or matplotlib is missing.
    """
    if target.suffix.lower() not in FORMATS:
        raise ConfigError(f"{target}: a plot is {' or '.join(FORMATS)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(f"plots need matplotlib: {EXTRAS}")


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (speed, ratio) that no other equals or beats in both, fastest first."""
    best: list[tuple[float, float]] = []
    for point in sorted(set(points), reverse=True):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best


def draw(trials: Sequence[Trial], form: str) -> bytes:
    """Draw the last section: all files together, if there are several.

    Matplotlib's state is not touched.

    Args:
        trials: what to draw.
        form: "png" or "svg".

    Returns:
        The contents of the file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 9), layout="constrained")
    FigureCanvasAgg(figure)
    title, own = sections(trials)[-1]
    for axes, way in zip(figure.subplots(2, 1), ("compress", "decompress"), strict=True):
        points = {}
        for trial in own:
            speed = getattr(trial, f"{way}_speed")
            if speed and trial.ratio:
                points[trial.codec] = (speed / 1e6, trial.ratio)
        for name, (speed, ratio) in points.items():
            colour = "tab:red" if name.startswith("nncompress") else "tab:blue"
            axes.plot(speed, ratio, "o", color=colour)
            axes.annotate(name, (speed, ratio), xytext=(5, 4), textcoords="offset points")
        line = pareto(list(points.values()))
        if line:
            axes.plot(*zip(*line, strict=True), "--", color="grey", linewidth=1)
        axes.set(xscale="log", xlabel=f"{way}: MB/s", ylabel="ratio")
        axes.margins(0.18, 0.12)
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=form)
    return drawn.getvalue()

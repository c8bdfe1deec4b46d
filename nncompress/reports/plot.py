"""Draw size against speed, with the line of those that nothing else beats in both."""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncompress.errors import ConfigError

from .compare import Trial
from .labels import Box, place_labels
from .libraries import EXTRAS
from .table import sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
"""Suffixes of the files that can be drawn."""

WIDE_INCHES, NARROW_INCHES = (8.0, 9.0), (4.0, 9.5)
"""Width and height of pictures in inches: for files and large screens, and for small ones."""

OWN_COLOUR, OTHER_COLOUR = "tab:red", "tab:blue"

POINT_RADIUS = 6.0
"""Pixels around a point, at matplotlib's 100 an inch, that labels keep clear of."""

LEADER_FROM = 14.0
"""Pixels from which a line leads from a point to its label."""


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
    """Return the points (speed, size) that no other equals or beats in both, fastest first."""
    best: list[tuple[float, float]] = []
    for speed, size in sorted(set(points), key=lambda point: (-point[0], point[1])):
        if not best or size < best[-1][1]:
            best.append((speed, size))
    return best


def draw(trials: Sequence[Trial], form: str, inches: tuple[float, float] = WIDE_INCHES) -> bytes:
    """Draw the last section: all files together, if there are several.

    Matplotlib's state is not touched.

    Args:
        trials: what to draw.
        form: "png" or "svg".
        inches: width and height of the picture.

    Returns:
        The contents of the file.
    """
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font does not have
        figure(trials, inches).savefig(drawn, format=form)
    return drawn.getvalue()


def figure(trials: Sequence[Trial], inches: tuple[float, float] = WIDE_INCHES) -> Figure:
    """Return the drawing of :func:`draw`, with labels in their places."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(made)
    title, own = sections(trials)[-1]
    made.suptitle(_printable(title), wrap=True, parse_math=False)
    drawn = []
    for axes, way in zip(made.subplots(2, 1), ("compress", "decompress"), strict=True):
        points = {}
        for trial in own:
            speed = getattr(trial, f"{way}_speed")
            if speed and trial.compressed and trial.error is None:
                points[trial.label] = (speed / 1e6, 100 * trial.compressed / trial.size)
        _scatter(axes, points)
        axes.set(xlabel=f"{way}: MB/s, faster to the right", ylabel="size, % (lower is smaller)")
        drawn.append((axes, points))
    # Labels are placed where points lie in the picture, which is known only after the layout.
    made.draw_without_rendering()
    made.set_layout_engine("none")
    for axes, points in drawn:
        _label(axes, points)
    return made


def _printable(text: str) -> str:
    """Return text without what cannot be drawn or written: control characters and lone bytes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _scatter(axes: Any, points: dict[str, tuple[float, float]]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for name, point in points.items():
        axes.plot(*point, "o", color=_colour(name))
    if line := pareto(list(points.values())):
        axes.plot(*zip(*line, strict=True), "--", color="grey", linewidth=1, zorder=0)
    axes.margins(0.12, 0.12)
    axes.grid(alpha=0.3)


def _colour(name: str) -> str:
    return OWN_COLOUR if name.startswith("nncompress") else OTHER_COLOUR


def _label(axes: Any, points: dict[str, tuple[float, float]]) -> None:
    """Write the names beside the points, smallest files first: theirs are the best places."""
    names = sorted(points, key=lambda name: points[name][1])
    places = [tuple(axes.transData.transform(points[name])) for name in names]
    area = Box(*axes.get_window_extent().extents)
    behind = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5}
    texts = [
        axes.annotate(
            _printable(name),
            points[name],
            fontsize=9,
            color=_colour(name),
            va="bottom",
            bbox=behind,
            parse_math=False,
        )
        for name in names
    ]
    sizes = [(extent.width, extent.height) for extent in (t.get_window_extent() for t in texts)]
    for text, (x, y), box in zip(
        texts, places, place_labels(places, sizes, area, POINT_RADIUS), strict=True
    ):
        if box is None:  # more names than the picture has room for
            text.remove()
            continue
        pixels = axes.figure.dpi / 72
        text.set_anncoords("offset points")
        text.set_position(((box.left - x) / pixels, (box.bottom - y) / pixels))
        nearest = (min(max(x, box.left), box.right), min(max(y, box.bottom), box.top))
        if abs(nearest[0] - x) + abs(nearest[1] - y) > LEADER_FROM:
            ends = axes.transData.inverted().transform([(x, y), nearest])
            axes.plot(*zip(*ends, strict=True), color="grey", linewidth=0.6, zorder=0)

"""Show how a training run went, from its log: a table, or a picture."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from nncompress.errors import ConfigError
from nncompress.files.output import os_failure

from .plot import FORMATS, require_matplotlib

CURVE_COLUMNS = ("step", "bytes", "seconds", "rate", "bits_per_byte", "held_out_bits_per_byte")


def require_curve(target: Path) -> None:
    """Check before the training that its curve can be drawn.

    Raises:
        ConfigError: the suffix of ``target`` is unknown, or matplotlib is missing.
    """
    if target.suffix.lower() == ".csv":
        return
    if target.suffix.lower() not in FORMATS:
        raise ConfigError(f"{target}: a curve is .csv, {' or '.join(FORMATS)}")
    require_matplotlib(target)


def training_curve(log: Path, form: str) -> bytes:
    """Return the curve of a run.

    Args:
        log: the run's log, a JSON object a line.
        form: "csv", "png" or "svg".

    Raises:
        FileError: the log cannot be read.
        ConfigError: it is no log.
    """
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise os_failure(log, error) from None
    try:
        points = [_point(json.loads(text)) for text in lines]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{log}: is no log of a training run") from None
    return _table(points) if form == "csv" else _picture(points, form)


def _point(entry: dict[str, Any]) -> dict[str, Any]:
    held_out = entry.get("validation", {}).get("mean")
    return {name: entry.get(name) for name in CURVE_COLUMNS} | {"held_out_bits_per_byte": held_out}


def _table(points: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, CURVE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    return text.getvalue().encode()


def _picture(points: list[dict[str, Any]], form: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, label, style in (
        ("bits_per_byte", "text trained on", "-"),
        ("held_out_bits_per_byte", "held-out text", "o-"),
    ):
        found = [(p["bytes"] / 1e6, p[name]) for p in points if p[name] is not None]
        if found:
            axes.plot(*zip(*found, strict=True), style, label=label)
    axes.set(xlabel="MB read", ylabel="bits per byte")
    axes.grid(alpha=0.3)
    axes.legend()
    drawn = io.BytesIO()
    figure.savefig(drawn, format=form)
    return drawn.getvalue()

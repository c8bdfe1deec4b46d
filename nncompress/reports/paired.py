"""Compare two models on the same bytes: the difference of each file, and what it is over all."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def difference(own: float, other: float, size: int) -> dict[str, float]:
    """Return how two sizes of the same bytes differ; what is negative is in favour of the first.

    Args:
        own: bits of the model.
        other: bits of the one that it is compared with, above 0.
        size: the bytes that were measured, above 0.

    Returns:
        ``bits_per_byte`` and ``bytes``, own less other, and ``percent`` of the other.
    """
    return {
        "bits_per_byte": (own - other) / size,
        "bytes": (own - other) / 8,
        "percent": 100 * (own / other - 1),
    }


def paired_statistics(differences: Sequence[float]) -> dict[str, Any]:
    """Return what the differences in bits per byte say when every file counts the same.

    Args:
        differences: one for each file, at least one.

    Returns:
        ``mean``; ``standard_error`` of it, None for a single file; the number of files that are
        ``smaller`` and ``larger`` by the model than by the other.
    """
    spread = statistics.stdev(differences) if len(differences) > 1 else None
    return {
        "mean": statistics.fmean(differences),
        "standard_error": None if spread is None else spread / len(differences) ** 0.5,
        "smaller": sum(value < 0 for value in differences),
        "larger": sum(value > 0 for value in differences),
    }

"""Find places for labels beside points, so that no label lies on another, on a point or outside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DIRECTIONS = (0, 180, 30, 330, 150, 210, 90, 270, 60, 300, 120, 240)
"""Degrees in which a label is tried around its point, the most readable first."""


@dataclass(frozen=True)
class Box:
    """Hold a rectangle: its left, bottom, right and top, in any unit."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Return whether two rectangles share an area."""
        across = self.left < other.right and other.left < self.right
        return across and self.bottom < other.top and other.bottom < self.top

    def holds(self, other: Box) -> bool:
        """Return whether another rectangle lies within this one."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.bottom <= other.bottom and other.top <= self.top


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    area: Box,
    radius: float,
) -> list[Box | None]:
    """Place one label for each point, as near to it as there is room.

    Labels are placed one after the other, each at the first free place on circles around its point
    that get larger. It is simpler than methods that move all labels at once, and never leaves two
    on each other.

    Args:
        points: (x, y) of each.
        sizes: (width, height) of each label, in the same unit.
        area: where labels may lie.
        radius: that of a point as drawn, with the room to leave around it.

    Returns:
        The rectangle of each label, in the order of points; None for one that has no room at all.
    """
    taken = [Box(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    found = []
    for point, size in zip(points, sizes, strict=True):
        free = (
            box
            for box in _candidates(point, size, area, radius)
            if area.holds(box) and not any(box.overlaps(other) for other in taken)
        )
        box = next(free, None)
        if box is not None:
            taken.append(box)
        found.append(box)
    return found


def _candidates(
    point: tuple[float, float], size: tuple[float, float], area: Box, radius: float
) -> Iterator[Box]:
    """Yield the places for a label, from near its point to as far as the area goes."""
    (x, y), (width, height) = point, size
    step = max(radius, height / 2)
    farthest = math.hypot(area.right - area.left, area.top - area.bottom)
    for ring in range(int(farthest / step) + 1):
        away = radius + ring * step
        for degrees in DIRECTIONS:
            across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            # The label's nearest edge or corner is what lies at that distance.
            left = (
                x
                + away * across
                + width * (across / 2 - 0.5 if abs(across) < 0.9 else _side(across))
            )
            bottom = y + away * up + height * (up - 1) / 2
            yield Box(left, bottom, left + width, bottom + height)


def _side(across: float) -> float:
    return 0.0 if across > 0 else -1.0

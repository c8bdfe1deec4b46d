"""Into how many groups the lanes of a block are cut where there is a network.

One group's network runs beside another's, or beside the mixer and the coder, on a core of its own. A byte takes no less
work in groups of more than 16 lanes, and in smaller ones so much more that a second core gains little. The groups
decide the order of coding, and so are part of what an archive means.
"""

from __future__ import annotations

GROUPS = ((256, 8), (64, 4), (16, 2))
"""From so many lanes on they form so many groups; the most first."""

MOST_GROUPS = GROUPS[0][1]

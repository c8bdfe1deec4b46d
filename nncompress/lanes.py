"""Cut a block into lanes that advance in lockstep, and the lanes into groups.

This is the one place that says which byte stands in which lane and step, and so decides the order
of coding: it is part of what an archive means. FORMAT.md says the same in prose, under "Lanes".
NumPy is imported when bytes are cut, and not before: levels, and with them every command's options,
import this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nncompress.errors import DamagedArchiveError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_LANES_BITS = 12
"""log2 of the most lanes that a block can have."""

MAX_STEPS = 1 << 20
"""Longest lane that a reader takes beside a network: that of the largest block there can be in 16
lanes, as many as the highest level has. It bounds the time that a forged archive can take."""

GROUPS = ((256, 8), (64, 4), (16, 2))
"""From so many lanes on they form so many groups beside a network; the most first.

One group's network runs beside another's, or beside the mixer and the coder, on a core of its own.
A byte takes no less work in groups of more than 16 lanes, and in smaller ones so much more that a
second core gains little."""

MOST_GROUPS = GROUPS[0][1]
"""The most groups that a block can have."""


@dataclass(frozen=True)
class Layout:
    """``size`` bytes in ``lanes`` lanes: contiguous and in order.

    The first ``size % lanes`` lanes are a byte longer than the others.

    Step t codes byte t of every lane that has one: the groups in turn, a group's eight bit planes
    in turn.
    """

    size: int
    lanes: int

    @property
    def steps(self) -> int:
        """Length of the longest lane."""
        return -(-self.size // self.lanes)

    def active(self, step: int) -> int:
        """Count the lanes that have a byte at this step; they are the first ones."""
        return self.lanes if (step + 1) * self.lanes <= self.size else self.size % self.lanes

    def starts(self) -> NDArray[np.int64]:
        """Return where in the block each lane's first byte stands, int64 [lanes]."""
        import numpy as np

        short, longer = divmod(self.size, self.lanes)
        lane = np.arange(self.lanes, dtype=np.int64)
        return lane * short + np.minimum(lane, longer)

    def groups(self) -> list[tuple[int, int]]:
        """Return the lanes of each group beside a network, as (first, one past the last).

        Groups are equal parts; few lanes form one.
        """
        count = next((n for lanes, n in GROUPS if self.lanes >= lanes), 1)
        size = self.lanes // count
        return [(first, first + size) for first in range(0, self.lanes, size)]

    def cut(self, data: bytes) -> NDArray[np.uint8]:
        """Return the bytes by step and lane, uint8 [steps, lanes]; 0 past a lane's end."""
        import numpy as np

        table = np.zeros((self.lanes, self.steps), dtype=np.uint8)
        table[self._inside()] = np.frombuffer(data, dtype=np.uint8)
        return np.ascontiguousarray(table.T)

    def join(self, table: NDArray[np.uint8]) -> bytes:
        """Undo :meth:`cut`."""
        data: bytes = table.T[self._inside()].tobytes()
        return data

    def _inside(self) -> NDArray[np.bool_]:
        import numpy as np

        short, longer = divmod(self.size, self.lanes)
        lengths = short + (np.arange(self.lanes) < longer)
        return np.arange(self.steps) < lengths[:, None]


def read_layout(size: int, lanes_bits: int, *, network: bool) -> Layout:
    """Return the layout that an archive's numbers name.

    Args:
        size: raw bytes of the block.
        lanes_bits: log2 of the number of lanes.
        network: whether a network reads the lanes, for which each step takes long.

    Raises:
        DamagedArchiveError: there can be no such layout.
    """
    if lanes_bits > MAX_LANES_BITS or (lanes_bits and 1 << lanes_bits > size):
        raise DamagedArchiveError(f"damaged archive: {size} bytes in 2**{lanes_bits} lanes")
    layout = Layout(size, 1 << lanes_bits)
    if network and layout.steps > MAX_STEPS:
        raise DamagedArchiveError(f"damaged archive: {size} bytes in only 2**{lanes_bits} lanes")
    return layout

"""How a block is cut into lanes that advance in lockstep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncompress.coding.groups import GROUPS
from nncompress.errors import DamagedArchiveError

MAX_LANES_BITS = 12

MAX_STEPS = 1 << 20
"""Longest lane that a reader takes: that of the largest block there can be in 16 lanes, as many as the highest level
has. It bounds the time that a forged archive can take."""


@dataclass(frozen=True)
class Layout:
    """``size`` bytes in ``lanes`` lanes: contiguous, in order, the first ``size % lanes`` a byte longer.

    Step t codes byte t of every lane that has one: the groups in turn, a group's eight bit planes in turn.
    """

    size: int
    lanes: int

    @property
    def steps(self) -> int:
        """Length of the longest lane."""
        return -(-self.size // self.lanes)

    def active(self, step: int) -> int:
        """How many lanes have a byte at this step; they are the first ones."""
        return self.lanes if (step + 1) * self.lanes <= self.size else self.size % self.lanes

    def groups(self) -> list[tuple[int, int]]:
        """Ranges of lanes that make the groups beside a network: equal parts, one where there are few lanes."""
        count = next((n for lanes, n in GROUPS if self.lanes >= lanes), 1)
        size = self.lanes // count
        return [(first, first + size) for first in range(0, self.lanes, size)]

    def cut(self, data: bytes) -> NDArray[np.uint8]:
        """The bytes by step and lane, uint8 [steps, lanes], C-contiguous; past a lane's end it holds 0."""
        table = np.zeros((self.lanes, self.steps), dtype=np.uint8)
        table[self._inside()] = np.frombuffer(data, dtype=np.uint8)
        return np.ascontiguousarray(table.T)

    def join(self, table: NDArray[np.uint8]) -> bytes:
        """Undo :meth:`cut`."""
        data: bytes = table.T[self._inside()].tobytes()
        return data

    def _inside(self) -> NDArray[np.bool_]:
        short, longer = divmod(self.size, self.lanes)
        lengths = short + (np.arange(self.lanes) < longer)
        return np.arange(self.steps) < lengths[:, None]


def read_layout(size: int, lanes_bits: int) -> Layout:
    """A layout from an archive's numbers; raises :class:`DamagedArchiveError` where they cannot be."""
    if lanes_bits > MAX_LANES_BITS or (lanes_bits and 1 << lanes_bits > size):
        raise DamagedArchiveError(f"damaged archive: {size} bytes in 2**{lanes_bits} lanes")
    layout = Layout(size, 1 << lanes_bits)
    if layout.steps > MAX_STEPS:
        raise DamagedArchiveError(f"damaged archive: {size} bytes in only 2**{lanes_bits} lanes")
    return layout

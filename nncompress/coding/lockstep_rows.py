"""Hold rows of a network's state on a device, which blocks take, use for a while and give back.

All rows take a step at once. Rows that a block takes are cold: their cells are set to 0, and of
their memories nothing counts as theirs. Other rows may have come further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nncompress.exact.backend import CUDA_ROWS
from nncompress.exact.config import START_SYMBOL

if TYPE_CHECKING:
    from nncompress.exact.engine import Lanes, Network

    from .lockstep_block import SharingBlock


class SharedRows:
    """A number of rows, and the blocks that have them.

    Args:
        network: on the device.
        count: how many rows there are, at least 1.
    """

    def __init__(self, network: Network, count: int) -> None:
        self.count = count
        self.blocks: list[SharingBlock] = []
        self._network, self._window = network, network.config.window
        self._parts: dict[int, Lanes] = {}
        self._lanes: Lanes | None = None
        self._filled = np.zeros(count, np.int32)
        self._steps = 0

    @property
    def taken(self) -> int:
        """How many rows have a block."""
        return sum(block.layout.lanes for block in self.blocks)

    def place(self, lanes: int) -> int | None:
        """Return the first of so many free rows in a line, the lowest there are; None if none."""
        first = 0
        for block in sorted(self.blocks, key=lambda block: block.row):
            if block.row - first >= lanes:
                break
            first = block.row + block.layout.lanes
        return first if first + lanes <= self.count else None

    def join(self, block: SharingBlock, row: int) -> None:
        """Give a block cold rows, from ``row`` on; between two steps.

        Raises:
            ValueError: its predictor is for another network.
        """
        end = row + block.layout.lanes
        lanes = self._use(max(end, self._end()))
        block.row = row
        block.bind(lanes)
        lanes.restart(row, end)
        lanes.exchange.host.symbols[row:end] = START_SYMBOL
        self._filled[row:end] = 0
        self.blocks.append(block)

    def leave(self, block: SharingBlock) -> None:
        """Take a block's rows back."""
        self.blocks.remove(block)

    def launch(self) -> None:
        """Begin a step of all rows up to the last that has a block; there is one."""
        lanes = self._use(self._end())
        np.minimum(self._filled + 1, self._window, out=self._filled)
        host = lanes.exchange.host
        host.filled[: lanes.count] = self._filled[: lanes.count]
        host.slot[0] = self._steps % self._window
        self._steps += 1
        lanes.advance.launch()

    def wait(self) -> None:
        """Wait for the step that was launched: then the host has the predictions."""
        if self._lanes is not None:
            self._lanes.advance.wait()

    def _end(self) -> int:
        """Return one more than the last row that has a block."""
        return max((block.row + block.layout.lanes for block in self.blocks), default=0)

    def _use(self, rows: int) -> Lanes:
        """Return lanes for so many rows at least, once all blocks are bound to them."""
        lanes = self._part(rows)
        if lanes is not self._lanes:
            if self._lanes is not None:
                used = min(lanes.count, self._lanes.count)
                before = self._lanes.exchange.host.symbols[:used]
                lanes.exchange.host.symbols[:used] = before
            self._lanes = lanes
            for block in self.blocks:
                block.bind(lanes)
        return lanes

    def _part(self, rows: int) -> Lanes:
        """Return the first rows as lanes: all, or CUDA_ROWS times a power of two of them."""
        size = min(self.count, CUDA_ROWS << ((rows - 1) // CUDA_ROWS).bit_length())
        if size not in self._parts:
            whole = self._part(self.count) if size < self.count else None
            self._parts[size] = self._network.lanes(size, whole)
        return self._parts[size]

"""Have many blocks share the steps of a network on a device, which takes all their lanes at once.

A device needs many rows to be worth its steps, and a block has few lanes. Blocks that are coded at
the same time therefore share one state of the network: each has some of its rows, and its own
mixer and range coder as always, so that its bytes are those that it would have alone.

The rows are two halves that take turns::

    the device:     step of A    step of B    step of A    ...
    the CPU:        code in B    code in A    code in B    ...

To code in a half is to code one step of each of its blocks, in several threads
(:mod:`.lockstep_threads`). One thread, the *leader*, goes from half to half: it waits for the
device, has the half coded, lets blocks that have ended go, gives their rows to others that wait,
and launches the half's next step. It lives while there are blocks.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from nncompress.errors import DeviceError
from nncompress.machine.threads import start_daemon

from .lockstep_block import SharingBlock
from .lockstep_rows import SharedRows
from .lockstep_threads import TurnThreads

if TYPE_CHECKING:
    from nncompress.archive.codec import Progress
    from nncompress.exact.engine import Network
    from nncompress.lanes import Layout

    from .loop import StepCoder

MOST_ROWS = 4096
"""More rows than that make a step of a GPU longer, and bytes hardly cheaper."""

REPORT_TURNS = 64
"""Turns of a half until its blocks report what is done, and hear that nobody waits for them."""


def rows_within(network: Network, memory: int) -> int:
    """Return how many rows of a network's state may take so many bytes: MOST_ROWS at most.

    The reference kernels need four bytes beside each of an attention's memory, for a while.
    """
    parameters, config = network.parameters, network.config
    row = parameters.memory_bytes(1) - parameters.memory_bytes(0)
    row += 4 * len(config.attention) * config.window * config.dim
    return max(2, min(MOST_ROWS, memory // row))


class Lockstep:
    """The blocks that share a network; any thread may bring one.

    Args:
        network: on the device.
        threads: that code blocks, 1 at least.
        rows: of the network's state, 2 at least.
    """

    def __init__(self, network: Network, threads: int, rows: int) -> None:
        self._network, self._rows = network, rows // 2
        self._halves = self._cold_halves()
        self._threads = TurnThreads(threads)
        self._waiting = deque[SharingBlock]()
        self._leading = False
        self._lock = threading.Lock()

    def takes(self, layout: Layout) -> bool:
        """Whether a block with these lanes can take part."""
        return layout.lanes <= self._rows

    def run(self, layout: Layout, coder: StepCoder, progress: Progress) -> None:
        """Code a block with the others, and return when it is done.

        Args:
            layout: its lanes, which :meth:`takes` takes.
            coder: codes its steps.
            progress: told of raw bytes as they are done.

        Raises:
            DamagedArchiveError: no encoder makes its stream.
            Exception: what ``progress`` raises, or what ended the device's work.
        """
        if not layout.steps:
            return
        block = SharingBlock(layout, coder, progress)
        with self._lock:
            self._waiting.append(block)
            begins, self._leading = not self._leading, True
        if begins:
            try:
                start_daemon(self._lead, "lockstep leader")
            except RuntimeError:  # while the interpreter ends there are no new threads
                self._lead()
        block.wait()

    def _cold_halves(self) -> tuple[SharedRows, SharedRows]:
        return SharedRows(self._network, self._rows), SharedRows(self._network, self._rows)

    def _lead(self) -> None:
        try:
            while self._goes_on():
                with self._threads.started():
                    self._take_turns()
        except RuntimeError as error:  # what torch raises where a device fails or lacks memory
            reason = str(error).partition("\n")[0]
            self._end_all(DeviceError(f"the device failed ({reason}): use --device cpu"))
        except BaseException as error:
            self._end_all(error)

    def _goes_on(self) -> bool:
        """Whether there is a block; if not, the next to come has a new leader."""
        with self._lock:
            self._leading = self._has_blocks()
            return self._leading

    def _has_blocks(self) -> bool:
        return bool(self._waiting or any(half.blocks for half in self._halves))

    def _take_turns(self) -> None:
        turn = 0
        while self._has_blocks():
            for half in self._halves:
                self._take_turn(half, turn % REPORT_TURNS == 0)
            turn += 1

    def _take_turn(self, half: SharedRows, is_time_to_report: bool) -> None:
        if half.blocks:
            half.wait()
            if self._code(half) or is_time_to_report:
                for block in list(half.blocks):
                    _look_after(half, block)
        self._admit(half)
        if half.blocks:
            half.launch()

    def _code(self, half: SharedRows) -> int:
        """Code a step of each block; returns how many must be looked after."""
        compiled = [block.address for block in half.blocks if not block.in_python]
        self._threads.post(compiled)
        others = [block for block in half.blocks if block.in_python]
        for block in others:
            try:
                block.code_step()
            except Exception as error:
                half.leave(block)
                block.end(error)
        return self._threads.finish() + len(others)

    def _admit(self, half: SharedRows) -> None:
        """Give free rows to blocks that wait, in their order and to both halves alike."""
        other = self._halves[half is self._halves[0]]
        while self._waiting:
            block = self._waiting[0]
            row = half.place(block.layout.lanes)
            fits_there = other.place(block.layout.lanes) is not None
            if row is None or (half.taken > other.taken and fits_there):
                return
            try:
                half.join(block, row)
            except ValueError as error:
                block.end(error)
            self._waiting.popleft()

    def _end_all(self, error: BaseException) -> None:
        """End all blocks with an error."""
        with self._lock:
            blocks = [*self._waiting, *(block for half in self._halves for block in half.blocks)]
            self._waiting.clear()
            self._halves = self._cold_halves()  # of the others, a step may still be under way
            self._leading = False
        for block in blocks:
            block.end(error)


def _look_after(half: SharedRows, block: SharingBlock) -> None:
    """See to what a block needs; an error ends it and no other."""
    try:
        if block.look_after():
            return
    except BaseException as error:
        half.leave(block)
        block.end(error)
    else:
        half.leave(block)
        block.end()

"""Hold one block of those that share a network's steps, and code its bytes of a step.

What codes them is compiled, and called without Python's lock (:mod:`.lockstep_threads`); a table
says where everything is. Only where a block is watched while it is coded (:mod:`.recording`) may it
have a coder in Python.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.engine import Prediction
from nncompress.machine.jit import jit
from nncompress.machine.tables import Schema, Table

from .compiled_loop import has_room, take_turn
from .compiled_steps import WORDS, TableDecoder, TableEncoder, Words, open_words
from .shared_block import PORT, Port

if TYPE_CHECKING:
    from nncompress.archive.codec import Progress
    from nncompress.exact.engine import Lanes
    from nncompress.lanes import Layout

    from .loop import StepCoder

# How a block stands: places in an int64 array.
NEXT_STEP = 0
"""The next step to code."""
UNREPORTED = 1
"""Bytes coded but not yet reported."""
CALLS = 2
"""Why the block needs Python before its next step; 0 if it does not."""
STANDING_SIZE = 3

ENDED, CROWDED, UNSOUND = 1, 2, 3
"""Why: no step is left; the coder's words have no room for another; no encoder makes this stream.
"""

_POLL = 0.5
"""Seconds. On Windows Ctrl-C is heard only between two waits."""


class BlockTable(NamedTuple):
    """What the steps of a block are coded with.

    Attributes:
        standing: int64 [STANDING_SIZE], the places above.
        size: raw bytes of the block.
        width: how many numbers of a hidden vector the predictor uses.
        decoding: 1 to decode, 0 to encode.
        groups: int64 [groups, 2], the first lane of each and one past its last.
        ports: int64 [groups, rows, COLUMNS], tables of :class:`~.shared_block.Port`.
        turns: int64 [groups, rows, COLUMNS], tables of :class:`~.compiled_steps.TurnTable`.
        code_steps: address of :func:`~.compiled_steps.code_steps`.
        hidden: int8 [lanes, predictor's width], where the predictor finds the hidden vectors.
        rows: uint8 [steps, lanes], the block's bytes.
        coder: uint64 [4], the range coder's state.
        words: table of :class:`~.compiled_steps.Words`.
    """

    standing: Annotated[NDArray[np.int64], 1]
    size: int
    width: int
    decoding: int
    groups: Annotated[NDArray[np.int64], 2]
    ports: Annotated[NDArray[np.int64], 3]
    turns: Annotated[NDArray[np.int64], 3]
    code_steps: int
    hidden: Annotated[NDArray[np.int8], 2]
    rows: Annotated[NDArray[np.uint8], 2]
    coder: Annotated[NDArray[np.uint64], 1]
    words: Table


_TABLE = Schema(BlockTable)
_open_table, _open_port = _TABLE.opener(), PORT.opener()


@jit
def code_block(table):
    """Code a block's bytes of its next step, and leave them where the network reads them.

    Args:
        table: address of the table of a :class:`BlockTable`.

    Returns:
        whether the block needs Python before its next step: 1 or 0.
    """
    block = _open_table(table)
    words, standing, step = open_words(block.words).words, block.standing, block.standing[NEXT_STEP]
    for group in range(len(block.groups)):
        lo, hi = block.groups[group, 0], block.groups[group, 1]
        done = take_turn(block, words, step, group, lo, hi)
        if done < 0:
            standing[CALLS] = UNSOUND
            return np.int64(1)
        standing[UNREPORTED] += done
        port = _open_port(block.ports[group])
        for lane in range(hi - lo):
            port.symbols[lane] = block.rows[step, lo + lane]
    standing[NEXT_STEP] = step + 1
    if step + 1 == len(block.rows):
        standing[CALLS] = ENDED
    elif not has_room(block, words, 0, block.rows.shape[1]):
        standing[CALLS] = CROWDED
    return np.int64(standing[CALLS] != 0)


class SharingBlock:
    """A block that takes part in the steps of a network that others use, too.

    Args:
        layout: its lanes; at least one byte.
        coder: codes its steps.
        progress: told of bytes as they are done, by whichever thread takes the steps.

    Attributes:
        row: its first row; the block has a row a lane.
        address: of its table, for :func:`code_block`, once it is bound.
    """

    def __init__(self, layout: Layout, coder: StepCoder, progress: Progress) -> None:
        self.layout, self._coder, self._progress = layout, coder, progress
        self._compiled = coder if isinstance(coder, TableEncoder | TableDecoder) else None
        self._standing = np.zeros(STANDING_SIZE, np.int64)
        self._groups = layout.groups()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._given_up = False
        self._lanes: Lanes | None = None
        self.row, self.address = -1, 0
        if self._compiled is not None:
            self._words = WORDS.fill(Words(self._compiled.coder.words))
            self._make_room()

    @property
    def in_python(self) -> bool:
        """Whether its steps are coded by :meth:`code_step`, as they have no compiled form."""
        return self._compiled is None

    def bind(self, lanes: Lanes) -> None:
        """Take the network's predictions from these rows from now on, from :attr:`row` on.

        Raises:
            ValueError: the predictor is for another network.
        """
        self._lanes, host, coder = lanes, lanes.exchange.host, self._compiled
        if coder is None:
            return
        places = [slice(self.row + lo, self.row + hi) for lo, hi in self._groups]
        for (lo, hi), place in zip(self._groups, places, strict=True):
            # Checks that they fit.
            coder.take(lo, hi, Prediction(host.weights[place], host.hidden[place]))
        ports = [PORT.fill(Port(host.symbols[own], host.hidden[own])) for own in places]
        turns = [coder.turn(host.weights[own], self._words) for own in places]
        self._record = BlockTable(
            standing=self._standing,
            size=self.layout.size,
            width=coder.width,
            decoding=int(coder.decoding),
            groups=np.array(self._groups, np.int64),
            ports=np.stack(ports),
            turns=np.stack(turns),
            code_steps=coder.kernel_address(),
            hidden=coder.hidden,
            rows=coder.table,
            coder=coder.coder.state,
            words=self._words,
        )
        self._table = _TABLE.fill(self._record)
        self.address = self._table.ctypes.data

    def code_step(self) -> None:
        """Code the bytes of its next step as :func:`code_block` does, in Python."""
        assert self._lanes is not None
        host, step = self._lanes.exchange.host, int(self._standing[NEXT_STEP])
        active, table = self.layout.active(step), self._coder.table
        for lo, hi in self._groups:
            if lo < active:
                end = min(hi, active)
                own = slice(self.row + lo, self.row + end)
                prediction = Prediction(host.weights[own], host.hidden[own])
                self._coder.code(step, step + 1, lo, end, prediction)
        host.symbols[self.row : self.row + self.layout.lanes] = table[step]
        self._standing[NEXT_STEP] += 1
        self._standing[UNREPORTED] += active
        if step + 1 == self.layout.steps:
            self._standing[CALLS] = ENDED

    def look_after(self) -> bool:
        """Report what is done, and do what compiled code calls for; False where the block ends.

        Raises:
            DamagedArchiveError: no encoder makes its stream.
            Exception: what the report raises.
        """
        done, self._standing[UNREPORTED] = int(self._standing[UNREPORTED]), 0
        self._progress(done)
        why, self._standing[CALLS] = int(self._standing[CALLS]), 0
        if why == UNSOUND and self._compiled is not None:
            self._compiled.check(False)
        elif why == CROWDED:
            self._make_room()
        return why != ENDED and not self._given_up

    def end(self, error: BaseException | None = None) -> None:
        """Let :meth:`wait` return, or raise."""
        self._error = error
        self._lanes = None
        self._ended.set()

    def wait(self) -> None:
        """Wait until all its steps are taken, and raise the error that ended it, if one did."""
        try:
            while not self._ended.wait(_POLL):
                pass
        except BaseException:
            self._given_up = True
            raise
        if self._error is not None:
            raise self._error

    def _make_room(self) -> None:
        """Move the words to a larger array."""
        assert self._compiled is not None
        table = self._compiled.table
        self._compiled.reserve(table.nbytes // 4 + 8 * table.shape[1])
        self._words[:] = WORDS.fill(Words(self._compiled.coder.words))

"""Name what the threads of :mod:`.compiled_loop` share, and what each has for itself."""

from __future__ import annotations

import enum
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.tables import Schema, Table

# What the threads of a block share: places in an int64 array that is read and written atomically.
TAKEN = 0
"""How many jobs have been taken."""
TURNED = 1
"""How many turns have ended."""
FAILED = 2
"""1 once a thread has failed: the others give up."""
ASLEEP = 3
"""1 while a thread sleeps in Python, or is about to."""
WORKING = 4
"""How many threads may take jobs: those with a smaller number."""
STEPPED = 5
"""From here on, a place a group: how many steps its network has taken since its lanes began."""

# What a thread has for itself: places in an int64 array.
JOB = 0
"""Number of its job, -1 for none."""
IN_STEP = 1
"""1 once the job's turn is over."""
DONE = 2
"""Bytes coded but not yet reported."""
OWN_NUMBER = 3
"""Its number among the threads of the block, from 0."""
OWN_SIZE = 4


class Stop(enum.IntEnum):
    """Why a thread comes back to Python."""

    ENDED = 0
    """No job is left, or another thread has failed."""
    PAUSED = 1
    """It has done ``JOBS`` jobs."""
    WAITING = 2
    """Its turn does not come for long."""
    WAKE = 3
    """Another thread sleeps, and may be able to go on."""
    CROWDED = 4
    """The coder's words have no room for another turn."""
    UNSOUND = 5
    """No encoder makes this stream."""
    SPARE = 6
    """Fewer threads are to work, and this one has no job."""


class Port(NamedTuple):
    """Where a group's network reads bytes and leaves its last hidden vectors; n lanes.

    Attributes:
        symbols: uint8 [n].
        hidden: int8 [n, dim].
    """

    symbols: Annotated[NDArray[np.uint8], 1]
    hidden: Annotated[NDArray[np.int8], 2]


class SharedBlock(NamedTuple):
    """What all threads of a block work on.

    Attributes:
        shared: int64 [STEPPED + groups], the places above.
        size: raw bytes of the block.
        width: how many numbers of a hidden vector the predictor uses.
        window: positions that the network's attention reads.
        decoding: 1 to decode, 0 to encode.
        groups: int64 [groups, 2], the first lane of each and one past its last.
        ports: int64 [groups, rows, COLUMNS], tables of :class:`Port`.
        programs: int64 [groups, 1, COLUMNS], tables of
            :class:`~nncompress.exact.kernels.program.Program`.
        run_program: address of :func:`~nncompress.exact.kernels.program.run_program`.
        turns: int64 [groups, rows, COLUMNS], tables of :class:`~.compiled_steps.TurnTable`.
        code_steps: address of :func:`~.compiled_steps.code_steps`.
        hidden: int8 [lanes, predictor's width], where the predictor finds the hidden vectors.
        rows: uint8 [steps, lanes], the block's bytes.
        coder: uint64 [4], the range coder's state.
        words: table of :class:`~.compiled_steps.Words`.
    """

    shared: Annotated[NDArray[np.int64], 1]
    size: int
    width: int
    window: int
    decoding: int
    groups: Annotated[NDArray[np.int64], 2]
    ports: Annotated[NDArray[np.int64], 3]
    programs: Annotated[NDArray[np.int64], 3]
    run_program: int
    turns: Annotated[NDArray[np.int64], 3]
    code_steps: int
    hidden: Annotated[NDArray[np.int8], 2]
    rows: Annotated[NDArray[np.uint8], 2]
    coder: Annotated[NDArray[np.uint64], 1]
    words: Table


PORT, BLOCK = Schema(Port), Schema(SharedBlock)

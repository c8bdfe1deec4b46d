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
STEPPED = 4
"""From here on, a place a group: how many steps its network has taken since its lanes began."""

# What a thread has for itself: places in an int64 array.
JOB = 0
"""Number of its job, -1 for none."""
IN_STEP = 1
"""1 once the job's turn is over."""
DONE = 2
"""Bytes coded but not yet reported."""
OWN_SIZE = 3


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


class Port(NamedTuple):
    """Where a group's network reads bytes and leaves its prediction; n is the group's lanes.

    Attributes:
        symbols: uint8 [n].
        weights: int32 [n, 256].
        hidden: int8 [n, dim].
    """

    symbols: Annotated[NDArray[np.uint8], 1]
    weights: Annotated[NDArray[np.int32], 2]
    hidden: Annotated[NDArray[np.int8], 2]


class Words(NamedTuple):
    """The range coder's words, uint32, which move when they need more room."""

    words: Annotated[NDArray[np.uint32], 1]


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
        programs: int64 [groups, stages, rows, COLUMNS]; see
            :class:`~nncompress.exact.kernels.program.Program`.
        predictor: table of the predictor's state.
        rows: uint8 [steps, lanes], the block's bytes.
        bits: int32 [lanes], scratch for a plane's bits.
        ones: float64 [lanes], scratch for their probabilities of being 1.
        coder: uint64 [4], the range coder's state.
        words: table of :class:`Words`.
    """

    shared: Annotated[NDArray[np.int64], 1]
    size: int
    width: int
    window: int
    decoding: int
    groups: Annotated[NDArray[np.int64], 2]
    ports: Annotated[NDArray[np.int64], 3]
    programs: Annotated[NDArray[np.int64], 4]
    predictor: Table
    rows: Annotated[NDArray[np.uint8], 2]
    bits: Annotated[NDArray[np.int32], 1]
    ones: Annotated[NDArray[np.float64], 1]
    coder: Annotated[NDArray[np.uint64], 1]
    words: Table


PORT, WORDS, BLOCK = Schema(Port), Schema(Words), Schema(SharedBlock)

"""Hold the arrays that a predictor works on, and name what their columns hold.

They are one named tuple of plain arrays. A compiled function that is called from Python is given
their addresses as a table (:mod:`nncompress.machine.tables`), and opens it itself.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.tables import Schema

Array = NDArray[Any]

MAX_CONTEXTS = 32
MAX_SETS = 16
MAX_PERIOD, MAX_STEP = 4095, 15
FOLLOWERS = 6 << 16

# Entries of State.config.
CONTEXTS, INPUTS, SETS, SLOT_BITS, MATCH_BITS, MATCH_BYTES, APM_BITS, NETWORK = range(8)
SIZE, PERIOD, STEP, RATE, FIRST_RATE, FINAL_WEIGHTS, MATCH_CELLS, NETWORK_CELLS = range(8, 16)
MATCHES, LOCAL_MATCH_BYTES, WIDTH, WITH_FOLLOWERS, WITH_CODE = range(16, 21)
RUNS, RUN_BITS, RUN_INPUT, RUN_CELLS, CONTEXT_IDS = range(21, 26)
SELECTORS = CONTEXT_IDS + MAX_CONTEXTS
SET_WEIGHTS = SELECTORS + MAX_SETS
CONFIG_SIZE = SET_WEIGHTS + MAX_SETS

# Columns of State.lanes.
NODE, POSITION, START, POINTER, RUN, MISSES, EXPECTED = range(7)
OF_MATCH = EXPECTED + 1 - POINTER  # columns of a match model; those of the second follow
LINE = POINTER + 2 * OF_MATCH
LINE_BEFORE, CLUSTER, WORD_LENGTH, FIELD, FIELD_OFFSET = range(LINE + 1, LINE + 6)
PHASE, REMAINING, OPCODE, MODRM, PREFIX_COUNT, OPERAND_SIZE, IMMEDIATE, INSTRUCTION_BEFORE = range(
    LINE + 6, LINE + 14
)
FOLLOWER = LINE + 14  # six columns
LANE_SIZE = FOLLOWER + 6

# Columns of State.keys; the hashes of the contexts follow from KEYS on.
RECENT, WORD, WORD1, WORD2, PENDING, FIRST, BRACKET, CLASSES, LAST_SYMBOLS, SIZES = range(10)
SENTENCE, LINE_HASH, NUMBERS, SEPARATOR, INSTRUCTION, KEYS = range(10, 16)

# Columns of State.where; MAX_SETS columns from CHOSEN on, MAX_CONTEXTS each from SLOT and CELL on.
MATCH_CELL, LOCAL_MATCH_CELL, NETWORK_APM1, NETWORK_APM2, NETWORK_APM3, NETWORK_APM4 = range(6)
APM1, APM2, APM3, APM4, MIXED, CORRECTED, STRING, LOCAL_STRING = range(6, 14)
FINAL_CHOSEN, CHOSEN = 14, 15
SLOT = CHOSEN + MAX_SETS
CELL = SLOT + MAX_CONTEXTS
RUN_AT = CELL + MAX_CONTEXTS
RUN_FOUND = RUN_AT + MAX_CONTEXTS
RUN_CELL = RUN_FOUND + MAX_CONTEXTS
ACTIVE_COUNT = RUN_CELL + MAX_CONTEXTS
ACTIVE = ACTIVE_COUNT + 1
WHERE_SIZE = ACTIVE + MAX_CONTEXTS


class State(NamedTuple):
    """Everything the kernels read and write.

    Attributes:
        config: int64 [CONFIG_SIZE].
        history: uint8 [size + 1], the block so far, every lane at its own place; 0 where nothing is
            coded yet.
        slots: uint8 [16 * slots]: a check, then the bit histories of 15 nodes (see hashtable).
        checks: uint8 [lanes, MAX_CONTEXTS], the checks of the contexts in their slots.
        keys: uint64 [lanes, KEYS + contexts]: recent bytes and hashes.
        values: uint64 [lanes, len(Context)], what each context there is is made of.
        lanes: int32 [lanes, LANE_SIZE]: node, place, match, line and cluster of each lane.
        inputs: int16 [lanes, inputs], |x| <= 24576: what the weight sets weigh.
        outputs: int16 [lanes, MAX_SETS], what they come to, stretched; 0 where there is no set.
        where: int32 [lanes, WHERE_SIZE]: which cells and weights made the last prediction, and what
            came of it.
        cells: uint32, adaptive probabilities: 22 bits of probability, 10 of count.
        weights: int16, 14 fractional bits.
        apms: uint16 [32 * rows], the final maps: probabilities, 25 of each row.
        runs: uint32 [2 ** run bits], see runs.
        heads: int32 [matches * 2 ** match bits]: the last position after each hashed string, 0 for
            none.
        sums: int32 [lanes, 257]: cumulative weights of the network, at most 2**28.
        followers: uint16 [FOLLOWERS], the last two bytes that followed; see text.
        hidden: int8 [lanes, width], the network's last hidden vectors.
        regression: int32 [256 * width], see regression.
        energies: int64 [256], each node's sum of squared errors, 16 fractional bits.
        centroids: uint8 [256 * width], the weights of the clusters in the order that
            clusters.pack_centroids gives them.
        centroid_biases: int32 [256], theirs.
    """

    config: Annotated[NDArray[np.int64], 1]
    history: Annotated[NDArray[np.uint8], 1]
    slots: Annotated[NDArray[np.uint8], 1]
    checks: Annotated[NDArray[np.uint8], 2]
    keys: Annotated[NDArray[np.uint64], 2]
    values: Annotated[NDArray[np.uint64], 2]
    lanes: Annotated[NDArray[np.int32], 2]
    inputs: Annotated[NDArray[np.int16], 2]
    outputs: Annotated[NDArray[np.int16], 2]
    where: Annotated[NDArray[np.int32], 2]
    cells: Annotated[NDArray[np.uint32], 1]
    weights: Annotated[NDArray[np.int16], 1]
    apms: Annotated[NDArray[np.uint16], 1]
    runs: Annotated[NDArray[np.uint32], 1]
    heads: Annotated[NDArray[np.int32], 1]
    sums: Annotated[NDArray[np.int32], 2]
    followers: Annotated[NDArray[np.uint16], 1]
    hidden: Annotated[NDArray[np.int8], 2]
    regression: Annotated[NDArray[np.int32], 1]
    energies: Annotated[NDArray[np.int64], 1]
    centroids: Annotated[NDArray[np.uint8], 1]
    centroid_biases: Annotated[NDArray[np.int32], 1]


STATE = Schema(State)
open_state = STATE.opener()
"""Opens, in compiled code, the table that ``STATE.fill`` makes of a state."""

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

MAX_CONTEXTS = 24
MAX_SETS = 8
MAX_PERIOD = 511

# Entries of State.config.
CONTEXTS, INPUTS, SETS, SLOT_BITS, MATCH_BITS, MATCH_BYTES, APM_BITS, NETWORK = range(8)
SIZE, PERIOD, RATE, FINAL_WEIGHTS, MATCH_CELLS, APM_CELLS, NETWORK_CELLS, MATCHES = range(8, 16)
CONTEXT_IDS = 16
TABULAR_IDS = CONTEXT_IDS + MAX_CONTEXTS
SELECTORS = TABULAR_IDS + MAX_CONTEXTS
SET_WEIGHTS = SELECTORS + MAX_SETS
LOCAL_MATCH_BYTES = SET_WEIGHTS + MAX_SETS
WIDTH = LOCAL_MATCH_BYTES + 1
CONFIG_SIZE = WIDTH + 1

# Columns of State.lanes.
NODE, POSITION, START, POINTER, RUN, MISSES, EXPECTED = range(7)
OF_MATCH = EXPECTED + 1 - POINTER  # columns of a match model; those of the second follow
LINE = POINTER + 2 * OF_MATCH
LINE_BEFORE = LINE + 1
CLUSTER = LINE_BEFORE + 1
LANE_SIZE = 16

# Columns of State.keys; the hashes of the contexts follow from KEYS on.
RECENT, WORD, WORD1, WORD2, PENDING, FIRST, BRACKET, CLASSES, KEYS = range(9)

# Columns of State.where; SETS columns each from CHOSEN and OUTPUT on, CONTEXTS each from SLOT and
# CELL on.
MATCH_CELL, LOCAL_MATCH_CELL, NETWORK_APM1, NETWORK_APM2, NETWORK_APM3, NETWORK_APM4 = range(6)
APM1, APM2, MIXED, CORRECTED, STRING, LOCAL_STRING, CHOSEN = range(6, 13)
OUTPUT = CHOSEN + MAX_SETS
SLOT = OUTPUT + MAX_SETS
CELL = SLOT + MAX_CONTEXTS
WHERE_SIZE = CELL + MAX_CONTEXTS


class State(NamedTuple):
    """Everything the kernels read and write.

    Attributes:
        config: int64 [CONFIG_SIZE]; all but PERIOD stay as they were made.
        history: uint8 [size + 1], the block so far, every lane at its own place; 0 where nothing is
            coded yet.
        slots: uint32 [16 * slots]: a check, then the counters of 15 nodes (see counters).
        keys: uint64 [lanes, KEYS + contexts]: recent bytes and hashes.
        lanes: int32 [lanes, LANE_SIZE]: node, place, match, line and cluster of each lane.
        inputs: int32 [lanes, inputs], |x| <= 32767: what the weight sets weigh.
        where: int32 [lanes, WHERE_SIZE]: which cells and weights made the last prediction, and what
            came of it.
        cells: uint32, adaptive probabilities: 22 bits of probability, 10 of count.
        weights: int32, 16 fractional bits.
        heads: int32 [matches * 2 ** match bits]: the last position after each hashed string, 0 for
            none.
        sums: int32 [lanes, 257]: cumulative weights of the network, at most 2**28.
        votes: int32 [MAX_PERIOD + 1]: how often a byte equalled the one that far back; [0] counts
            the tries.
        hidden: int8 [lanes, width], the network's last hidden vectors.
        regression: int32 [256 * width], see regression.
        energies: int64 [256], each node's sum of squared errors, 16 fractional bits.
        centroids: uint8 [256 * width], the weights of the clusters in the order that
            clusters.pack_centroids gives them.
        centroid_biases: int32 [256], theirs.
    """

    config: Annotated[NDArray[np.int64], 1]
    history: Annotated[NDArray[np.uint8], 1]
    slots: Annotated[NDArray[np.uint32], 1]
    keys: Annotated[NDArray[np.uint64], 2]
    lanes: Annotated[NDArray[np.int32], 2]
    inputs: Annotated[NDArray[np.int32], 2]
    where: Annotated[NDArray[np.int32], 2]
    cells: Annotated[NDArray[np.uint32], 1]
    weights: Annotated[NDArray[np.int32], 1]
    heads: Annotated[NDArray[np.int32], 1]
    sums: Annotated[NDArray[np.int32], 2]
    votes: Annotated[NDArray[np.int32], 1]
    hidden: Annotated[NDArray[np.int8], 2]
    regression: Annotated[NDArray[np.int32], 1]
    energies: Annotated[NDArray[np.int64], 1]
    centroids: Annotated[NDArray[np.uint8], 1]
    centroid_biases: Annotated[NDArray[np.int32], 1]


STATE = Schema(State)
open_state = STATE.opener()
"""Opens, in compiled code, the table that ``STATE.fill`` makes of a state."""

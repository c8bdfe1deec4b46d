"""The arrays a mixer works on, and what their columns hold.

One named tuple of plain arrays. A compiled function that is called from Python is given their addresses, and opens them
itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nncompress.machine.jit import jit
from nncompress.machine.tables import describe, matrix, vector

Array = npt.NDArray[Any]

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

# Columns of State.where; SETS columns each from CHOSEN and OUTPUT on, CONTEXTS each from SLOT and CELL on.
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
        history: uint8 [size + 1], the block so far, every lane at its own place; 0 where nothing is coded yet.
        slots: uint32 [16 * slots]: a check, then the counters of 15 nodes (see counters).
        keys: uint64 [lanes, KEYS + contexts]: recent bytes and hashes.
        lanes: int32 [lanes, LANE_SIZE]: node, place, match, line and cluster of each lane.
        inputs: int32 [lanes, inputs], |x| <= 32767: what the mixer sets weigh.
        where: int32 [lanes, WHERE_SIZE]: which cells and weights made the last prediction, and what came of it.
        cells: uint32, adaptive probabilities: 22 bits of probability, 10 of count.
        weights: int32, 16 fractional bits.
        heads: int32 [matches * 2 ** match bits]: the last position after each hashed string, 0 for none.
        sums: int32 [lanes, 257]: cumulative weights of the network, at most 2**28.
        votes: int32 [MAX_PERIOD + 1]: how often a byte equalled the one that far back; [0] counts the tries.
        hidden: int8 [lanes, width], the network's last hidden vectors.
        regression: int32 [256 * width], see regress.
        energies: int64 [256], each node's sum of squared errors, 16 fractional bits.
        centroids: uint8 [256 * width], the weights of the clusters in the order that clusters.prepare gives them.
        centroid_biases: int32 [256], theirs.
    """

    config: Array
    history: Array
    slots: Array
    keys: Array
    lanes: Array
    inputs: Array
    where: Array
    cells: Array
    weights: Array
    heads: Array
    sums: Array
    votes: Array
    hidden: Array
    regression: Array
    energies: Array
    centroids: Array
    centroid_biases: Array


def addresses(state: State) -> Array:
    """Return where the arrays of a state are: see :mod:`nncompress.machine.tables`."""
    return describe(state)


@jit
def opened(table):
    """Give the state whose addresses these are."""
    return State(
        vector(table, 0, np.int64),
        vector(table, 1, np.uint8),
        vector(table, 2, np.uint32),
        matrix(table, 3, np.uint64),
        matrix(table, 4, np.int32),
        matrix(table, 5, np.int32),
        matrix(table, 6, np.int32),
        vector(table, 7, np.uint32),
        vector(table, 8, np.int32),
        vector(table, 9, np.int32),
        matrix(table, 10, np.int32),
        vector(table, 11, np.int32),
        matrix(table, 12, np.int8),
        vector(table, 13, np.int32),
        vector(table, 14, np.int64),
        vector(table, 15, np.uint8),
        vector(table, 16, np.int32),
    )

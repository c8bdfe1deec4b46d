"""The network's distribution as inputs of the mixer."""

from __future__ import annotations

import numpy as np

from nncompress.jit import jit
from nncompress.mixing.hashing import BYTE, U, small_hash
from nncompress.mixing.match import MATCH_INPUTS
from nncompress.mixing.prefetch import prefetch
from nncompress.mixing.refine import ROW, corrected
from nncompress.mixing.state import (
    APM_BITS,
    CONTEXTS,
    EXPECTED,
    NETWORK_APM1,
    NETWORK_APM2,
    NETWORK_CELLS,
    NODE,
    RECENT,
    RUN,
)
from nncompress.mixing.tables import STRETCH, STRETCH_BITS, STRETCH_MAX

NETWORK_INPUTS = 4


@jit
def sum_weights(s, lo, hi, weights):  # type: ignore[no-untyped-def]
    """Sum the 256 weights of each lane, at most 2^20 each: any subtree is then a difference of two sums."""
    for m in range(lo, hi):
        sums = s.sums[m]
        total = 0
        for k in range(256):
            total += weights[m - lo, k]
            sums[k + 1] = total


@jit
def _bit_probability(sums, node, plane):  # type: ignore[no-untyped-def]
    """P(bit = 1) in 65536ths, 1..65535; sums are below 2^29, so the shifted one is below 2^45."""
    half = 128 >> plane
    first = (node << (8 - plane)) - 256
    whole = np.int64(sums[first + 2 * half]) - sums[first]
    ones = np.int64(sums[first + 2 * half]) - sums[first + half]
    return min(max(((ones << 16) + (whole >> 1)) // whole, 1), 65535)


@jit
def predict_network(s, plane, lo, hi):  # type: ignore[no-untyped-def]
    """Put four inputs: stretched, less 1/2, and corrected by order 1 and by the match model's expectation."""
    at = 2 * s.config[CONTEXTS] + MATCH_INPUTS
    find_corrections(s, plane, lo, hi)
    for m in range(lo, hi):
        where, inputs = s.where[m], s.inputs[m]
        x = np.int64(inputs[at])
        inputs[at + 2] = STRETCH[corrected(s.cells, where[NETWORK_APM1], x, where, NETWORK_APM1)]
        inputs[at + 3] = STRETCH[corrected(s.cells, where[NETWORK_APM2], x, where, NETWORK_APM2)]


@jit
def find_corrections(s, plane, lo, hi):  # type: ignore[no-untyped-def]
    """Put the first two inputs and find the rows for the others: all lanes first, for memory is slow."""
    at = 2 * s.config[CONTEXTS] + MATCH_INPUTS
    bits = s.config[APM_BITS]
    first = s.config[NETWORK_CELLS]
    second = first + (ROW << bits)
    for m in range(lo, hi):
        lane = s.lanes[m]
        where = s.where[m]
        node = np.int64(lane[NODE])
        p = _bit_probability(s.sums[m], node, plane)
        x = np.int64(STRETCH[p])
        s.inputs[m, at] = x
        s.inputs[m, at + 1] = (p - 32768) >> 1
        row1 = first + ROW * small_hash(U(node) << U(8) | s.keys[m, RECENT] & BYTE, bits)
        match = U(lane[EXPECTED] + 1) << U(5) | U(min(lane[RUN], 31))
        row2 = second + ROW * small_hash(U(node) << U(16) | match, bits)
        knot = (x + STRETCH_MAX) >> STRETCH_BITS
        prefetch(s.cells, row1 + knot)
        prefetch(s.cells, row2 + knot)
        where[NETWORK_APM1] = row1
        where[NETWORK_APM2] = row2

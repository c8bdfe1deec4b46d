"""Turn the network's distribution into inputs of the mixer."""

from __future__ import annotations

import numpy as np

from nncompress.machine.intrinsics import prefetch
from nncompress.machine.jit import part

from .apm import APM_ROW, NETWORK_MAPS, corrected
from .hashing import BYTE, U, low_bytes, mix64, small_hash
from .matchmodel import MATCH_INPUTS
from .state import (
    APM_BITS,
    CONTEXTS,
    EXPECTED,
    MATCHES,
    NETWORK_APM1,
    NETWORK_CELLS,
    NODE,
    RECENT,
    RUN,
    WORD,
)
from .tables import STRETCH, STRETCH_BITS, STRETCH_MAX

NETWORK_INPUTS = 2 + NETWORK_MAPS
"""Inputs of the mixer for the network."""


@part
def sum_weights(s, lo, hi, weights):
    """Sum up the 256 weights of each lane, so that any subtree is a difference of two sums.

    ``weights`` is int32 [hi - lo, 256], each at most 2^20.
    """
    for lane in range(lo, hi):
        sums = s.sums[lane]
        total = 0
        for k in range(256):
            total += weights[lane - lo, k]
            sums[k + 1] = total


@part
def _bit_probability(sums, node, plane):
    """Return P(bit = 1) in 65536ths, 1..65535.

    Sums are below 2^29, so that the shifted one is below 2^45.
    """
    half = 128 >> plane
    first = (node << (8 - plane)) - 256
    whole = np.int64(sums[first + 2 * half]) - sums[first]
    ones = np.int64(sums[first + 2 * half]) - sums[first + half]
    return min(max(((ones << 16) + (whole >> 1)) // whole, 1), 65535)


@part
def predict_network(s, plane, lo, hi):
    """Write six inputs: the network's probability stretched, less 1/2, and corrected by four maps.

    The maps' contexts are order 1, the match's byte, order 2 and the word.
    """
    at = 2 * s.config[CONTEXTS] + MATCH_INPUTS * s.config[MATCHES]
    _find_corrections(s, at, plane, lo, hi)
    for lane in range(lo, hi):
        where, inputs = s.where[lane], s.inputs[lane]
        x = np.int64(inputs[at])
        for k in range(NETWORK_MAPS):
            column = NETWORK_APM1 + k
            inputs[at + 2 + k] = STRETCH[U(corrected(s.cells, where[column], x, where, column))]


@part
def _find_corrections(s, at, plane, lo, hi):
    """Write the first two inputs, and find the maps' rows for the others.

    This is done for all lanes before any row is read, since memory is slow.
    """
    bits = s.config[APM_BITS]
    size = APM_ROW << bits
    for lane in range(lo, hi):
        lane_state, keys, where = s.lanes[lane], s.keys[lane], s.where[lane]
        node = np.int64(lane_state[NODE])
        p = _bit_probability(s.sums[lane], node, plane)
        x = np.int64(STRETCH[U(p)])
        s.inputs[lane, at] = x
        s.inputs[lane, at + 1] = (p - 32768) >> 1
        first = s.config[NETWORK_CELLS]
        match = U(lane_state[EXPECTED] + 1) << U(5) | U(min(lane_state[RUN], 31))
        recent = keys[RECENT]
        for k in range(NETWORK_MAPS):
            if k == 0:
                context = U(node) << U(8) | recent & BYTE
            elif k == 1:
                context = U(node) << U(16) | match
            elif k == 2:
                context = U(node) << U(24) | low_bytes(recent, 2)
            else:
                context = mix64(keys[WORD], recent & BYTE) + U(node)
            row = first + k * size + APM_ROW * small_hash(context, bits)
            prefetch(s.cells, row + ((x + STRETCH_MAX) >> STRETCH_BITS))
            where[NETWORK_APM1 + k] = row

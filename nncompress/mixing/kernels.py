"""Step a :class:`~.predictor.Predictor`: one call a step to encode, one a bit plane to decode.

Each takes the table of a state and works on the lanes lo..hi-1. Within a plane all of them predict,
then all learn, in order. Coding loops that are compiled call :func:`begin_byte` and
:func:`end_plane` with the state itself.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import jit

from .apm import find_rows, refine, update_maps
from .clusters import find_clusters
from .contexts import hash_contexts, read_byte
from .counters import predict_contexts, update_contexts
from .hashtable import find_slots
from .matchmodel import move_match, predict_match, update_match
from .mixer import mix, update_mix
from .networkmodel import predict_network, sum_weights
from .record import EVERY, set_period, vote
from .regression import correct, update_correction
from .state import NETWORK, NODE, POSITION, open_state


@jit
def _predict(s, plane, lo, hi, out):
    find_rows(s, lo, hi)
    predict_contexts(s, plane, lo, hi)
    predict_match(s, plane, lo, hi)
    if s.config[NETWORK]:
        predict_network(s, plane, lo, hi)
    mix(s, plane, lo, hi)
    if s.config[NETWORK]:
        correct(s, lo, hi)
    refine(s, lo, hi, out)


@jit
def _learn(s, plane, lo, hi, bits):
    update_contexts(s, plane, lo, hi, bits)
    update_match(s, lo, hi, bits)
    update_mix(s, lo, hi, bits)
    if s.config[NETWORK]:
        update_correction(s, lo, hi, bits)
    update_maps(s, lo, hi, bits)
    for lane in range(lo, hi):
        s.lanes[lane, NODE] = s.lanes[lane, NODE] * 2 + bits[lane - lo]


@jit
def _end_byte(s, lo, hi):
    for lane in range(lo, hi):
        lane_state = s.lanes[lane]
        s.history[lane_state[POSITION]] = lane_state[NODE] & 255
        lane_state[POSITION] += 1
        read_byte(s.keys[lane], lane_state)
    move_match(s, lo, hi)
    vote(s, lo, hi)
    if lo == 0 and s.lanes[0, POSITION] % EVERY == 0:
        set_period(s)


@jit
def begin_byte(s, lo, hi, weights, out):
    """Start a byte: write P(first bit = 1) to out float64 [hi - lo]."""
    if s.config[NETWORK]:
        sum_weights(s, lo, hi, weights)
        find_clusters(s, lo, hi)
    hash_contexts(s, lo, hi)
    find_slots(s, lo, hi, False)
    _predict(s, np.int64(0), lo, hi, out)  # a constant would be compiled for apart


@jit
def end_plane(s, plane, lo, hi, bits, out):
    """Learn the bits of ``plane``, int32 [hi - lo], and predict the next plane, or end the byte."""
    _learn(s, plane, lo, hi, bits)
    if plane == 7:
        _end_byte(s, lo, hi)
        return
    if plane == 3:
        find_slots(s, lo, hi, True)
    _predict(s, plane + 1, lo, hi, out)


@jit
def begin_step(table, lo, hi, weights, out):
    """See :func:`begin_byte`."""
    begin_byte(open_state(table), lo, hi, weights, out)


@jit
def advance_plane(table, plane, lo, hi, bits, out):
    """See :func:`end_plane`."""
    end_plane(open_state(table), plane, lo, hi, bits, out)


@jit
def encode_step(table, lo, hi, symbols, weights, bits, out):
    """Do a whole step with known symbols, uint8 [hi - lo]: out float64 [8, hi - lo]."""
    s = open_state(table)
    begin_byte(s, lo, hi, weights, out[0])
    for plane in range(8):
        for i in range(hi - lo):
            bits[i] = (symbols[i] >> (7 - plane)) & 1
        end_plane(s, plane, lo, hi, bits, out[min(plane + 1, 7)])

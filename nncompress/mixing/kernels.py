"""Step a :class:`~.predictor.Predictor`: for each bit plane one call to predict, one to learn.

Each function works on the lanes lo..hi-1. Within a plane all of them predict, then all learn, in
order. The coding loop that is compiled calls :func:`predict_plane` and :func:`learn_plane`, with
the state itself, once each: they are large, and LLVM compiles them anew wherever they are called.
All others call :func:`predict_bits` and :func:`learn_bits`, which take addresses and numbers alone,
and so can be called from Python and by their address: see :mod:`nncompress.machine.calls`.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.jit import jit, part
from nncompress.machine.tables import Schema, Table

from .apm import find_rows, refine, update_maps
from .clusters import find_clusters
from .contexts import hash_contexts
from .counters import predict_contexts, update_contexts
from .hashing import U
from .hashtable import find_slots
from .matchmodel import find_strings, move_match, predict_match, update_match
from .mixer import mix, update_mix
from .networkmodel import predict_network, sum_weights
from .regression import correct, update_correction
from .runs import enter_runs, find_runs, predict_runs, update_runs
from .state import NETWORK, NODE, POSITION, RECENT, RUNS, open_state
from .text import read_byte


@part
def predict_at(s, plane, lo, hi, out):
    """Predict at the lanes' nodes, whatever they are; the slots have been found."""
    find_rows(s, lo, hi)
    predict_contexts(s, plane, lo, hi)
    predict_match(s, plane, lo, hi)
    if s.config[RUNS]:
        predict_runs(s, plane, lo, hi)
    if s.config[NETWORK]:
        predict_network(s, plane, lo, hi)
    mix(s, plane, lo, hi)
    if s.config[NETWORK]:
        correct(s, lo, hi)
    refine(s, lo, hi, out)


@part
def _learn(s, plane, lo, hi, bits):
    update_contexts(s, plane, lo, hi, bits)
    update_match(s, lo, hi, bits)
    update_mix(s, lo, hi, bits)
    if s.config[RUNS]:
        update_runs(s, plane, lo, hi, bits)
    if s.config[NETWORK]:
        update_correction(s, lo, hi, bits)
    update_maps(s, lo, hi, bits)
    for lane in range(lo, hi):
        s.lanes[lane, NODE] = s.lanes[lane, NODE] * 2 + bits[lane - lo]


@part
def _end_byte(s, lo, hi):
    for lane in range(lo, hi):
        lane_state = s.lanes[lane]
        byte = np.int64(lane_state[NODE]) & 255
        s.history[lane_state[POSITION]] = byte
        s.keys[lane, RECENT] = s.keys[lane, RECENT] << U(8) | U(byte)
        lane_state[POSITION] += 1
        lane_state[NODE] = 1
    if s.config[RUNS]:
        enter_runs(s, lo, hi)
    find_strings(s, lo, hi)
    for lane in range(lo, hi):
        read_byte(s, s.keys[lane], s.lanes[lane])
    move_match(s, lo, hi)


@part
def begin_plane(s, plane, lo, hi, weights):
    """Find what the predictions of a byte, from plane 0 on, or of half a byte are made from."""
    if plane == 0:
        if s.config[NETWORK]:
            sum_weights(s, lo, hi, weights)
            find_clusters(s, lo, hi)
        hash_contexts(s, lo, hi)
        if s.config[RUNS]:
            find_runs(s, lo, hi)
    if plane & 3 == 0:
        find_slots(s, plane, lo, hi)


@part
def predict_plane(s, plane, lo, hi, weights, out):
    """Write P(next bit = 1) to out float64 [hi - lo]; plane 0 begins a byte.

    ``weights`` are the network's for that byte, int32 [hi - lo, 256], read at its beginning.
    """
    begin_plane(s, plane, lo, hi, weights)
    predict_at(s, plane, lo, hi, out)


@part
def learn_plane(s, plane, lo, hi, bits):
    """Learn the bits of ``plane``, int32 [hi - lo]; plane 7 ends the byte."""
    _learn(s, plane, lo, hi, bits)
    if plane == 7:
        _end_byte(s, lo, hi)


class PlaneTable(NamedTuple):
    """What planes are predicted and learnt with.

    Attributes:
        state: the predictor's table.
        weights: the network's for the lanes of the turn, int32 [lanes, 256]; no lanes without one.
        bits: int32 [lanes], of a plane, to be learnt.
        ones: float64 [lanes], gets their probabilities of being 1.
    """

    state: Table
    weights: Annotated[NDArray[np.int32], 2]
    bits: Annotated[NDArray[np.int32], 1]
    ones: Annotated[NDArray[np.float64], 1]


PLANE = Schema(PlaneTable)
open_plane = PLANE.opener()
"""Opens, in compiled code, the table of a :class:`PlaneTable`."""


@jit
def predict_bits(table, plane, lo, hi, begin):
    """Write the probabilities of a plane to ``ones``; returns 0.

    Args:
        table: address of the table of a :class:`PlaneTable`.
        plane: 0 to 7.
        lo: first lane.
        hi: one past the last lane.
        begin: 1 for the plane that is coded next; 0 where nodes and slots have been set, for any.
    """
    turn = open_plane(table)
    s = open_state(turn.state)
    if begin:
        begin_plane(s, plane, lo, hi, turn.weights)
    predict_at(s, plane, lo, hi, turn.ones)
    return np.int64(0)


@jit
def learn_bits(table, plane, lo, hi):
    """Learn ``bits`` of a plane; plane 7 ends the byte. Returns 0."""
    turn = open_plane(table)
    learn_plane(open_state(turn.state), plane, lo, hi, turn.bits)
    return np.int64(0)

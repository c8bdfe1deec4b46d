"""Find the record length of tables and images.

A distance is a record length where bytes often equal the byte that far back.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import jit

from .state import MAX_PERIOD, PERIOD, POSITION, START

SAMPLE = 8
"""One byte in so many is looked at."""

EVERY = 32
"""Steps between decisions."""

LEAST_VOTES = 32
"""Bytes looked at before there is a record length."""

FORGET = 1 << 13
"""Bytes looked at after which all counts are halved."""


@jit
def vote(s, lo, hi):
    """Count the distances at which a lane's last byte occurred before.

    Runs of one byte say nothing and are left out.
    """
    for lane in range(lo, hi):
        position = np.int64(s.lanes[lane, POSITION])
        done = position - s.lanes[lane, START]
        if done < 2 or (lane + done) % SAMPLE != 0:
            continue
        byte = s.history[position - 1]
        if byte == s.history[position - 2]:
            continue
        reach = min(MAX_PERIOD, done - 1)
        past = s.history[position - 1 - reach : position - 1]
        votes = s.votes[1 : reach + 1]
        for k in range(reach):
            votes[k] += np.int32(past[reach - 1 - k] == byte)
        s.votes[0] += 1


@jit
def set_period(s):
    """Set the record length: the smallest distance nearly as good as the best one.

    It is 0, for none, where the best distance does not stand out.
    """
    votes = s.votes
    best = 2
    total = 0
    for d in range(2, MAX_PERIOD + 1):
        total += votes[d]
        if votes[d] > votes[best]:
            best = d
    clear = votes[best] * (MAX_PERIOD - 1) > 2 * total and votes[best] * 10 > votes[0]
    s.config[PERIOD] = 0
    if clear and votes[0] >= LEAST_VOTES:
        d = 2
        while votes[d] * 8 < votes[best] * 7:
            d += 1
        s.config[PERIOD] = d
    if votes[0] >= FORGET:
        for d in range(MAX_PERIOD + 1):
            votes[d] >>= 1

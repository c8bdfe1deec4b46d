"""Compute what the hashed contexts are made of, and their hashes."""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import jit

from .hashing import BYTE, STIR, U, low_bytes, mix64
from .profiles import Context
from .state import (
    BRACKET,
    CLASSES,
    CONTEXT_IDS,
    CONTEXTS,
    EXPECTED,
    FIRST,
    KEYS,
    LINE,
    LINE_BEFORE,
    NODE,
    PERIOD,
    POSITION,
    RECENT,
    RUN,
    START,
    TABULAR_IDS,
    WORD,
    WORD1,
    WORD2,
)
from .tables import CLASS, CLOSING, OPENING

# Plain integers: numba compares them without boxing.
ORDER6, LOCAL2, LOCAL3 = int(Context.ORDER6), int(Context.LOCAL2), int(Context.LOCAL3)
LOCAL_WORD, BIGRAM = int(Context.LOCAL_WORD), int(Context.BIGRAM)
SKIP_BIGRAM, LINE_WORD = int(Context.SKIP_BIGRAM), int(Context.LINE_WORD)
LINE_ORDER2, ABOVE_LINE, BRACKETED = (
    int(Context.LINE),
    int(Context.ABOVE_LINE),
    int(Context.BRACKET),
)
MATCHED, SKIP1, SKIP2 = int(Context.MATCHED), int(Context.SKIP1), int(Context.SKIP2)
ABOVE, ABOVE2, COLUMN = int(Context.ABOVE), int(Context.ABOVE2), int(Context.COLUMN)
LOCAL4, LOCAL_BIGRAM, TRIGRAM = (
    int(Context.LOCAL4),
    int(Context.LOCAL_BIGRAM),
    int(Context.TRIGRAM),
)
NEWLINE = 10
LANE_SALT = np.uint64(1) << np.uint64(32)  # keeps the lane's number apart from the bytes below it


@jit
def read_byte(keys, lane_state):
    """Take the byte just coded, which the node holds, into what a lane knows of its text.

    Args:
        keys: the lane's row of ``State.keys``.
        lane_state: the lane's row of ``State.lanes``; its POSITION is already behind the byte.
    """
    byte = np.int64(lane_state[NODE]) & 255
    if low_bytes(keys[RECENT], 1) == U(NEWLINE):
        keys[FIRST] = U(byte)
    if byte == NEWLINE:
        lane_state[LINE_BEFORE] = lane_state[LINE]
        lane_state[LINE] = lane_state[POSITION]
    if OPENING[byte]:
        keys[BRACKET] = U(byte)
    elif CLOSING[byte]:
        keys[BRACKET] = U(byte == NEWLINE)
    keys[CLASSES] = ((keys[CLASSES] << U(3)) | CLASS[byte]) & BYTE
    keys[RECENT] = (keys[RECENT] << U(8)) | U(byte)
    if CLASS[byte] <= U(1):
        keys[WORD] = mix64(keys[WORD], U(byte | 32))
    elif keys[WORD] != U(0):
        keys[WORD2] = keys[WORD1]
        keys[WORD1] = keys[WORD]
        keys[WORD] = U(0)
    lane_state[NODE] = 1


@jit
def _byte_at(history, position, start):
    return U(history[position]) if position >= start else U(0)


@jit
def _word_value(keys, context, lane):
    word = mix64(keys[WORD], keys[RECENT] & BYTE)
    if context == LOCAL_WORD:
        return word + U(lane + 1)
    if context == BIGRAM:
        return mix64(word, keys[WORD1])
    if context == SKIP_BIGRAM:
        return mix64(word, keys[WORD2])
    if context == LINE_WORD:
        return word + keys[FIRST]
    if context == LOCAL_BIGRAM:
        return mix64(word, keys[WORD1]) + U(lane + 1)
    if context == TRIGRAM:
        return mix64(mix64(word, keys[WORD1]), keys[WORD2])
    return word


@jit
def _tabular_value(history, lane_state, c1, context, period):
    above_at = np.int64(lane_state[POSITION]) - period
    start = lane_state[START]
    above = _byte_at(history, above_at, start)
    if context == ABOVE:
        return (above << U(8)) | c1
    if context == ABOVE2:
        return (above << U(8)) | _byte_at(history, above_at - period, start)
    if context == COLUMN:
        return (U(lane_state[POSITION] % period) << U(8)) | above
    left = _byte_at(history, above_at - 1, start)
    right = _byte_at(history, above_at + 1, start)
    return (above << U(24)) | (left << U(16)) | (right << U(8)) | c1


@jit
def _line_value(history, keys, lane_state, context):
    recent = keys[RECENT]
    if context == ABOVE_LINE:
        at = np.int64(lane_state[LINE_BEFORE]) + (lane_state[POSITION] - lane_state[LINE])
        above = U(history[at]) if at < lane_state[LINE] else U(NEWLINE)
        return (above << U(8)) | (recent & BYTE)
    other = keys[FIRST] if context == LINE_ORDER2 else keys[BRACKET]
    return (other << U(16)) | low_bytes(recent, 2)


@jit
def _context_value(history, keys, lane_state, lane, context, period):
    recent = keys[RECENT]
    if context <= ORDER6:
        return low_bytes(recent, context)
    if context <= LOCAL3:
        return low_bytes(recent, context - LOCAL2 + 2) + LANE_SALT * U(lane + 1)
    if context <= LINE_WORD:
        return _word_value(keys, context, lane)
    if context <= BRACKETED:
        return _line_value(history, keys, lane_state, context)
    if context == MATCHED:
        expected = U(lane_state[EXPECTED] + 1) << U(4) | U(min(lane_state[RUN], 15))
        return expected << U(8) | (recent & BYTE)
    if context == SKIP1:
        return recent & U(0xFFFF00)
    if context == SKIP2:
        return recent & U(0xFFFF0000)
    if context == LOCAL4:
        return mix64(low_bytes(recent, 4), LANE_SALT * U(lane + 1))
    if context >= LOCAL_BIGRAM:
        return _word_value(keys, context, lane)
    return _tabular_value(history, lane_state, recent & BYTE, context, period)


@jit
def hash_contexts(s, lo, hi):
    """Hash every context of the lanes for their next byte.

    The hashes go into the columns of ``keys`` from KEYS on.
    """
    history, keys, lanes = s.history, s.keys, s.lanes
    period = s.config[PERIOD]
    first_id = TABULAR_IDS if period > 0 else CONTEXT_IDS
    for i in range(s.config[CONTEXTS]):
        context = s.config[first_id + i]
        salt = U(context + 1) * STIR
        for lane in range(lo, hi):
            value = _context_value(history, keys[lane], lanes[lane], lane, context, period)
            keys[lane, KEYS + i] = mix64(value, salt)

"""Compute what the contexts are made of, and their hashes.

Before each byte the value of every context there is gets computed, and those that the profile names
are hashed. :mod:`.text` keeps up what they are computed from.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import part

from .hashing import BYTE, STIR, U, low_bytes, mix64
from .profiles import Context
from .state import (
    BRACKET,
    CLASSES,
    CONTEXT_IDS,
    CONTEXTS,
    EXPECTED,
    FIELD,
    FIELD_OFFSET,
    FIRST,
    FOLLOWER,
    INSTRUCTION,
    INSTRUCTION_BEFORE,
    KEYS,
    LAST_SYMBOLS,
    LINE,
    LINE_BEFORE,
    LINE_HASH,
    MODRM,
    NUMBERS,
    OF_MATCH,
    OPCODE,
    PERIOD,
    PHASE,
    POSITION,
    RECENT,
    REMAINING,
    RUN,
    SENTENCE,
    SEPARATOR,
    SIZES,
    START,
    STEP,
    WITH_FOLLOWERS,
    WORD,
    WORD1,
    WORD2,
)
from .tables import DIFFERENCE_CLASS
from .text import NEWLINE

LANE_SALT = np.uint64(1) << np.uint64(40)  # keeps the lane's number apart from the bytes below it

# Plain integers: numba indexes with them at no cost.
(
    (ORDER0, *_, WORD_CONTEXT, BIGRAM, SKIP_BIGRAM, TRIGRAM, LINE_WORD, SENTENCE_WORD),
    (BRACKETED, CASES, CLASSES8, SYMBOL, ABOVE_LINE, COLUMN_WORD, COLUMN_ABOVE, WHOLE_LINE),
    (NUMBER_ORDER5, FIELD_PLACE, MATCHED, FOLLOWED1, FOLLOWED2, FOLLOWED4, SKIP1, SKIP2, SKIP3),
    (THIRD, UPPER, SIZES4, INSTRUCTION_BYTES, OPCODES, LOCAL2, LOCAL3, LOCAL4, LOCAL_WORD),
    (LOCAL_BIGRAM, ABOVE, ABOVE2, COLUMN, AROUND, MEAN, GRADIENT, CURVE),
) = (
    [int(context) for context in Context if first <= context < last]
    for first, last in ((0, 14), (14, 22), (22, 31), (31, 40), (40, len(Context)))
)


@part
def byte_back(history, lane_state, distance):
    """Return the byte of the lane that stood ``distance`` before the next one; 0 before its start.

    int64.
    """
    at = np.int64(lane_state[POSITION]) - distance
    return np.int64(history[at]) if at >= lane_state[START] else 0


@part
def _write_words(values, keys, own):
    recent, word1, word2 = keys[RECENT], keys[WORD1], keys[WORD2]
    c1, pair = recent & BYTE, low_bytes(recent, 2)
    word = mix64(keys[WORD], c1)
    values[WORD_CONTEXT] = word
    values[BIGRAM] = mix64(word, word1)
    values[SKIP_BIGRAM] = mix64(word, word2)
    values[TRIGRAM] = mix64(mix64(word, word1), word2)
    values[LINE_WORD] = word + keys[FIRST]
    values[SENTENCE_WORD] = mix64(word, keys[SENTENCE])
    values[BRACKETED] = keys[BRACKET] << U(16) | pair
    values[CASES] = mix64(word1, keys[CLASSES] & U(0xFFF))
    values[CLASSES8] = mix64(keys[CLASSES] & U(0xFFFFFF), c1)
    values[SYMBOL] = mix64(keys[LAST_SYMBOLS], pair)
    values[LOCAL_WORD] = word + own
    values[LOCAL_BIGRAM] = values[BIGRAM] + own


@part
def _write_lines(values, history, keys, lane_state):
    """Write the contexts of lines and fields: what stands above, and where in the line it is."""
    c1 = keys[RECENT] & BYTE
    column = np.int64(lane_state[POSITION]) - lane_state[LINE]
    at = np.int64(lane_state[LINE_BEFORE]) + column
    above = U(history[at]) if at < lane_state[LINE] else U(NEWLINE)
    right = U(history[at + 1]) if at + 1 < lane_state[LINE] else U(NEWLINE)
    values[ABOVE_LINE] = above << U(8) | c1
    values[COLUMN_WORD] = mix64(values[WORD_CONTEXT], above << U(8) | right)
    values[COLUMN_ABOVE] = U(min(column, 255)) << U(8) | above
    values[WHOLE_LINE] = keys[LINE_HASH]
    values[NUMBER_ORDER5] = low_bytes(keys[NUMBERS], 5)
    place = U(lane_state[FIELD]) << U(16) | U(lane_state[FIELD_OFFSET]) << U(8)
    values[FIELD_PLACE] = place | keys[SEPARATOR]


@part
def _write_followers(values, followers, keys, lane_state):
    """Write the contexts of what followed the last bytes, and the last words, before."""
    c1 = keys[RECENT] & BYTE
    values[FOLLOWED1] = U(followers[U(lane_state[FOLLOWER])]) << U(8) | c1
    values[FOLLOWED2] = U(followers[U(lane_state[FOLLOWER + 1])]) << U(8) | c1
    together = c1
    for k in range(2, 6):
        together = together << U(8) | U(followers[U(lane_state[FOLLOWER + k])]) & BYTE
    values[FOLLOWED4] = together


@part
def _write_binary(values, keys, lane_state):
    recent = keys[RECENT]
    values[SKIP1] = recent & U(0xFFFF00)
    values[SKIP2] = recent & U(0xFFFF0000)
    values[SKIP3] = recent & U(0xFF00FF00)
    values[THIRD] = recent & U(0xFF0000)
    values[UPPER] = recent & U(0xC0C0C0C0C0C0C0C0)
    values[SIZES4] = keys[SIZES] & U(0xFFFF)
    phase = U(lane_state[PHASE])
    values[INSTRUCTION_BYTES] = mix64(keys[INSTRUCTION], phase)
    here = phase << U(40) | U(lane_state[REMAINING]) << U(32) | U(lane_state[MODRM]) << U(24)
    values[OPCODES] = mix64(here | U(lane_state[OPCODE]), U(lane_state[INSTRUCTION_BEFORE]))


@part
def _sample(history, lane_state, distance):
    """Return the 16-bit sample, low byte first, that began ``distance`` before the next byte."""
    low = byte_back(history, lane_state, distance)
    return np.int64(np.int16(low | byte_back(history, lane_state, distance - 1) << 8))


@part
def _write_samples(values, history, keys, lane_state, step):
    """Write the context of sound: the curve through the last three samples of the channel, gone on.

    For the upper byte of a sample the lower one is added.
    """
    place = np.int64(lane_state[POSITION]) - lane_state[START]
    odd = place & 1
    s1 = _sample(history, lane_state, step + odd)
    s2 = _sample(history, lane_state, 2 * step + odd)
    s3 = _sample(history, lane_state, 3 * step + odd)
    expected = ((3 * s1 - 3 * s2 + s3) & 0xFFFFF) >> (4 + 2 * odd)
    low = keys[RECENT] & BYTE if odd else U(0)
    values[CURVE] = U(place % step) << U(48) | low << U(40) | U(expected)


@part
def _write_records(values, history, keys, lane_state, period, step):
    """Write the contexts of records and pictures: north is one record back, west one step.

    A record, or a picture's row, has ``period`` bytes; a pixel, or a sound's frame, ``step``.
    """
    c1 = np.int64(keys[RECENT] & BYTE)
    place = np.int64(lane_state[POSITION]) - lane_state[START]
    north, west = byte_back(history, lane_state, period), byte_back(history, lane_state, step)
    northwest = byte_back(history, lane_state, period + step)
    left = byte_back(history, lane_state, period + 1)
    right = byte_back(history, lane_state, period - 1) if period > 1 else 0
    values[ABOVE] = U(north << 8 | c1)
    values[ABOVE2] = U(north << 8 | byte_back(history, lane_state, 2 * period))
    values[COLUMN] = U((place % period) << 8 | north)
    values[AROUND] = U(north << 24 | left << 16 | right << 8 | c1)
    channel = U(place % step) << U(48)
    mean = (west + north) >> 1
    rows = DIFFERENCE_CLASS[west - northwest + 255] << 8
    values[MEAN] = channel | U(mean << 16 | rows | DIFFERENCE_CLASS[north - northwest + 255])
    guess = min(max(north + c1 - left, 0), 255)
    smooth = min(max(west + north - northwest, 0), 255)
    values[GRADIENT] = channel | U(guess << 8 | DIFFERENCE_CLASS[west - smooth + 255])


@part
def _write_values(s, lane, values, keys, lane_state):
    """Compute every context's value for the lane's next byte."""
    recent = keys[RECENT]
    own = LANE_SALT * U(lane + 1)
    for order in range(8):
        values[U(ORDER0 + order)] = low_bytes(recent, order)
    values[LOCAL2] = low_bytes(recent, 2) | own
    values[LOCAL3] = low_bytes(recent, 3) | own
    values[LOCAL4] = mix64(low_bytes(recent, 4), own)
    first = lane_state[EXPECTED] >= 0
    expected = lane_state[EXPECTED] if first else lane_state[OF_MATCH + EXPECTED]
    run = min(lane_state[RUN] if first else lane_state[OF_MATCH + RUN], 15)
    values[MATCHED] = U(expected + 1) << U(12) | U(run) << U(8) | recent & BYTE
    _write_words(values, keys, own)
    _write_lines(values, s.history, keys, lane_state)
    if s.config[WITH_FOLLOWERS]:
        _write_followers(values, s.followers, keys, lane_state)
    _write_binary(values, keys, lane_state)
    period, step = s.config[PERIOD], s.config[STEP]
    if period > 0:
        _write_records(values, s.history, keys, lane_state, period, step)
        _write_samples(values, s.history, keys, lane_state, step)


@part
def hash_contexts(s, lo, hi):
    """Hash every context of the lanes for their next byte.

    The hashes go into the columns of ``keys`` from KEYS on.
    """
    for lane in range(lo, hi):
        values, keys = s.values[lane], s.keys[lane]
        _write_values(s, lane, values, keys, s.lanes[lane])
        for i in range(s.config[CONTEXTS]):
            context = U(s.config[CONTEXT_IDS + i])
            keys[U(KEYS + i)] = mix64(values[context], (context + U(1)) * STIR)

"""Keep up what a lane knows of its text: words, lines, fields, and what followed before."""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import part

from .hashing import BYTE, U, low_bytes, mix64
from .instruction import AT_OPCODE, read_instruction
from .state import (
    BRACKET,
    CLASSES,
    FIELD,
    FIELD_OFFSET,
    FIRST,
    FOLLOWER,
    INSTRUCTION,
    LAST_SYMBOLS,
    LINE,
    LINE_BEFORE,
    LINE_HASH,
    NUMBERS,
    PHASE,
    POSITION,
    PREFIX_COUNT,
    RECENT,
    SENTENCE,
    SEPARATOR,
    SIZES,
    WITH_CODE,
    WITH_FOLLOWERS,
    WORD,
    WORD1,
    WORD2,
    WORD_LENGTH,
)
from .tables import CLASS, CLOSING, ENDS_SENTENCE, OPENING, SEPARATES, SIZE_CLASS

NEWLINE = 10
SPACE = 32
ZERO, NINE = 48, 57
FOLLOWERS_BITS = 16
"""log2 of the rows of each table of what followed; there are six, of orders 1 to 4 (orders 3 and 4
hashed), the word, and two words."""

MOST_FIELDS = 63
MOST_OFFSET = 255


@part
def _end_word(keys, lane_state, byte):
    if keys[WORD] != U(0):
        if keys[SENTENCE] == U(0):
            keys[SENTENCE] = keys[WORD]
        keys[WORD2] = keys[WORD1]
        keys[WORD1] = keys[WORD]
        keys[WORD] = U(0)
    lane_state[WORD_LENGTH] = 0
    keys[LAST_SYMBOLS] = keys[LAST_SYMBOLS] << U(8) | U(byte)


@part
def _read_line(keys, lane_state, before, byte):
    """Keep up the line: its first byte, its bracket, and its hash with numbers made alike."""
    if before == NEWLINE:
        keys[FIRST] = U(byte)
    if OPENING[byte]:
        keys[BRACKET] = U(byte)
    elif CLOSING[byte]:
        keys[BRACKET] = U(byte == NEWLINE)
    digit = ZERO <= byte <= NINE
    if not (digit and ZERO <= before <= NINE):
        plain = U(ZERO if digit else byte)
        keys[NUMBERS] = keys[NUMBERS] << U(8) | plain
        keys[LINE_HASH] = mix64(keys[LINE_HASH], plain)
    if byte == NEWLINE:
        lane_state[LINE_BEFORE] = lane_state[LINE]
        lane_state[LINE] = lane_state[POSITION]
        keys[LINE_HASH] = keys[SEPARATOR] = keys[SENTENCE] = U(0)
        lane_state[FIELD] = lane_state[FIELD_OFFSET] = 0


@part
def _read_field(keys, lane_state, before, byte):
    """Count fields, and the bytes of the present one; several spaces separate once."""
    if byte == NEWLINE:
        return
    if SEPARATES[byte]:
        if not (byte == SPACE and before == SPACE):
            lane_state[FIELD] = min(lane_state[FIELD] + 1, MOST_FIELDS)
        lane_state[FIELD_OFFSET] = 0
        keys[SEPARATOR] = U(byte)
    else:
        lane_state[FIELD_OFFSET] = min(lane_state[FIELD_OFFSET] + 1, MOST_OFFSET)


@part
def _follow(followers, lane_state, byte):
    """Enter the byte as what followed its contexts."""
    for k in range(6):
        at = U(lane_state[FOLLOWER + k])
        followers[at] = np.uint16(np.int64(followers[at]) << 8 & 0xFF00 | byte)


@part
def _find_followers(keys, lane_state):
    recent, last = keys[RECENT], keys[RECENT] & BYTE
    word = mix64(keys[WORD], last)
    shift = U(64 - FOLLOWERS_BITS)
    lane_state[FOLLOWER] = np.int64(last)
    lane_state[FOLLOWER + 1] = 1 << FOLLOWERS_BITS | np.int64(low_bytes(recent, 2))
    third = mix64(low_bytes(recent, 3), U(1)) >> shift
    lane_state[FOLLOWER + 2] = 2 << FOLLOWERS_BITS | np.int64(third)
    fourth = mix64(low_bytes(recent, 4), U(2)) >> shift
    lane_state[FOLLOWER + 3] = 3 << FOLLOWERS_BITS | np.int64(fourth)
    lane_state[FOLLOWER + 4] = 4 << FOLLOWERS_BITS | np.int64(mix64(word, U(3)) >> shift)
    pair = mix64(mix64(word, keys[WORD1]), U(4)) >> shift
    lane_state[FOLLOWER + 5] = 5 << FOLLOWERS_BITS | np.int64(pair)


@part
def read_byte(s, keys, lane_state):
    """Take the byte just coded, the last of RECENT, into what a lane knows of its text.

    Args:
        s: the state.
        keys: the lane's row of ``State.keys``.
        lane_state: the lane's row of ``State.lanes``; its POSITION is already behind the byte.
    """
    byte, before = np.int64(keys[RECENT] & BYTE), np.int64(keys[RECENT] >> U(8) & BYTE)
    if s.config[WITH_FOLLOWERS]:
        _follow(s.followers, lane_state, byte)
    keys[CLASSES] = (keys[CLASSES] << U(3)) | CLASS[byte]
    keys[SIZES] = keys[SIZES] << U(4) | SIZE_CLASS[byte]
    if CLASS[byte] <= U(1):
        keys[WORD] = mix64(keys[WORD], U(byte | 32 if byte < 128 else byte))
        lane_state[WORD_LENGTH] += 1
    else:
        _end_word(keys, lane_state, byte)
    if ENDS_SENTENCE[byte]:
        keys[SENTENCE] = U(0)
    _read_line(keys, lane_state, before, byte)
    _read_field(keys, lane_state, before, byte)
    if s.config[WITH_CODE]:
        read_instruction(lane_state, byte)
        ended = lane_state[PHASE] == AT_OPCODE and lane_state[PREFIX_COUNT] == 0
        keys[INSTRUCTION] = U(0) if ended else mix64(keys[INSTRUCTION], U(byte + 1))
    if s.config[WITH_FOLLOWERS]:
        _find_followers(keys, lane_state)

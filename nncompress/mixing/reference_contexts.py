"""Define the contexts in plain Python: what a lane knows of its text, and each context's value.

One part is not written twice: the walk over x86 instructions, :mod:`.instruction`, which is plain
Python itself.
"""

from __future__ import annotations

import numpy as np

from .instruction import AT_OPCODE, read_instruction
from .profiles import Context
from .reference_parts import Cell, Match, Run
from .state import (
    INSTRUCTION_BEFORE,
    LANE_SIZE,
    MODRM,
    OPCODE,
    PHASE,
    PREFIX_COUNT,
    REMAINING,
)
from .tables import CLASS, CLOSING, ENDS_SENTENCE, OPENING, SEPARATES, SIZE_CLASS
from .text import FOLLOWERS_BITS, MOST_FIELDS, MOST_OFFSET, SPACE

WORD64 = (1 << 64) - 1
SPREAD, STIR = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
NEWLINE = 10


def mix64(a: int, b: int) -> int:
    """Hash two words into one of 64 bits whose upper bits are all well mixed."""
    h = (a + b) * SPREAD & WORD64
    h ^= h >> 29
    h = h * STIR & WORD64
    return h ^ h >> 32


def small_hash(value: int, bits: int) -> int:
    """Hash a word to ``bits`` bits."""
    return (value * SPREAD & WORD64) >> (64 - bits)


def low_bytes(word: int, count: int) -> int:
    """Keep the lowest ``count`` bytes of a word."""
    return word & (1 << 8 * count) - 1


class Text:
    """What a lane knows of its text.

    Attributes:
        recent: the last eight bytes, the last one lowest.
        word: a hash of the letters of the current word, 0 between words; word1 and word2 are the
            words before.
        word_length: letters of the current word.
        sentence: the first word of the sentence or line, 0 before it has ended.
        symbols: the last eight bytes that were no letters.
        classes: classes of the last characters, three bits each, the last lowest.
        sizes: classes of the last bytes as numbers, four bits each.
        first: the first byte of the line.
        bracket: the last opening bracket, 1 after a line's end, 0 after another closing one.
        line, line_before: where the line and the one before began.
        line_hash, numbers: all of the line, and the last eight bytes, with numbers made one 0.
        field, field_offset, separator: number of the field in the line, the place in it, and the
            byte that separated it.
        row: what :func:`~.instruction.read_instruction` keeps up.
        instruction: a hash of the bytes of the present instruction.
    """

    def __init__(self, start: int) -> None:
        self.recent = self.word = self.word1 = self.word2 = self.word_length = self.sentence = 0
        self.symbols = self.classes = self.sizes = self.first = self.bracket = 0
        self.line = self.line_before = start
        self.line_hash = self.numbers = self.field = self.field_offset = self.separator = 0
        self.row = np.zeros(LANE_SIZE, np.int32)
        self.instruction = 0

    @property
    def c1(self) -> int:
        """The last byte."""
        return self.recent & 255

    def read(self, byte: int, position: int) -> None:
        """Take a byte; ``position`` is the one behind it."""
        before = self.c1
        self.classes = (self.classes << 3 | int(CLASS[byte])) & WORD64
        self.recent = (self.recent << 8 | byte) & WORD64
        self.sizes = (self.sizes << 4 | int(SIZE_CLASS[byte])) & WORD64
        self._read_word(byte)
        self._read_line(before, byte, position)
        self._read_field(before, byte)
        read_instruction(self.row, byte)
        ended = self.row[PHASE] == AT_OPCODE and self.row[PREFIX_COUNT] == 0
        self.instruction = 0 if ended else mix64(self.instruction, byte + 1)

    def _read_word(self, byte: int) -> None:
        if CLASS[byte] <= 1:
            self.word = mix64(self.word, byte | 32 if byte < 128 else byte)
            self.word_length += 1
            return
        if self.word:
            self.sentence = self.sentence or self.word
            self.word, self.word1, self.word2 = 0, self.word, self.word1
        self.word_length = 0
        self.symbols = (self.symbols << 8 | byte) & WORD64
        if ENDS_SENTENCE[byte]:
            self.sentence = 0

    def _read_line(self, before: int, byte: int, position: int) -> None:
        if before == NEWLINE:
            self.first = byte
        if OPENING[byte]:
            self.bracket = byte
        elif CLOSING[byte]:
            self.bracket = int(byte == NEWLINE)
        digit = 48 <= byte <= 57
        if not (digit and 48 <= before <= 57):
            plain = 48 if digit else byte
            self.numbers = (self.numbers << 8 | plain) & WORD64
            self.line_hash = mix64(self.line_hash, plain)
        if byte == NEWLINE:
            self.line_before, self.line = self.line, position
            self.line_hash = self.separator = self.sentence = self.field = self.field_offset = 0

    def _read_field(self, before: int, byte: int) -> None:
        if byte == NEWLINE:
            return
        if SEPARATES[byte]:
            if not byte == before == SPACE:
                self.field = min(self.field + 1, MOST_FIELDS)
            self.field_offset, self.separator = 0, byte
        else:
            self.field_offset = min(self.field_offset + 1, MOST_OFFSET)

    def followed_keys(self) -> list[int]:
        """Return what is looked up to tell what followed: orders 1 to 4, one word, two words."""
        word = mix64(self.word, self.c1)
        hashes = [
            mix64(low_bytes(self.recent, 3), 1),
            mix64(low_bytes(self.recent, 4), 2),
            mix64(word, 3),
            mix64(mix64(word, self.word1), 4),
        ]
        return [self.c1, low_bytes(self.recent, 2), *(h >> (64 - FOLLOWERS_BITS) for h in hashes)]


class Lane:
    """What one lane knows, and what it has to remember from a prediction until it learns."""

    def __init__(self, number: int, start: int, models: list[Match]) -> None:
        self.number, self.start, self.position = number, start, start
        self.text, self.models = Text(start), models
        self.node = 1
        self.pending: int | None = None
        self.followed = [0] * 6
        self.keys: list[int] = []
        self.slots: list[list[int]] = []
        self.cells: list[Cell] = []
        self.runs: list[Run] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.chosen: list[list[int]] = []
        self.last_mix: list[int] = []
        self.mixed = 0
        self.final_places: list[tuple[list[int], int]] = []


class Shared:
    """What the lanes of a block share, as far as contexts are made of it.

    Attributes:
        history: the block so far, a number more than its bytes; 0 where nothing is coded yet.
        followers: the last two bytes that followed, by key, for each of ``Text.followed_keys``.
        period, step: of its records.
    """

    def __init__(self, size: int, period: int, step: int) -> None:
        self.history = [0] * (size + 1)
        self.followers: list[dict[int, int]] = [{} for _ in range(6)]
        self.period, self.step = period, step


def context_values(block: Shared, lane: Lane) -> dict[Context, int]:
    """Return the value of every context for a lane's next byte."""
    text, recent, c1 = lane.text, lane.text.recent, lane.text.c1
    own = lane.number + 1 << 40
    values = {Context(order): low_bytes(recent, order) for order in range(8)}
    values |= {
        Context.SKIP1: recent & 0xFFFF00,
        Context.SKIP2: recent & 0xFFFF0000,
        Context.SKIP3: recent & 0xFF00FF00,
        Context.THIRD: recent & 0xFF0000,
        Context.UPPER: recent & 0xC0C0C0C0C0C0C0C0,
        Context.SIZES4: text.sizes & 0xFFFF,
        Context.LOCAL2: low_bytes(recent, 2) | own,
        Context.LOCAL3: low_bytes(recent, 3) | own,
        Context.LOCAL4: mix64(low_bytes(recent, 4), own),
        Context.MATCHED: _matched(lane),
    }
    followed = [
        table.get(key, 0) for table, key in zip(block.followers, lane.followed, strict=True)
    ]
    values[Context.FOLLOWED1] = followed[0] << 8 | c1
    values[Context.FOLLOWED2] = followed[1] << 8 | c1
    together = c1
    for bytes_before in followed[2:]:
        together = together << 8 | bytes_before & 255
    values[Context.FOLLOWED4] = together
    values |= _words(text, own) | _lines(block, lane) | _code(text)
    if block.period:
        values |= _records(block, lane) | _samples(block, lane)
    return {context: values.get(context, 0) & WORD64 for context in Context}


def _matched(lane: Lane) -> int:
    found = [model for model in lane.models if model.expected >= 0]
    expected = found[0].expected if found else -1
    run = found[0].run if found else lane.models[1].run if len(lane.models) > 1 else 0
    return expected + 1 << 12 | min(run, 15) << 8 | lane.text.c1


def _words(text: Text, own: int) -> dict[Context, int]:
    pair = low_bytes(text.recent, 2)
    word = mix64(text.word, text.c1)
    bigram = mix64(word, text.word1)
    return {
        Context.WORD: word,
        Context.BIGRAM: bigram,
        Context.SKIP_BIGRAM: mix64(word, text.word2),
        Context.TRIGRAM: mix64(bigram, text.word2),
        Context.LINE_WORD: word + text.first,
        Context.SENTENCE_WORD: mix64(word, text.sentence),
        Context.BRACKET: text.bracket << 16 | pair,
        Context.CASES: mix64(text.word1, text.classes & 0xFFF),
        Context.CLASSES8: mix64(text.classes & 0xFFFFFF, text.c1),
        Context.SYMBOL: mix64(text.symbols, pair),
        Context.LOCAL_WORD: word + own,
        Context.LOCAL_BIGRAM: bigram + own,
    }


def _lines(block: Shared, lane: Lane) -> dict[Context, int]:
    """Return the contexts of the line before, and of the place in the line."""
    text, history, c1 = lane.text, block.history, lane.text.c1
    column = lane.position - text.line
    at = text.line_before + column
    above = history[at] if at < text.line else NEWLINE
    right = history[at + 1] if at + 1 < text.line else NEWLINE
    return {
        Context.ABOVE_LINE: above << 8 | c1,
        Context.COLUMN_WORD: mix64(mix64(text.word, c1), above << 8 | right),
        Context.COLUMN_ABOVE: min(column, 255) << 8 | above,
        Context.WHOLE_LINE: text.line_hash,
        Context.NUMBER_ORDER5: low_bytes(text.numbers, 5),
        Context.FIELD_PLACE: text.field << 16 | text.field_offset << 8 | text.separator,
    }


def _code(text: Text) -> dict[Context, int]:
    row = [int(number) for number in text.row]
    here = row[PHASE] << 40 | row[REMAINING] << 32 | row[MODRM] << 24 | row[OPCODE]
    return {
        Context.INSTRUCTION_BYTES: mix64(text.instruction, row[PHASE]),
        Context.OPCODES: mix64(here, row[INSTRUCTION_BEFORE]),
    }


def back(block: Shared, lane: Lane, distance: int) -> int:
    """Return the lane's byte ``distance`` before the next one, 0 before its start."""
    place = lane.position - distance
    return block.history[place] if place >= lane.start else 0


def _difference_class(difference: int) -> int:
    size = sum(abs(difference) >= start for start in (1, 2, 3, 4, 8, 16, 32, 64))
    return size + 16 * (difference < 0)


def _records(block: Shared, lane: Lane) -> dict[Context, int]:
    """Return the contexts of the record before, and of the pixels around."""
    period, step, c1 = block.period, block.step, lane.text.c1
    place = lane.position - lane.start
    north, west = back(block, lane, period), back(block, lane, step)
    northwest, left = back(block, lane, period + step), back(block, lane, period + 1)
    right = back(block, lane, period - 1) if period > 1 else 0
    channel = place % step << 48
    differences = _difference_class(west - northwest) << 8 | _difference_class(north - northwest)
    guess = min(max(north + c1 - left, 0), 255)
    smooth = min(max(west + north - northwest, 0), 255)
    return {
        Context.ABOVE: north << 8 | c1,
        Context.ABOVE2: north << 8 | back(block, lane, 2 * period),
        Context.COLUMN: place % period << 8 | north,
        Context.AROUND: north << 24 | left << 16 | right << 8 | c1,
        Context.MEAN: channel | (west + north) // 2 << 16 | differences,
        Context.GRADIENT: channel | guess << 8 | _difference_class(west - smooth),
    }


def _samples(block: Shared, lane: Lane) -> dict[Context, int]:
    step, place = block.step, lane.position - lane.start
    odd = place & 1

    def sample(distance: int) -> int:
        number = back(block, lane, distance) | back(block, lane, distance - 1) << 8
        return number - 65536 if number >= 32768 else number

    s1, s2, s3 = (sample(k * step + odd) for k in (1, 2, 3))
    expected = (3 * s1 - 3 * s2 + s3 & 0xFFFFF) >> (6 if odd else 4)
    low = lane.text.c1 if odd else 0
    return {Context.CURVE: place % step << 48 | low << 40 | expected}

"""Describe what a predictor consists of: what encoder and decoder share, and never change."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Kind(enum.IntEnum):
    """Names the kinds of data that have profiles of their own.

    The numbers are bytes: see tests/structure/test_names_that_are_bytes.py.
    """

    TEXT = 0  # prose, markup, source code
    TABLE = 1  # text in lines that are like each other: logs, columns, nested data
    BINARY = 2  # machine code, databases, anything else
    RECORDS = 3  # pictures, sound, and tables of numbers


class Context(enum.IntEnum):
    """Names what a hashed context is made of.

    c1 is the last byte of the lane, c2 the one before, and so on. Letters are those of ASCII and
    all bytes from 128 on. The numbers are bytes: see tests/structure/test_names_that_are_bytes.py.
    """

    ORDER0 = 0
    ORDER1 = 1
    ORDER2 = 2
    ORDER3 = 3
    ORDER4 = 4
    ORDER5 = 5
    ORDER6 = 6
    ORDER7 = 7
    WORD = 8  # letters of the current word, and c1
    BIGRAM = 9  # current word and the one before
    SKIP_BIGRAM = 10  # current word and the one before the last
    TRIGRAM = 11  # current word and the two before
    LINE_WORD = 12  # current word and the first byte of the line
    SENTENCE_WORD = 13  # current word and the first of the sentence or line
    BRACKET = 14  # c1, c2 and the last opening bracket
    CASES = 15  # the word before, and the classes of the last four bytes
    CLASSES8 = 16  # c1, and the classes of the last eight bytes
    SYMBOL = 17  # the last eight bytes that were no letters, c1 and c2
    ABOVE_LINE = 18  # c1 and the byte above in the line before
    COLUMN_WORD = 19  # current word, the byte above in the line before and the one right of it
    COLUMN_ABOVE = 20  # the place in the line, and the byte above
    WHOLE_LINE = 21  # all of the line so far, numbers made alike
    NUMBER_ORDER5 = 22  # order 5, with each number made one 0
    FIELD_PLACE = 23  # number of the field in the line, place in it, and what separated it
    MATCHED = 24  # c1 and the byte that a match model expects, and how surely
    FOLLOWED1 = 25  # c1, and the last two bytes that followed it before
    FOLLOWED2 = 26  # c1, and the last two bytes that followed c2 and c1 before
    FOLLOWED4 = 27  # c1, and what followed orders 3 and 4, the word and the last two words before
    SKIP1 = 28  # c2, c3
    SKIP2 = 29  # c3, c4
    SKIP3 = 30  # c2, c4
    THIRD = 31  # c3
    UPPER = 32  # the upper two bits of the last eight bytes
    SIZES4 = 33  # the classes, as numbers, of the last four bytes
    INSTRUCTION_BYTES = 34  # the bytes of the present x86 instruction
    OPCODES = 35  # its opcode and place in it, and the instruction before
    LOCAL2 = 36  # order 2, for this lane alone: its own subject tells more than the other lanes'
    LOCAL3 = 37
    LOCAL4 = 38
    LOCAL_WORD = 39
    LOCAL_BIGRAM = 40
    # The rest needs a record length.
    ABOVE = 41  # the byte one record before, and c1
    ABOVE2 = 42  # the bytes one and two records before
    COLUMN = 43  # the place in the record, and the byte above
    AROUND = 44  # the three bytes above, and c1
    MEAN = 45  # mean of the pixels to the west and north, and how they differ from the north-west
    GRADIENT = 46  # the byte expected from those above, and how the pixel to the west fits
    CURVE = 47  # the 16-bit sample expected from the last three


class Selector(enum.IntEnum):
    """Names what picks the weight vector of a weight set.

    The numbers are bytes: see tests/structure/test_names_that_are_bytes.py.
    """

    NODE = 0  # the bits of the byte so far
    CLASSES = 1  # the classes of the last characters
    MATCH = 2  # the length of the match, and the bit plane
    LANE = 3  # the lane: what it holds differs from the others
    BYTE = 4  # c1, and the bit plane
    BRACKET = 5  # the last opening bracket
    SEEN = 6  # how many contexts have been seen before, the match, and the bit plane
    CLUSTER = 7  # the cluster that the network's hidden vector falls into
    BYTE2 = 8  # c2
    WORD = 9  # length of the current word, the last class, and the bit plane
    SIZES = 10  # the classes, as numbers, of c1 and c2, and the bit plane
    INSTRUCTION = 11  # the place in an x86 instruction, and the bit plane
    RECORD = 12  # the place in the pixel or sample, what repeats in the record, and the bit plane


@dataclass(frozen=True)
class Profile:
    """Describes a predictor; a profile is part of what an archive's method means.

    Attributes:
        contexts: the hashed contexts; at most 32.
        selectors: what picks the weights of each weight set; at most 16.
        network: whether the network's weights are an input.
        records: whether the data has records, whose length a predictor is told.
        slot_bits: log2 of the most hashed slots (16 bytes each) there can be, 8 to 26; fewer for
            small blocks.
        match_bytes: how many bytes must agree for a match, 3 to 8.
        local_match_bytes: the same for a second match model, within the lane; 0 for none.
        runs: how many of the contexts, the first ones, have runs; see runs.
        rate: learning rate of the weight sets in the end, in units of 2**-12; at most 2,047.
        first_rate: the rate at the start.
    """

    contexts: tuple[Context, ...]
    selectors: tuple[Selector, ...]
    network: bool
    records: bool = False
    slot_bits: int = 22
    match_bytes: int = 6
    local_match_bytes: int = 0
    runs: int = 0
    rate: int = 48
    first_rate: int = 144


def _contexts(names: str) -> tuple[Context, ...]:
    return tuple(Context[name] for name in names.split())


# Contexts of few values, such as ORDER0 and SIZES4, cost least and gain most.
TEXT_FAST = _contexts("ORDER0 ORDER1 ORDER2 ORDER3 ORDER4 WORD BIGRAM SIZES4")
TEXT_MEDIUM = _contexts(
    "ORDER0 ORDER1 ORDER2 ORDER3 ORDER4 ORDER6 WORD BIGRAM LINE_WORD MATCHED CLASSES8 SIZES4"
)
TEXT_RICH = _contexts(
    "ORDER0 ORDER1 ORDER2 ORDER3 ORDER4 SYMBOL ORDER6 WORD BIGRAM SKIP_BIGRAM ABOVE_LINE MATCHED"
    " CASES FIELD_PLACE LINE_WORD CLASSES8 SENTENCE_WORD SIZES4 WHOLE_LINE"
)
TEXT_MOST = TEXT_RICH + _contexts(
    "FOLLOWED1 FOLLOWED2 FOLLOWED4 BRACKET TRIGRAM ORDER5 NUMBER_ORDER5 COLUMN_WORD COLUMN_ABOVE"
    " UPPER"
)
TABLE_FAST = _contexts("ORDER0 ORDER1 ORDER2 ORDER4 WORD FIELD_PLACE COLUMN_ABOVE SIZES4")
TABLE_MEDIUM = _contexts(
    "ORDER0 ORDER1 ORDER2 ORDER3 ORDER4 ORDER6 WORD FIELD_PLACE COLUMN_ABOVE CLASSES8 FOLLOWED4"
    " SIZES4"
)
TABLE_RICH = TABLE_MEDIUM + _contexts("BIGRAM WHOLE_LINE NUMBER_ORDER5 MATCHED COLUMN_WORD SKIP2")
TABLE_MOST = TABLE_RICH + _contexts(
    "ABOVE_LINE LINE_WORD SYMBOL CASES SKIP_BIGRAM SENTENCE_WORD FOLLOWED2 ORDER5 BRACKET UPPER"
    " TRIGRAM"
)
BINARY_FAST = _contexts("ORDER0 ORDER1 ORDER2 ORDER3 SIZES4 INSTRUCTION_BYTES SKIP3 CLASSES8")
BINARY_MEDIUM = _contexts(
    "ORDER0 ORDER1 ORDER2 ORDER3 ORDER6 INSTRUCTION_BYTES SIZES4 UPPER SKIP3 THIRD FOLLOWED2"
    " CLASSES8"
)
BINARY_RICH = BINARY_MEDIUM + _contexts("WORD SKIP2 OPCODES ORDER4 MATCHED FOLLOWED1 WHOLE_LINE")
BINARY_MOST = BINARY_RICH + _contexts(
    "SKIP1 BIGRAM ORDER5 FOLLOWED4 CASES SYMBOL FIELD_PLACE LINE_WORD TRIGRAM ORDER7"
)
RECORDS_FAST = _contexts("ORDER1 ORDER2 ORDER3 ABOVE2 MEAN CURVE")
RECORDS_MEDIUM = _contexts("ORDER1 ORDER2 ORDER3 ORDER6 SIZES4 UPPER SKIP3 ABOVE2 MEAN CURVE")
RECORDS_RICH = RECORDS_MEDIUM + _contexts("GRADIENT COLUMN AROUND SKIP2 THIRD ABOVE")
RECORDS_MOST = RECORDS_RICH + _contexts("FOLLOWED2 WORD ORDER4 MATCHED ORDER0")

# What runs gain most for, in the order of kinds.
RUN_CONTEXTS = (
    _contexts("ORDER2 ORDER3 WORD BIGRAM LINE_WORD SENTENCE_WORD SKIP_BIGRAM CASES"),
    _contexts(
        "ORDER0 ORDER1 SIZES4 UPPER CASES CLASSES8 FIELD_PLACE LINE_WORD ABOVE_LINE COLUMN_ABOVE"
    ),
    _contexts(
        "ORDER0 ORDER1 SIZES4 UPPER THIRD SKIP1 SKIP2 SKIP3 INSTRUCTION_BYTES OPCODES FOLLOWED2"
        " FIELD_PLACE"
    ),
    _contexts("ORDER0 ORDER1 SIZES4 UPPER SKIP3 THIRD SKIP2 ABOVE"),
)


def _selectors(names: str) -> tuple[Selector, ...]:
    return tuple(Selector[name] for name in names.split())


TEXT_SETS = _selectors("NODE CLASSES WORD BYTE MATCH BRACKET")
TABLE_SETS = _selectors("NODE CLASSES MATCH BYTE WORD SEEN")
BINARY_SETS = _selectors("NODE SIZES MATCH INSTRUCTION BYTE2 BYTE SEEN CLASSES")
RECORDS_SETS = _selectors("NODE RECORD MATCH BYTE2 SIZES BYTE")


def _alone(
    kind: Kind,
    contexts: tuple[Context, ...],
    selectors: tuple[Selector, ...],
    matches: int,
    slot_bits: int,
    runs: tuple[Context, ...],
) -> Profile:
    rates = {Kind.TEXT: (48, 144), Kind.TABLE: (96, 192)}.get(kind, (96, 288))
    return Profile(
        runs + tuple(context for context in contexts if context not in runs),
        selectors,
        network=False,
        records=kind is Kind.RECORDS,
        slot_bits=slot_bits,
        match_bytes=8 if matches > 1 else 6,
        local_match_bytes=5 if matches > 1 else 0,
        runs=len(runs),
        rate=rates[0],
        first_rate=rates[1],
    )


_SETS = (TEXT_SETS, TABLE_SETS, BINARY_SETS, RECORDS_SETS)
_NO_RUNS: tuple[tuple[Context, ...], ...] = ((),) * len(Kind)

ALONE: tuple[tuple[Profile, ...], ...] = tuple(
    tuple(
        _alone(kind, contexts, selectors[:sets], matches, slot_bits, with_runs)
        for kind, contexts, selectors, with_runs in zip(Kind, lists, _SETS, runs, strict=True)
    )
    for sets, matches, slot_bits, runs, lists in (
        (2, 1, 22, _NO_RUNS, (TEXT_FAST, TABLE_FAST, BINARY_FAST, RECORDS_FAST)),
        (3, 2, 22, _NO_RUNS, (TEXT_MEDIUM, TABLE_MEDIUM, BINARY_MEDIUM, RECORDS_MEDIUM)),
        (3, 2, 22, _NO_RUNS, (TEXT_RICH, TABLE_RICH, BINARY_RICH, RECORDS_RICH)),
        (8, 2, 23, RUN_CONTEXTS, (TEXT_MOST, TABLE_MOST, BINARY_MOST, RECORDS_MOST)),
    )
)
"""Mixing alone, by strength, weakest first, and kind."""

FAST, MEDIUM, RICH, MOST = (profiles[Kind.TEXT] for profiles in ALONE)

FULL = Profile(
    contexts=_contexts(
        "ORDER2 ORDER4 WORD LOCAL_WORD LOCAL3 BIGRAM MATCHED ABOVE_LINE ORDER6 FIELD_PLACE"
        " CLASSES8 SENTENCE_WORD"
    ),
    selectors=_selectors("NODE CLASSES LANE CLUSTER"),
    network=True,
    match_bytes=8,
    local_match_bytes=5,
    rate=48,
    first_rate=48,
)
"""Beside the network."""

BEST = replace(
    FULL,
    contexts=FULL.contexts
    + _contexts("LOCAL4 LOCAL_BIGRAM ORDER1 LOCAL2 ORDER3 SKIP_BIGRAM CASES SYMBOL"),
    selectors=(*FULL.selectors, *_selectors("MATCH BYTE BRACKET SEEN")),
)
"""Beside the network, at its best."""

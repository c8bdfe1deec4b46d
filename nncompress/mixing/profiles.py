"""Describe what a predictor consists of: what encoder and decoder share, and never change."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Context(enum.IntEnum):
    """Names what a hashed context is made of.

    c1 is the last byte of the lane, c2 the one before, and so on. The numbers are bytes: see
    tests/structure/test_names_that_are_bytes.py.
    """

    ORDER0 = 0
    ORDER1 = 1
    ORDER2 = 2
    ORDER3 = 3
    ORDER4 = 4
    ORDER5 = 5
    ORDER6 = 6
    LOCAL2 = 7  # order 2, for this lane alone: its own subject tells more than the other lanes'
    LOCAL3 = 8  # order 3, for this lane alone
    WORD = 9  # letters of the current word, and c1
    LOCAL_WORD = 10  # the same, for this lane alone
    BIGRAM = 11  # current word and the one before
    SKIP_BIGRAM = 12  # current word and the one before the last
    LINE_WORD = 13  # current word and the first byte of the line
    LINE = 14  # c1, c2 and the first byte of the line
    ABOVE_LINE = 15  # c1 and the byte above in the line before
    BRACKET = 16  # c1, c2 and the last opening bracket
    MATCHED = 17  # c1 and the byte that the match model expects, and how surely
    SKIP1 = 18  # c2, c3
    SKIP2 = 19  # c3, c4
    # The rest needs a record length.
    ABOVE = 20  # the byte one record before, and c1
    ABOVE2 = 21  # the bytes one and two records before
    COLUMN = 22  # the place in the record, and the byte above
    AROUND = 23  # the three bytes above, and c1
    # More of text.
    LOCAL4 = 24  # order 4, for this lane alone
    LOCAL_BIGRAM = 25  # current word and the one before, for this lane alone
    TRIGRAM = 26  # current word and the two before


class Selector(enum.IntEnum):
    """Names what picks the weight vector of a weight set.

    The numbers are bytes: see tests/structure/test_names_that_are_bytes.py.
    """

    NODE = 0  # the bits of the byte so far
    CLASSES = 1  # the classes of the last characters
    MATCH = 2  # the length of the match, and the bit plane
    LANE = 3  # the lane: what it holds differs from the others
    BYTE = 4  # c1
    BRACKET = 5  # the last opening bracket
    SEEN = 6  # how many contexts have been seen before, and the bit plane
    CLUSTER = 7  # the cluster that the network's hidden vector falls into


@dataclass(frozen=True)
class Profile:
    """Describes a predictor; a profile is part of what an archive's method means.

    Attributes:
        contexts: the hashed contexts; at most 24.
        tabular: those used instead while the data shows a record length; as many.
        selectors: what picks the weights of each weight set; at most 8.
        network: whether the network's weights are an input.
        slot_bits: log2 of the most hashed slots (64 bytes each) there can be, 8 to 26; fewer for
            small blocks.
        match_bytes: how many bytes must agree for a match, 3 to 8.
        local_match_bytes: the same for a second match model, within the lane; 0 for none.
        rate: learning rate of the weight sets in units of 1 / 8192.
    """

    contexts: tuple[Context, ...]
    tabular: tuple[Context, ...]
    selectors: tuple[Selector, ...]
    network: bool
    slot_bits: int = 22
    match_bytes: int = 6
    local_match_bytes: int = 0
    rate: int = 16


def _contexts(names: str) -> tuple[Context, ...]:
    return tuple(Context[name] for name in names.split())


FAST = Profile(
    contexts=_contexts("ORDER1 ORDER2 ORDER4 WORD LOCAL_WORD LOCAL3"),
    tabular=_contexts("ORDER1 ORDER2 ORDER4 ABOVE COLUMN AROUND"),
    selectors=(Selector.NODE, Selector.CLASSES),
    network=False,
    slot_bits=21,
    rate=20,
)
"""Mixing alone, fast."""

MEDIUM = Profile(
    contexts=_contexts("ORDER1 ORDER2 ORDER3 ORDER4 ORDER6 WORD LOCAL_WORD LOCAL3 BIGRAM MATCHED"),
    tabular=_contexts("ORDER1 ORDER2 ORDER4 ABOVE COLUMN AROUND ORDER6 ABOVE2 SKIP1 MATCHED"),
    selectors=(*FAST.selectors, Selector.LANE),
    network=False,
    local_match_bytes=5,
    rate=20,
)
"""Mixing alone, in between."""

FULL = Profile(
    contexts=_contexts(
        "ORDER2 ORDER4 WORD LOCAL_WORD LOCAL3 BIGRAM MATCHED ABOVE_LINE ORDER6 SKIP_BIGRAM"
        " LOCAL4 LOCAL_BIGRAM"
    ),
    tabular=_contexts(
        "ORDER2 ORDER4 ABOVE COLUMN AROUND ORDER3 ORDER6 ABOVE2 SKIP1 SKIP2 MATCHED ORDER1"
    ),
    selectors=(*FAST.selectors, Selector.LANE, Selector.CLUSTER),
    network=True,
    local_match_bytes=5,
    rate=12,
)
"""Beside the network."""

BEST = replace(
    FULL,
    contexts=FULL.contexts + _contexts("ORDER1 LOCAL2 ORDER3 LINE_WORD LINE BRACKET TRIGRAM"),
    tabular=FULL.tabular + _contexts("WORD ORDER0 BIGRAM LOCAL_WORD LOCAL3 ORDER5 LOCAL2"),
    selectors=(
        *FULL.selectors,
        Selector.MATCH,
        Selector.BYTE,
        Selector.BRACKET,
        Selector.SEEN,
    ),
)
"""Beside the network, at its best."""

RICH = replace(
    BEST,
    selectors=tuple(selector for selector in BEST.selectors if selector is not Selector.CLUSTER),
    network=False,
    rate=20,
)
"""Mixing alone, at its best."""

"""What a mixer consists of: the frozen description that encoder and decoder share."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Context(enum.IntEnum):
    """What a hashed context is made of; c1 is the last byte of the lane, c2 the one before, and so on."""

    ORDER0 = 0
    ORDER1 = 1
    ORDER2 = 2
    ORDER3 = 3
    ORDER4 = 4
    ORDER5 = 5
    ORDER6 = 6
    LOCAL2 = (
        7  # order 2, for this lane alone: a lane's own subject is more telling than the others'
    )
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


class Selector(enum.IntEnum):
    """What picks the weight vector of a mixer set."""

    NODE = 0  # the bits of the byte so far
    CLASSES = 1  # the kinds of the last characters
    MATCH = 2  # the length of the match, and the bit plane


@dataclass(frozen=True)
class MixerSpec:
    """Frozen description of a mixer; part of what an archive's method means.

    Attributes:
        contexts: the hashed contexts; at most 24.
        tabular: those used instead while the data shows a record length; as many.
        selectors: what picks the weights of each mixer set; at most 8.
        network: whether the network's weights are an input.
        slot_bits: log2 of the most hashed slots (64 bytes each) there can be, 8 to 26; fewer for small blocks.
        match_bytes: how many bytes must agree for a match, 3 to 8.
        rate: learning rate of the mixer sets in units of 1 / 8192.
    """

    contexts: tuple[Context, ...]
    tabular: tuple[Context, ...]
    selectors: tuple[Selector, ...]
    network: bool
    slot_bits: int = 22
    match_bytes: int = 6
    rate: int = 16


def _contexts(names: str) -> tuple[Context, ...]:
    return tuple(Context[name] for name in names.split())


FAST = MixerSpec(
    contexts=_contexts("ORDER1 ORDER2 ORDER4 WORD BIGRAM LOCAL_WORD LOCAL3 MATCHED ABOVE_LINE"),
    tabular=_contexts("ORDER1 ORDER2 ORDER4 ORDER3 ORDER6 ABOVE ABOVE2 COLUMN AROUND"),
    selectors=(Selector.NODE, Selector.CLASSES, Selector.MATCH),
    network=False,
    rate=20,
)
"""Mixing alone, fast."""

_MORE = _contexts("ORDER6 SKIP_BIGRAM LOCAL2"), _contexts("SKIP1 SKIP2 MATCHED")

FULL = replace(
    FAST,
    contexts=FAST.contexts + _MORE[0],
    tabular=FAST.tabular + _MORE[1],
    network=True,
    rate=12,
)
"""Beside the network."""

RICH = replace(
    FAST,
    contexts=FULL.contexts + _contexts("ORDER3 LINE_WORD LINE BRACKET"),
    tabular=FULL.tabular + _contexts("WORD ORDER0 BIGRAM LOCAL_WORD"),
)
"""Mixing alone, at its best."""

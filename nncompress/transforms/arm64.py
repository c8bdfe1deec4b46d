"""Make the targets of ARM64 calls and page addresses absolute, and put the opcode first.

An instruction is a word of four bytes, its opcode in the last one. Of BL the target, and of ADRP
the page, is made absolute as for x86 (:mod:`.x86`); and in runs of words that look like code each
word is written with its high byte first, so that the opcode is known when the rest is predicted.

Whether a word looks like code is seen from its high byte. The decoder has restored all words before
the one it is at, so both sides count alike.

The format of instructions: Arm Architecture Reference Manual for A-profile, C4.1 and C6.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.jit import inline, jit

LIKELY_OPCODES = bytes.fromhex(
    "0b 11 12 14 17 1a 1e 29 2a 32 34 35 36 37 38 39 3c 3d 4b 51 52 54 6a 6b 71 79 7a 8a 8b 90 91"
    "92 93 94 97 9a 9b a8 a9 aa ad b0 b1 b2 b4 b5 b8 b9 c8 cb d0 d1 d2 d3 d5 d6 eb f0 f1 f2 f8 f9"
    "fa fd"
)
"""High bytes of 97% of the words of compiled programs, and of hardly any others."""

MOST_TRUST = 16
ENOUGH_TRUST = 4
"""Trust is one more after a word with a likely high byte and one less after another, from 0 to
MOST_TRUST; words are changed from ENOUGH_TRUST on."""

CALL_MASK = (1 << 26) - 1
PAGE_MASK = (1 << 21) - 1

IS_LIKELY = np.zeros(256, dtype=np.bool_)
IS_LIKELY[list(LIKELY_OPCODES)] = True


def convert_arm64(data: bytes, phase: int, *, forward: bool) -> bytes:
    """Make targets in ARM64 code absolute and swap its words, or undo that.

    Args:
        data: any bytes.
        phase: bytes before the first word, 0 to 3.
        forward: whether to change the code; else to undo it.
    """
    changed = bytearray(data)
    words = _words(changed, phase)
    _convert(words, forward, np.zeros((0, 2), dtype=np.int32))
    return bytes(changed)


def find_arm64_targets(data: bytes, phase: int) -> NDArray[np.int32]:
    """Return what :func:`convert_arm64` would make absolute, int32 [count, 2].

    A row has an instruction's distance and its target.
    """
    words = _words(bytearray(data), phase)
    found = np.empty((words.size, 2), dtype=np.int32)
    return found[: _convert(words, True, found)]


def _words(data: bytearray, phase: int) -> NDArray[np.uint32]:
    """Return the words of ``data`` as a view of it; they are little-endian."""
    count = max(0, (len(data) - phase) // 4)
    return np.frombuffer(data, dtype=np.uint32, count=count, offset=phase if count else 0)


@jit
def _convert(words: NDArray[np.uint32], forward: bool, found: NDArray[np.int32]) -> int:
    """Change words in place, list targets in ``found`` as far as it has rows, and count them."""
    trust = count = 0
    for index in range(words.size):
        word = original = int(words[index])  # original is what stands there without the filter
        if trust >= ENOUGH_TRUST:
            word = word if forward else _swap(word)
            other = word
            call, page = word >> 26 == 0b100101, word >> 24 & 0x9F == 0x90
            if call or page:
                value = word & CALL_MASK if call else _page_of(word)
                mask = CALL_MASK if call else PAGE_MASK
                here = index if call else index >> 10
                moved = _move(value, here, mask) if forward else _move_back(value, here, mask)
                other = word & ~CALL_MASK | moved if call else _with_page(word, moved)
                if count < found.shape[0]:
                    found[count, 0], found[count, 1] = value, moved
                count += 1
            words[index] = _swap(other) if forward else other
            original = word if forward else other
        step = 1 if IS_LIKELY[original >> 24] else -1
        trust = max(0, min(trust + step, MOST_TRUST))
    return count


@inline
def _swap(word: int) -> int:
    """Return a word with its bytes in the opposite order."""
    return word >> 24 | word >> 8 & 0xFF00 | (word & 0xFF00) << 8 | (word & 0xFF) << 24


@inline
def _page_of(word: int) -> int:
    """Return the distance in pages that an ADRP holds, 21 bits."""
    return word >> 29 & 3 | word >> 3 & 0x1FFFFC


@inline
def _with_page(word: int, page: int) -> int:
    """Put a distance in pages into an ADRP."""
    return word & 0x9F00001F | (page & 3) << 29 | page >> 2 << 5


@inline
def _move(distance: int, here: int, mask: int) -> int:
    """Return the target of a distance; 0 stays, and what would become 0 takes the place left."""
    if distance == 0:
        return 0
    target = distance + here & mask
    return here & mask if target == 0 else target


@inline
def _move_back(target: int, here: int, mask: int) -> int:
    """Undo :func:`_move`."""
    if target == 0:
        return 0
    return -here & mask if target == here & mask else target - here & mask

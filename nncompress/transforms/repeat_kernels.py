"""Seek repeats in a piece of a stream, compiled.

The bytes that were not copied, the literals, stand in ``history`` one after the other. At places
that their contents pick (:mod:`.sampling`) a hash of the last bytes is looked up. Where an entry is
right, the repeat is followed in both directions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.intrinsics import copy_bytes, prefetch
from nncompress.machine.jit import inline, jit

from .sampling import HASHED, hash_places, looks_like_noise, pick_places

WAYS = 4
"""Entries of the index that a hash may stand in; of 64 bits, half hash and half position."""

AHEAD = 12
"""So many places ahead a bucket is asked for."""

LONG_QUIET = 1 << 20
"""After so many bytes of noise without a copy, fewer places of what follows are looked up."""

# Places in the state, int64.
END = 0
"""Position after the last literal."""
BASE = 1
"""Position of the first literal in ``history``."""
BLOCK_START = 2
"""Position of the first literal of the block; what lies before it is not taken back."""
SINCE_COPY = 3
"""Literals since the last copy."""
SEEN = 4
"""Bytes of the stream so far, up to ``HASHED``."""
COPIES = 5
"""Copies of the block so far."""
NEXT = 6
"""What the last copy would go on with, if it ended with the piece before; else -1."""
INDEXED = 7
"""Entries made in the index."""
OLDEST = 8
"""First position that a copy may take."""
QUIET = 9
"""Bytes that looked like noise, since there was a copy or something else."""
STATE_SIZE = 10

MASK = np.uint64(0xFFFFFFFF)


@jit
def find_repeats(
    data: NDArray[np.uint8],
    end: int,
    state: NDArray[np.int64],
    history: NDArray[np.uint8],
    index: NDArray[np.uint64],
    bits: int,
    least: NDArray[np.int64],
    copies: NDArray[np.int64],
    masks: NDArray[np.uint32],
    places: NDArray[np.int64],
    hashes: NDArray[np.uint64],
) -> None:
    """Take the bytes from HASHED to ``end`` of ``data`` as literals or copies.

    Args:
        data: a piece, with the bytes before it in front and room behind it.
        end: where it ends.
        state: int64 [STATE_SIZE], see above.
        history: the literals from BASE on, with room for the piece.
        index: uint64 [WAYS << bits].
        bits: see there.
        least: int64 [2], shortest copy from before the block and from inside it.
        copies: int64 [count, 3], a row for each copy of the block: the position of the next
            literal, the length, and the position that it copies from.
        masks: uint32 [end // 32], scratch.
        places: int64 [end], scratch.
        hashes: uint64 [end], scratch.
    """
    done = _go_on(data, end, state, history, copies)
    reached = inside_until = done
    noise, copied = looks_like_noise(data, HASHED, end), done - HASHED + state[COPIES]
    count = pick_places(data, done, end, noise and state[QUIET] >= LONG_QUIET, masks, places)
    hash_places(data, places, count, hashes)
    for number in range(count):
        if number + AHEAD < count:
            prefetch(index, WAYS * np.int64(hashes[number + AHEAD] >> np.uint64(64 - bits)))
        place = places[number]
        if place <= done or place - HASHED + state[SEEN] < HASHED:
            continue
        found = hashes[number]
        start = WAYS * np.int64(found >> np.uint64(64 - bits))
        back = ahead = source = 0
        known, skipped = place <= inside_until, place
        if place > reached:
            for way in range(WAYS):
                entry = index[start + way]
                if (entry ^ found) >> np.uint64(32) == 0:
                    _append(data, done, place, state, history)
                    done = place
                    b, a, s = _extend(data, place, end, state, history, np.int64(entry & MASK))
                    inside = s >= state[BLOCK_START]
                    if inside and b + a >= HASHED:
                        known = True
                        inside_until = max(inside_until, place + a)
                    skipped = max(skipped, place + a)
                    if a + b > back + ahead and a + b >= least[np.int64(inside)]:
                        back, ahead, source = b, a, s
        if back + ahead:
            state[END] -= back
            _add(copies, state, back + ahead, source)
            done = place + ahead
            state[NEXT] = source + back + ahead if done == end else -1
        else:
            reached = max(reached, skipped)
            # The oldest of equal places in a block is kept: of a run it lets copies be longest.
            if state[SINCE_COPY] + place - done >= HASHED and not known:
                _enter(index, start, found, state[END] + place - done)
                state[INDEXED] += 1
    _append(data, done, end, state, history)
    state[SEEN] = min(HASHED, state[SEEN] + end - HASHED)
    quiet = noise and copied == state[COPIES]
    state[QUIET] = state[QUIET] + end - HASHED if quiet else 0


@jit
def _go_on(
    data: NDArray[np.uint8],
    end: int,
    state: NDArray[np.int64],
    history: NDArray[np.uint8],
    copies: NDArray[np.int64],
) -> int:
    """Let the last copy of the piece before go on in this one; returns where it ends."""
    source = state[NEXT]
    if source < state[OLDEST]:
        return HASHED
    at, most = source - state[BASE], min(end - HASHED, state[END] - source)
    size = 0
    while size < most and history[at + size] == data[HASHED + size]:
        size += 1
    if state[COPIES] and size:
        copies[state[COPIES] - 1, 1] += size
    elif size >= HASHED:  # the block has begun since
        _add(copies, state, size, source)
    else:
        size = 0
    state[NEXT] = source + size if size == end - HASHED else -1
    return HASHED + size


@jit
def _append(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    state: NDArray[np.int64],
    history: NDArray[np.uint8],
) -> None:
    """Take bytes as literals."""
    copy_bytes(history, state[END] - state[BASE], data, start, end - start)
    state[END] += end - start
    state[SINCE_COPY] += end - start


@jit
def _extend(
    data: NDArray[np.uint8],
    place: int,
    end: int,
    state: NDArray[np.int64],
    history: NDArray[np.uint8],
    entry: int,
) -> tuple[int, int, int]:
    """Follow a repeat of what an entry of the index stands for.

    Returns the bytes before ``place`` and from there on that are the same, and the position of the
    first of them; nothing where the entry is too old.
    """
    last, oldest, base = state[END], state[OLDEST], state[BASE]
    source = last - ((last - entry) & 0xFFFFFFFF)
    if source - HASHED < oldest or source == last:
        return 0, 0, 0
    most = min(
        min(state[SINCE_COPY], last - state[BLOCK_START]), min(source - oldest, last - source)
    )
    back, at, to = 0, source - base - 1, last - base - 1
    while back < most and history[at - back] == history[to - back]:
        back += 1
    most = min(end - place, last - back - source)
    ahead, at = 0, source - base
    while ahead < most and history[at + ahead] == data[place + ahead]:
        ahead += 1
    return back, ahead, source - back


@inline
def _add(copies: NDArray[np.int64], state: NDArray[np.int64], size: int, source: int) -> None:
    count = state[COPIES]
    copies[count, 0] = state[END]
    copies[count, 1] = size
    copies[count, 2] = source
    state[COPIES] = count + 1
    state[SINCE_COPY] = 0


@inline
def _enter(index: NDArray[np.uint64], start: int, found: np.uint64, position: int) -> None:
    """Make the newest entry of a bucket; its oldest is forgotten."""
    for way in range(WAYS - 1, 0, -1):
        index[start + way] = index[start + way - 1]
    index[start] = found | (np.uint64(position) & MASK)


@jit
def spread_index(old: NDArray[np.uint64], index: NDArray[np.uint64], bits: int) -> None:
    """Enter what stands in the index ``old`` into a larger one, which is empty."""
    for at in range(len(old) - 1, -1, -1):  # the newest of a bucket last
        if old[at]:
            start = WAYS * np.int64(old[at] >> np.uint64(64 - bits))
            for way in range(WAYS - 1, 0, -1):
                index[start + way] = index[start + way - 1]
            index[start] = old[at]

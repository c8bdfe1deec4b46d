"""Choose how a block is coded: its filter, then its method.

The choice depends on the bytes, the level and the model alone: never on threads, time or memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.format import Method
from nncompress.transforms.filters import (
    PARAMETERS,
    PLAIN,
    Filter,
    Transform,
    apply_transform,
)

SAMPLE_PIECES = 32
SAMPLE_PIECE = 512
"""A large block is judged by this many pieces of this many bytes, spread over it, each a lane."""

TRY_ALL = SAMPLE_PIECES * SAMPLE_PIECE
"""Blocks of at most so many bytes are coded in every way, and the smallest result is taken."""

NETWORK_GAIN = 0.97
"""The network is tried where it brings a sample below this part of what mixing alone makes,"""

NETWORK_SURE = 0.75
"""and alone below this part. In between, the whole block is coded both ways: a sample knows little
of what mixing alone will have learnt at a block's end."""

GAIN_SHARE = 12
"""A filter for code must make one more target come again for 2**GAIN_SHARE bytes of a block,"""

LEAST_GAIN = 8
"""and so many besides."""

SLOTS_BITS = 18
"""log2 of the slots in which different targets are counted; some fall into one."""

FRAMES = 12
"""Frames of all kinds of samples fit into so many bytes."""

SAMPLES_PIECES = 8
"""Filters for samples are judged by so many pieces, spread over a block,"""

ENTROPY_PIECE = 4096 // FRAMES * FRAMES
"""of so many bytes, whose entropy is taken. Differences are tried where they lower it by a
sixteenth, and so is prediction,"""

SOUND_HOPE = 8
"""which itself is looked at where differences do not raise the entropy by one part in so many,"""

SOUND_TRIED = 3
"""for so many kinds of sound: differences hardly tell where the first frame begins."""

SAMPLES_PIECE = 8192 // FRAMES * FRAMES
"""Then pieces of so many bytes are coded with and without such a filter."""

SAMPLES_GAIN = 0.97
"""It is used where it brings them below this part of their size."""

WORD_GAIN = 29, 32
"""Words are replaced where that leaves no more than this part of the bytes. Bytes from 128 on, of
which each run takes a byte more, are few then."""

WORD_PIECE = 1 << 16
"""So many bytes from the middle of a block are looked at first."""

SampleCost: TypeAlias = Callable[[Method, bytes, int], int]
"""Returns the size of a payload, for a method, what is coded, and log2 of the lanes."""


@dataclass(frozen=True)
class Plan:
    """One way to code a block."""

    method: Method
    transform: Transform = PLAIN


def choose_plans(
    data: bytes, methods: Sequence[Method], auto: bool, cost: SampleCost
) -> list[Plan]:
    """List the ways to try; none for bytes that had better be stored.

    Args:
        data: the block.
        methods: those that may be used, mixing alone before what needs a model.
        auto: whether the block may be stored.
        cost: codes a sample.
    """
    code = code_filter(data)
    if len(data) <= TRY_ALL:
        found = dict.fromkeys((PLAIN, code, *sample_filters(data)))  # a set that keeps its order
        plans = [Plan(method, transform) for transform in found for method in methods]
        words = word_filter(data) if methods[0] is Method.MIXING else PLAIN
        return plans + ([Plan(Method.MIXING, words)] if words != PLAIN else [])
    transform = code if code != PLAIN else _tried_samples(data, methods[0], cost)
    best = _best_method(data, transform, methods, cost) if auto else [methods[0]]
    alone = transform
    if transform == PLAIN and Method.MIXING in best:
        alone = word_filter(data)
    return [Plan(method, alone if method is Method.MIXING else transform) for method in best]


def _best_method(
    data: bytes, transform: Transform, methods: Sequence[Method], cost: SampleCost
) -> list[Method]:
    """List the methods that may code the block best, judged by a sample; none for noise."""
    sample, bits = take_sample(apply_transform(transform, data))
    mixing = cost(methods[0], sample, bits)
    if mixing >= len(sample):
        return []
    for method in methods[1:]:
        found = cost(method, sample, bits)
        if found < NETWORK_SURE * mixing:
            return [method]
        if found < NETWORK_GAIN * mixing:
            return [methods[0], method]
    return [methods[0]]


def take_sample(data: bytes) -> tuple[bytes, int]:
    """Return pieces of a block of more than ``TRY_ALL`` bytes, and log2 of the lanes for them."""
    stride = (len(data) - SAMPLE_PIECE) // (SAMPLE_PIECES - 1)
    pieces = [data[i * stride : i * stride + SAMPLE_PIECE] for i in range(SAMPLE_PIECES)]
    return b"".join(pieces), SAMPLE_PIECES.bit_length() - 1


def code_filter(data: bytes) -> Transform:
    """Return the filter for machine code that makes targets in the block come again, if any.

    Few calls, as in text, are told by one byte's count.
    """
    few = LEAST_GAIN + (len(data) >> GAIN_SHARE)
    best, most = PLAIN, few
    if data.count(b"\xe8") >= few:
        from nncompress.transforms.x86 import find_x86_targets

        for wide in (True, False):
            gain = _recurring(find_x86_targets(data, wide=wide))
            if gain > most:
                best, most = Transform(Filter.X86, int(wide)), gain
    calls = np.frombuffer(data, dtype=np.uint8) | 3 == 0x97  # the opcode's byte in a call
    counts = [int(np.count_nonzero(calls[3 + phase :: 4])) for phase in range(4)]
    if max(counts) >= few:
        from nncompress.transforms.arm64 import find_arm64_targets

        phase = counts.index(max(counts))
        gain = _recurring(find_arm64_targets(data, phase))
        if gain > most:
            best = Transform(Filter.ARM64, phase)
    return best


def _recurring(found: NDArray[np.int32]) -> int:
    """Count how many more targets than distances occurred before, of (distance, target) rows."""
    return _different(found[:, 0]) - _different(found[:, 1])


def _different(numbers: NDArray[np.int32]) -> int:
    seen = np.zeros(1 << SLOTS_BITS, dtype=np.bool_)
    hashes = numbers.astype(np.uint32) * np.uint32(0x9E3779B1)
    seen[hashes >> np.uint32(32 - SLOTS_BITS)] = True
    return int(np.count_nonzero(seen))


def word_filter(data: bytes) -> Transform:
    """Return the filter for words, if there are many in a block."""
    start = max(0, len(data) - WORD_PIECE) // 2
    transform = Transform(Filter.WORDS)
    for part in (data[start : start + WORD_PIECE], data):
        if WORD_GAIN[1] * len(apply_transform(transform, part)) > WORD_GAIN[0] * len(part):
            return PLAIN
    return transform if data else PLAIN


def sample_filters(data: bytes) -> list[Transform]:
    """List what lowers the entropy of bytes clearly, if they are samples: differences, prediction.

    The kind of sound is told by differences too, which take less time than predictions.
    """
    piece = _spread_pieces(data, ENTROPY_PIECE)
    plain = _entropy(piece, 2)
    ways = [Transform(Filter.DELTA, way) for way in range(len(PARAMETERS[Filter.DELTA]))]
    costs = [_entropy(apply_transform(way, piece), 2) for way in ways]
    best = costs.index(min(costs))
    found = [ways[best]] if 16 * costs[best] < 15 * plain else []
    sound = _sound_filter(piece, min(plain, _entropy(piece, 3)))
    return found + ([sound] if sound != PLAIN else [])


def _spread_pieces(data: bytes, size: int) -> bytes:
    """Join pieces of a block that begin with a frame; all of it where it is no longer."""
    if len(data) <= SAMPLES_PIECES * size:
        return data
    stride = (len(data) - size) // (SAMPLES_PIECES - 1) // FRAMES * FRAMES
    return b"".join(data[i * stride : i * stride + size] for i in range(SAMPLES_PIECES))


def _sound_filter(piece: bytes, plain: int) -> Transform:
    """Return the kind of sound whose prediction lowers the entropy clearly, if one does."""
    from nncompress.transforms.sound import SOUND_KINDS

    samples = np.frombuffer(piece, np.uint8)
    costs = [_entropy(_differences(samples, *kind), kind[0]) for kind in SOUND_KINDS]
    likely = sorted(range(len(costs)), key=costs.__getitem__)[:SOUND_TRIED]
    if SOUND_HOPE * costs[likely[0]] >= (SOUND_HOPE + 1) * plain:
        return PLAIN
    predicted = {}
    for kind in likely:
        width, _, start = SOUND_KINDS[kind]
        transform = Transform(Filter.SOUND, kind)
        predicted[transform] = _entropy(apply_transform(transform, piece)[start:], width)
    best = min(predicted, key=predicted.__getitem__)
    return best if 16 * predicted[best] < 15 * plain else PLAIN


def _differences(samples: NDArray[np.uint8], width: int, channels: int, start: int) -> bytes:
    """Return differences of samples from those before in their channel, little-endian.

    From those of a second channel the first one's are taken.
    """
    frame = width * channels
    whole = samples[start : len(samples) - (len(samples) - start) % frame]
    places = np.arange(0, 8 * width, 8, dtype=np.uint32)
    numbers = (whole.reshape(-1, channels, width).astype(np.uint32) << places).sum(axis=2)
    changed = np.diff(numbers.astype("<u4"), axis=0)
    if channels == 2:
        changed[:, 1] -= changed[:, 0]
    result: bytes = changed.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    return result


def _entropy(data: bytes, parts: int) -> int:
    """Return the bits, times 16, of an ideal code for each of the parts, every so many bytes.

    It is computed with whole numbers, as the same block must be coded alike on every machine.
    """
    total = 0
    for part in (data[number::parts] for number in range(parts)):
        counts = np.bincount(np.frombuffer(part, dtype=np.uint8)).tolist()
        total += sum(count * (_log2(len(part)) - _log2(count)) for count in counts if count)
    return total


def _log2(number: int) -> int:
    """Return the logarithm to base 2, times 16, rounded down."""
    return int(number**16).bit_length() - 1


def _tried_samples(data: bytes, method: Method, cost: SampleCost) -> Transform:
    """Return the filter for samples that makes a piece clearly smaller, if one does."""
    found = sample_filters(data)
    if not found:
        return PLAIN
    piece = _spread_pieces(data, SAMPLES_PIECE)
    plain, *changed = (cost(method, apply_transform(one, piece), 0) for one in (PLAIN, *found))
    best = changed.index(min(changed))
    return found[best] if changed[best] < SAMPLES_GAIN * plain else PLAIN

"""Pick places of a stream by the bytes before them, and hash those, compiled.

A hash of the bytes before a place picks it, so that shifted data has the same places
(Muthitacharoen and others 2001, "A low-bandwidth network file system", section 3.1). It is a sum of
products of 16-bit words, which vector instructions compute for many places at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from nncompress.machine.intrinsics import bit_length
from nncompress.machine.jit import inline, jit
from nncompress.machine.simd import I8, I32, CodeWriter, splat

HASHED = 32
"""Bytes whose hash is looked up; no shorter repeat is found."""

PADDING = 64
"""Bytes behind a piece that may be read."""

RATE_BITS = 5
"""log2 of the bytes for one place that is picked."""

RARE_BITS = 8
"""The same where nothing is expected to repeat; those places are picked at the other rate too."""

FORCED = 512
"""After so many bytes without a place one is picked all the same: a run of one byte has none."""

STRETCHES = 16
"""Values of bytes are counted in so many stretches of a piece."""

STRETCH_SIZE = 256
"""Bytes of each."""

MOST_EQUAL = 320
"""Bytes look like noise if of 65536 pairs of them at most so many are equal; by chance 256 are."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
UPPER_HALF = np.uint64(0xFFFFFFFF00000000)
_ONE = np.uint64(1)

_PLACES = 32
"""Places in a vector."""

_rng = np.random.Generator(np.random.PCG64(20))
_FACTORS = [int(factor) | 1 for factor in _rng.integers(0, 1 << 16, 8)]
_OFFSET = 0x9E37  # so that zeros do not have the hash 0
_I16 = ir.IntType(16)
_WORDS, _BYTES = ir.VectorType(_I16, _PLACES // 2), ir.VectorType(I8, _PLACES)


def _read_word(typing_context: Any, array: Any, index: Any) -> Any:
    """Read 8 bytes of a contiguous array of bytes, from ``index`` on; uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        writer = CodeWriter(context, builder, signature, arguments)
        array, index = writer.arguments
        return writer.load(writer.address(array, index), ir.IntType(64))

    return types.uint64(array, index), generate


def _mark_places(
    typing_context: Any, data: Any, start: Any, size: Any, below: Any, masks: Any
) -> Any:
    """Set a bit for each place whose hash of the 16 bytes before it is less than ``below``.

    Places are counted from ``start`` on, ``size`` of them, a multiple of 32; ``masks`` is uint32,
    a number for 32 places.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        writer = CodeWriter(context, builder, signature, arguments)
        data, start, size, below, masks = writer.arguments
        bound = writer.broadcast(builder.trunc(below, _I16), _WORDS)
        first = builder.sub(start, writer.count(2 * len(_FACTORS)))
        with writer.loop(size, _PLACES) as index:
            at = builder.add(first, index)
            marks = ir.Constant(_WORDS, ir.Undefined)
            for odd, half in ((0, 0x00FF), (1, 0xFF00)):  # the even places, then those between
                total = splat(_WORDS, _OFFSET)
                for number, factor in enumerate(_FACTORS):
                    place = builder.add(at, writer.count(2 * number + odd))
                    words = writer.load(writer.address(data, place), _WORDS)
                    total = builder.add(total, builder.mul(words, splat(_WORDS, factor)))
                found = builder.sext(builder.icmp_unsigned("<", total, bound), _WORDS)
                found = builder.and_(found, splat(_WORDS, half))
                marks = builder.or_(marks, found) if odd else found
            single = builder.bitcast(marks, _BYTES)
            set_bits = builder.icmp_signed("<", single, splat(_BYTES, 0))
            mask = builder.bitcast(set_bits, I32)
            writer.store(mask, writer.address(masks, builder.udiv(index, writer.count(8))))
        return context.get_dummy_value()

    return types.void(data, start, size, below, masks), generate


read_word: Any = intrinsic(_read_word)
mark_places: Any = intrinsic(_mark_places)


@jit
def pick_places(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    rare: bool,
    masks: NDArray[np.uint32],
    places: NDArray[np.int64],
) -> int:
    """List the places after ``start``, up to ``end``, that are looked up; returns their number.

    Args:
        data: bytes, HASHED of them before ``start`` and PADDING behind ``end``.
        start: see there.
        end: see there.
        rare: whether the rate is that of RARE_BITS, and none is forced.
        masks: scratch, a number for 32 places.
        places: where the list goes.
    """
    words = (end - start + _PLACES - 1) // _PLACES
    below = 1 << (16 - RARE_BITS if rare else 16 - RATE_BITS)
    mark_places(data, start + 1, words * _PLACES, below, masks)
    count, last, before = 0, start, np.uint64(0)
    longest = end if rare else FORCED
    for number in range(words):
        marked = np.uint64(masks[number])
        # The second of two neighbours is none: of a run of one byte all may be marked.
        left = marked & ~(marked << _ONE | before)
        before = marked >> np.uint64(31)
        while left:
            lowest = left & (~left + _ONE)
            left ^= lowest
            place = start + number * _PLACES + bit_length(lowest)
            while place - last > longest and last + longest <= end:
                last += longest
                places[count] = last
                count += 1
            if place <= end:
                places[count] = last = place
                count += 1
    while end - last >= longest:
        last += longest
        places[count] = last
        count += 1
    return count


@jit
def hash_places(
    data: NDArray[np.uint8], places: NDArray[np.int64], count: int, hashes: NDArray[np.uint64]
) -> None:
    """Hash the HASHED bytes before each place; the hash is the upper half of 64 bits."""
    for number in range(count):
        hashes[number] = _hash(data, places[number])


@inline
def _hash(data: NDArray[np.uint8], end: int) -> Any:
    value = np.uint64(0)
    for at in range(end - HASHED, end, 8):
        value = (value ^ read_word(data, at)) * MULTIPLIER
        value ^= value >> np.uint64(29)
    return (value * MULTIPLIER) & UPPER_HALF


@jit
def looks_like_noise(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Return whether some stretches of the bytes have all values about equally often."""
    counts = np.zeros(256, np.int64)
    seen, step = 0, (end - start) // STRETCHES
    for stretch in range(STRETCHES):
        first = start + stretch * step
        for at in range(first, first + min(step, STRETCH_SIZE)):
            counts[data[at]] += 1
            seen += 1
    equal = 0
    for value in range(256):
        equal += counts[value] * (counts[value] - 1)
    return equal << 16 <= MOST_EQUAL * seen * (seen - 1)

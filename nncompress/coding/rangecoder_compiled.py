"""Code bits as constriction's range coder does: for compiled loops, and where it has no wheels.

It makes the same words and reads them alike; FORMAT.md describes it, and tests compare the two. The
classes stand for those of ``constriction.stream.queue``. An interval of 64 bits shrinks with every
bit; when it is shorter than 2**32 its upper word is known and moves to the stream.

Source: R. Bamler, "Understanding Entropy Coding With Asymmetric Numeral Systems (ANS): a
Statistician's Perspective", https://arxiv.org/abs/2201.01741, and
https://bamler-lab.github.io/constriction/.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.jit import jit, part

MODEL = None
"""In the place of constriction's model: here all bits have Bernoulli's."""

LOWER, RANGE, POINT, PLACE = range(4)
"""Places in the state, uint64 [4]: the interval's start and length, the decoder's next 64 bits, and
how many words have been written or read."""

_U = np.uint64
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD_BITS = np.uint64(32)
_WORD = np.uint64(0xFFFFFFFF)
_SHORTEST = np.uint64(1 << 32)
_PRECISION = np.uint64(24)


@part
def share_of_zero(one):
    """Return the share of the interval, in 2**-24, that a 0 has where a 1 has probability ``one``.

    ``one`` is a multiple of 2**-16. constriction rounds so that neither share can be 0.
    """
    ones = np.int64(one * 65536.0)
    return _U((65536 - ones) * 256 - np.int64(ones < 32768))


@jit
def encode_bits(bits, ones, state, words):
    """Append bits, int32 [n], whose probabilities of being 1 are ``ones``, float64 [n].

    ``words``, uint32, has n free places.
    """
    lower, length, place = state[LOWER], state[RANGE], np.int64(state[PLACE])
    for i in range(len(bits)):
        scale = length >> _PRECISION
        zero = scale * share_of_zero(ones[i])
        if bits[i]:
            length = (scale << _PRECISION) - zero
            before = lower
            lower += zero
            if lower < before:  # past 2**64: the words before count one up
                carry = place - 1
                while words[carry] == np.uint32(_WORD):
                    words[carry] = np.uint32(0)
                    carry -= 1
                words[carry] += np.uint32(1)
        else:
            length = zero
        if length < _SHORTEST:
            words[place] = np.uint32(lower >> _WORD_BITS)
            place += 1
            lower <<= _WORD_BITS
            length <<= _WORD_BITS
    state[LOWER], state[RANGE], state[PLACE] = lower, length, _U(place)


@jit
def decode_bits(ones, state, words, bits):
    """Read bits, int32 [n], whose probabilities of being 1 are ``ones``, float64 [n].

    False for a stream that no encoder makes.
    """
    lower, length, point = state[LOWER], state[RANGE], state[POINT]
    place = np.int64(state[PLACE])
    sound = True
    for i in range(len(ones)):
        scale = length >> _PRECISION
        zero = scale * share_of_zero(ones[i])
        offset = point - lower
        sound &= offset < (scale << _PRECISION)
        if offset < zero:
            bits[i], length = 0, zero
        else:
            bits[i], length = 1, (scale << _PRECISION) - zero
            lower += zero
        if length < _SHORTEST:
            lower <<= _WORD_BITS
            length <<= _WORD_BITS
            point <<= _WORD_BITS
            if place < len(words):
                point |= _U(words[place])
                place += 1
    state[LOWER], state[RANGE], state[POINT] = lower, length, point
    state[PLACE] = _U(place)
    return sound


class RangeEncoder:
    """Stands for ``constriction.stream.queue.RangeEncoder``."""

    def __init__(self) -> None:
        self.state = np.array([0, _FULL, 0, 0], dtype=np.uint64)
        self.words = np.zeros(0, dtype=np.uint32)

    def reserve(self, bits: int) -> None:
        """Make room in ``words`` for the words of so many bits."""
        needed = int(self.state[PLACE]) + bits
        if needed > len(self.words):
            self.words = np.concatenate([self.words, np.zeros(needed, dtype=np.uint32)])

    def encode(self, bits: NDArray[np.int32], model: None, ones: NDArray[np.float64]) -> None:
        """Append bits, int32 [n]; ``ones``, float64 [n], holds their probabilities of being 1."""
        self.reserve(len(bits))
        encode_bits(bits, ones, self.state, self.words)

    def num_words(self) -> int:
        """Return the number of words so far."""
        return int(self.state[PLACE])

    def get_compressed(self) -> NDArray[np.uint32]:
        """Return the words so far, uint32, and as few more as tell a decoder the interval."""
        lower, length, place = (int(self.state[i]) for i in (LOWER, RANGE, PLACE))
        if length == _FULL:
            return np.zeros(0, dtype=np.uint32)
        number = int.from_bytes(self.words[:place].astype(">u4").tobytes(), "big")
        point = (number << 64) + lower + int(_WORD)
        end = [point >> 32 & int(_WORD)]
        if (lower + length) >> 32 & int(_WORD) == end[0]:
            end.append(0)
        words = np.frombuffer((point >> 64).to_bytes(4 * place, "big"), dtype=">u4")
        return np.concatenate([words.astype(np.uint32), np.array(end, dtype=np.uint32)])


class RangeDecoder:
    """Stands for ``constriction.stream.queue.RangeDecoder``; reads words, uint32, two at least."""

    def __init__(self, words: NDArray[np.uint32]) -> None:
        point = int(words[0]) << 32 | int(words[1])
        self.state = np.array([0, _FULL, point, 2], dtype=np.uint64)
        self.words = words

    def decode(self, model: None, ones: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the next bits, int32 [n], given the probabilities, float64 [n], of a 1.

        Raises AssertionError for a stream that no encoder makes.
        """
        bits = np.empty(len(ones), dtype=np.int32)
        if not decode_bits(ones, self.state, self.words, bits):
            raise AssertionError("no encoder makes this stream")
        return bits

    def has_read_all(self) -> bool:
        """Whether no word is left."""
        return int(self.state[PLACE]) == len(self.words)

    def maybe_exhausted(self) -> bool:
        """Whether no word is left, and what was read of the last may belong to the end."""
        lower, length, point = (int(self.state[i]) for i in (LOWER, RANGE, POINT))
        at_end = (point - lower) & int(_FULL) < (1 << 33) - 1
        return self.has_read_all() and (length == _FULL or at_end)

"""Code bits of given probability with constriction's range coder.

Probabilities are float64 and exact multiples of 2**-16 strictly between 0 and 1, so nothing is
rounded on the way in. See
https://bamler-lab.github.io/constriction/apidoc/python/stream/queue.html.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import DamagedArchiveError

queue: Any
try:
    from constriction import stream
except ImportError:  # it has no wheels for Linux but on x86-64
    from . import rangecoder_compiled as queue

    MODEL: Any = queue.MODEL
else:
    queue, MODEL = stream.queue, stream.model.Bernoulli(perfect=False)

_WORD = np.dtype("<u4")
_MOST_STRIPPED = 8
"""Zero bytes that are left out at the end of a stream, at most."""

_GUARD = b"\x9e\x37\x79\xb9" * 6
"""Follows the stream. A decoder reads at most a word of what follows (any will do), so one that
reads all of this was given a stream that is too short; constriction notices soon, though not at
once. Not zeros: a predictor would learn to expect them, and go on for ever."""


WRONG = "damaged archive: a payload is wrong"
TOO_SHORT = "damaged archive: a payload is too short"


def to_stream(words: NDArray[np.uint32]) -> bytes:
    """Return a coder's words, uint32, as bytes, without zero bytes at their end."""
    stream: bytes = words.astype(_WORD).tobytes()
    return stream[: max(len(stream.rstrip(b"\0")), len(stream) - _MOST_STRIPPED)]


def to_words(stream: bytes) -> NDArray[np.uint32]:
    """Return the words of :func:`to_stream`, and enough after them.

    A decoder that reads all of them has read too much.
    """
    padded = stream + bytes(-len(stream) % _WORD.itemsize + _MOST_STRIPPED) + _GUARD
    return np.frombuffer(padded, dtype=_WORD).astype(np.uint32)


class BitEncoder:
    """Collects bits; :meth:`finish` gives the stream."""

    def __init__(self) -> None:
        self._encoder = queue.RangeEncoder()

    def encode(self, bits: NDArray[np.int32], ones: NDArray[np.float64]) -> None:
        """Append bits, int32 [n]; ``ones``, float64 [n], holds their probabilities of being 1."""
        self._encoder.encode(bits, MODEL, ones)

    @property
    def size(self) -> int:
        """Bytes of the stream so far, but for a few that are still open."""
        return _WORD.itemsize * int(self._encoder.num_words())

    def finish(self) -> bytes:
        """Return the stream so far."""
        return to_stream(self._encoder.get_compressed())


class BitDecoder:
    """Reads what :class:`BitEncoder` wrote; wrong bytes give wrong bits, or DamagedArchiveError."""

    def __init__(self, stream: bytes) -> None:
        self._decoder = queue.RangeDecoder(to_words(stream))

    def decode(self, ones: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the next bits, int32 [n], given the probabilities of the encoder, float64 [n].

        Raises:
            DamagedArchiveError: no encoder makes this stream.
        """
        try:
            bits: NDArray[np.int32] = self._decoder.decode(MODEL, ones)
        except AssertionError:  # what constriction raises for a stream that no encoder makes
            raise DamagedArchiveError(WRONG) from None
        if self._decoder.maybe_exhausted():
            raise DamagedArchiveError(TOO_SHORT)
        return bits

"""The loop for mixing alone: predictions, learning and the range coder in one compiled function.

Where no network is waited for, a block needs Python only every few milliseconds, and blocks in several threads do not
wait for each other. Streams are those of :mod:`.loop` with :mod:`.rangecoder`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import DamagedArchiveError
from ..jit import jit
from ..mixing.kernels import begin_byte, end_plane
from ..mixing.mixer import Mixer
from ..mixing.state import opened
from .lanes import Layout
from .loop import Progress
from .rangecoder import TOO_SHORT, WRONG, to_stream, to_words
from .rangecoder_numba import RangeDecoder, RangeEncoder, decode_bits, encode_bits

CHUNK = 1 << 14
"""Bytes between two returns to Python, for progress and for Ctrl-C."""


@jit
def _encode_steps(  # type: ignore[no-untyped-def]
    mixer, symbols, first, last, active, weights, bits, ones, coder, words
):
    """Code the steps first..last-1 of uint8 [steps, lanes], in the ``active`` first lanes."""
    s = opened(mixer)
    bits, ones = bits[:active], ones[:active]
    for step in range(first, last):
        begin_byte(s, 0, active, weights, ones)
        for plane in range(8):
            for lane in range(active):
                bits[lane] = (symbols[step, lane] >> (7 - plane)) & 1
            encode_bits(bits, ones, coder, words)
            end_plane(s, plane, 0, active, bits, ones)


@jit
def _decode_steps(  # type: ignore[no-untyped-def]
    mixer, symbols, first, last, active, weights, bits, ones, coder, words
):
    """Undo :func:`_encode_steps`; False for a stream that no encoder makes."""
    s = opened(mixer)
    bits, ones = bits[:active], ones[:active]
    sound = True
    for step in range(first, last):
        symbols[step, :active] = 0
        begin_byte(s, 0, active, weights, ones)
        for plane in range(8):
            sound &= decode_bits(ones, coder, words, bits)
            for lane in range(active):
                symbols[step, lane] |= bits[lane] << (7 - plane)
            end_plane(s, plane, 0, active, bits, ones)
    return sound


def _chunks(layout: Layout) -> Iterator[tuple[int, int, int]]:
    """Ranges of steps of about ``CHUNK`` bytes, with the number of lanes that have a byte there."""
    whole = layout.size // layout.lanes
    stride = max(1, CHUNK // layout.lanes)
    for first in range(0, whole, stride):
        yield first, min(first + stride, whole), layout.lanes
    if whole < layout.steps:
        yield whole, layout.steps, layout.active(whole)


def _buffers(lanes: int) -> tuple[Any, ...]:
    """What the kernels want beside the mixer and the coder: no network's weights, room for bits and probabilities."""
    return np.zeros((0, 256), np.int32), np.empty(lanes, np.int32), np.empty(lanes)


def encode(data: bytes, layout: Layout, mixer: Mixer, progress: Progress | None = None) -> bytes:
    """Code a block. ``progress`` is told of bytes as they are done."""
    symbols, coder, buffers = layout.cut(data), RangeEncoder(), _buffers(layout.lanes)
    for first, last, active in _chunks(layout):
        count = (last - first) * active
        coder.reserve(8 * count)
        steps = symbols, first, last, active
        _encode_steps(mixer.table, *steps, *buffers, coder.state, coder.words)
        if progress is not None:
            progress(count)
    return to_stream(coder.get_compressed())


def decode(stream: bytes, layout: Layout, mixer: Mixer, progress: Progress | None = None) -> bytes:
    """Undo :func:`encode`. A damaged stream gives wrong bytes, which the caller's checksum finds."""
    symbols = np.zeros((layout.steps, layout.lanes), np.uint8)
    coder, buffers = RangeDecoder(to_words(stream)), _buffers(layout.lanes)
    for first, last, active in _chunks(layout):
        steps = symbols, first, last, active
        if not _decode_steps(mixer.table, *steps, *buffers, coder.state, coder.words):
            raise DamagedArchiveError(WRONG)
        if coder.has_read_all():
            raise DamagedArchiveError(TOO_SHORT)
        if progress is not None:
            progress((last - first) * active)
    return layout.join(symbols)

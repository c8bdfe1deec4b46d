"""Compute the surprise map: what every byte costs, and what was expected in its place.

The data go through the splitter and the block coder themselves, so that the costs are those of the
archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.codec import Progress
from nncompress.archive.copies import pack_copies
from nncompress.archive.writer import RawBlock
from nncompress.coding.opening import open_block_coder
from nncompress.coding.options import CodingOptions
from nncompress.coding.recorded_steps import Notes
from nncompress.coding.recording import RecordingCoder
from nncompress.pipeline.splitting import open_splitter

PUSHED = 1 << 18
"""Bytes that the splitter is given at once."""


@dataclass(frozen=True)
class Copied:
    """A repeat that was taken out before coding.

    Attributes:
        start: position of its first byte.
        size: its bytes.
        source: position of the first byte that it repeats.
        bits: what it costs.
    """

    start: int
    size: int
    source: int
    bits: float


@dataclass(frozen=True)
class Surprise:
    """Hold what each of n bytes costs, and why.

    Attributes:
        data: the bytes.
        notes: on each of them, by position.
        sources: position of the byte that each is copied from, int64 [n]; -1 where it is coded.
        copies: the copies; what one costs is spread over its bytes.
        methods: how each block was coded.
    """

    data: bytes
    notes: Notes
    sources: NDArray[np.int64]
    copies: tuple[Copied, ...]
    methods: tuple[str, ...]

    @property
    def coded(self) -> NDArray[np.float64]:
        """Bits that each byte costs, float64 [n]."""
        return self.notes.coded

    @property
    def is_copied(self) -> NDArray[np.bool_]:
        """Whether each byte is part of a copy, bool [n]."""
        return self.sources >= 0


def explain(data: bytes, options: CodingOptions, progress: Progress) -> Surprise:
    """Code ``data`` as ``nncompress compress`` would, and find what each byte cost.

    Args:
        data: the bytes.
        options: how they are coded.
        progress: called with the bytes done since its last call.

    Raises:
        ModelError: the model is missing or damaged.
        ConfigError: the method needs a model, and there is none.
        DeviceError: the device is missing, or does not compute exactly.
    """
    coder = RecordingCoder(open_block_coder(options))
    notes, methods, copies = Notes.empty(len(data)), list[str](), list[Copied]()
    sources, literal_places = np.full(len(data), -1, np.int64), np.zeros(0, np.int64)
    start = 0
    for block in _blocks(data, coder):
        own, inside = _place(block)
        literal_places = np.concatenate([literal_places, start + inside])
        if block.literals:
            recorded = coder.record(block.literals, lambda size, _=0, /: progress(size))
            methods.append(recorded.label)
            for name in Notes._fields:
                getattr(notes, name)[start + inside] = getattr(recorded.notes, name)
        for place, size, source, bits in own:
            copies.append(Copied(start + place, size, int(literal_places[source]), bits))
            whole = slice(start + place, start + place + size)
            notes.coded[whole] = bits / size
            sources[whole] = literal_places[source : source + size]
        progress(len(block.raw) - len(block.literals))
        start += len(block.raw)
    return Surprise(data, notes, sources, tuple(copies), tuple(methods))


def _blocks(data: bytes, coder: RecordingCoder) -> Iterator[RawBlock]:
    splitter = open_splitter(coder)
    for at in range(0, len(data), PUSHED):
        yield from (block for block in splitter.push(data[at : at + PUSHED]) if block.raw)
    rest = splitter.rest()
    if rest.raw:
        yield rest


def _place(block: RawBlock) -> tuple[list[tuple[int, int, int, float]], NDArray[np.int64]]:
    """Return the copies of a block, and where in it its literals stand.

    Of each copy: where in the block it begins, its size, the number of the literal that it repeats,
    and its bits: an equal part of those that all of them take.
    """
    literal, found = np.ones(len(block.raw), np.bool_), []
    if len(block.copies):
        bits = 8 * len(pack_copies(block.copies, block.start)) / len(block.copies)
        shift = 0
        for place, size, source in block.copies.rows():
            found.append((place + shift, size, source, bits))
            literal[place + shift : place + shift + size] = False
            shift += size
    return found, np.flatnonzero(literal)

"""Compute the surprise map: what every byte costs, and what network and mixer expected instead.

The data go through the block coder itself, with predictors that record, so that the costs are those
of the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.codec import Progress
from nncompress.archive.format import Method
from nncompress.archive.writer import BlockSizes, Splitter
from nncompress.coding.block import BlockCoder, open_block_coder
from nncompress.coding.head import Head
from nncompress.coding.options import CodingOptions
from nncompress.coding.planes import Plane, StepPredictor
from nncompress.exact.engine import Prediction
from nncompress.lanes import Layout
from nncompress.mixing.distribution import expected_bytes
from nncompress.mixing.predictor import Predictor

TOP = 3
"""How many predictions are kept for each byte."""


@dataclass(frozen=True)
class Surprise:
    """Hold what each of n bytes costs, by position.

    Attributes:
        data: the bytes.
        coded: bits that each cost in the archive, float64 [n].
        planes: probability that each of its bits was given, most significant first,
            float64 [n, 8].
        network: bits that the network alone would have spent, float64 [n]; None where it had no
            part.
        expected: what the network thought likeliest.
        mixed: what the mixer thought likeliest.
        methods: how each block was coded.
    """

    data: bytes
    coded: NDArray[np.float64]
    planes: NDArray[np.float64]
    network: NDArray[np.float64] | None
    expected: Likeliest
    mixed: Likeliest
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Likeliest:
    """Hold the likeliest bytes at each of n positions.

    Attributes:
        top: the bytes, the likeliest first, uint8 [n, 3].
        chances: their probabilities, float64 [n, 3]; 0 where there was no prediction.
    """

    top: NDArray[np.uint8]
    chances: NDArray[np.float64]

    @classmethod
    def empty(cls, size: int) -> Likeliest:
        """Make arrays for ``size`` positions, to be filled."""
        return cls(np.zeros((size, TOP), dtype=np.uint8), np.zeros((size, TOP)))

    @classmethod
    def joined(cls, parts: list[Likeliest]) -> Likeliest:
        """Join parts, one after the other."""
        whole = [cls.empty(0), *parts]
        return cls(
            np.concatenate([part.top for part in whole]),
            np.concatenate([part.chances for part in whole]),
        )

    def fill(self, places: NDArray[Any], chances: NDArray[np.float64]) -> None:
        """Enter the likeliest bytes of m positions.

        Args:
            places: the positions, integers [m].
            chances: what each byte's distribution was, float64 [m, 256].
        """
        top = np.argsort(-chances, axis=1, kind="stable")[:, :TOP]
        self.top[places] = top
        self.chances[places] = np.take_along_axis(chances, top, axis=1)


def explain(data: bytes, options: CodingOptions, progress: Progress) -> Surprise:
    """Code ``data`` as ``nncompress compress --window 0`` would, and find what each byte cost.

    Args:
        data: the bytes.
        options: how they are coded.
        progress: called with the bytes done since its last call.

    Raises:
        ModelError: the model is missing or damaged.
        ConfigError: the method needs a model, and there is none.
        DeviceError: the device is missing, or does not compute exactly.
    """
    opened = open_block_coder(options)
    methods, notes = [], []
    splitter = Splitter(BlockSizes(opened.block_size, opened.first_block_size))
    blocks = [block.raw for block in (*splitter.push(data), splitter.rest())]
    for block in filter(None, blocks):
        chosen, payload = opened.encode(block)
        # An archive stores what does not get smaller.
        method = Method(chosen) if len(payload) < len(block) else Method.STORED
        methods.append(method.label)
        notes.append(_noted(opened, method, block, progress))
    with_network = all(Method(note.method).needs_model for note in notes)
    return Surprise(
        data,
        np.concatenate([np.zeros(0), *(note.coded for note in notes)]),
        np.concatenate([np.zeros((0, 8)), *(note.planes for note in notes)]),
        np.concatenate([note.network for note in notes]) if with_network and notes else None,
        Likeliest.joined([note.expected for note in notes]),
        Likeliest.joined([note.mixed for note in notes]),
        tuple(methods),
    )


def _noted(coder: BlockCoder, method: Method, block: bytes, progress: Progress) -> _Notes:
    """Code a block once more with the method that was chosen for it, and record."""
    notes = _Notes(len(block), method)
    if method is Method.STORED:
        progress(len(block))
        return notes
    _RecordingCoder(coder, method, notes).encode(block, progress)
    return notes


class _Notes:
    """Hold what is found out about one block; the names are those of :class:`Surprise`."""

    def __init__(self, size: int, method: Method) -> None:
        self.method = method
        self.coded = np.full(size, 8.0)
        self.planes = np.full((size, 8), 0.5)
        self.network = np.zeros(size)
        self.expected, self.mixed = Likeliest.empty(size), Likeliest.empty(size)


class _RecordingCoder(BlockCoder):
    """Code blocks as another block coder does, by one method, with a predictor that records."""

    def __init__(self, like: BlockCoder, method: Method, notes: _Notes) -> None:
        super().__init__(
            like.model,
            level=like.level,
            method=method.label,
            device=like.device,
            threads=like.threads,
        )
        if method.needs_model:
            self._network = like.network  # started once, checked once
        self._notes = notes

    def _predictor(self, head: Head, layout: Layout) -> StepPredictor:
        return _Recorder(super()._predictor(head, layout), layout, self._notes)


class _Recorder:
    """Pass everything on to a predictor, and record what it predicts."""

    def __init__(self, predictor: StepPredictor, layout: Layout, notes: _Notes) -> None:
        self._predictor, self._notes = predictor, notes
        self._starts = layout.starts()
        self._steps: dict[int, int] = {}

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: NDArray[np.uint8],
        prediction: Prediction | None,
        out: NDArray[np.float64],
    ) -> None:
        mixed = (
            expected_bytes(self._predictor, lo, hi, prediction)
            if isinstance(self._predictor, Predictor)
            else None
        )
        self._predictor.encode_step(lo, hi, symbols, prediction, out)
        step = self._steps.get(lo, 0)
        self._steps[lo] = step + 1
        places, notes = self._starts[lo:hi] + step, self._notes
        bits = (symbols[:, None] >> np.arange(7, -1, -1)) & 1
        given = np.where(bits == 1, out.T, 1 - out.T)
        notes.planes[places] = given
        notes.coded[places] = -np.log2(given).sum(axis=1)
        if mixed is not None:
            notes.mixed.fill(places, mixed)
        if prediction is not None:
            weights = prediction.weights
            chances = weights / weights.sum(axis=1, dtype=np.int64)[:, None]
            notes.network[places] = -np.log2(chances[np.arange(len(symbols)), symbols])
            notes.expected.fill(places, chances)

    def decode_step(
        self, lo: int, hi: int, prediction: Prediction | None, decode_plane: Plane
    ) -> NDArray[np.uint8]:
        return self._predictor.decode_step(lo, hi, prediction, decode_plane)

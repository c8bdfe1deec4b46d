"""What every byte of some data costs, and what the network expected instead: the numbers of the surprise map.

The data go through the codec itself, with predictors that keep notes, so that the costs are those of the archive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.format import Method
from nncompress.codecs import CodecOptions
from nncompress.coding.codec import Codec, open_codec
from nncompress.coding.lanes import Layout
from nncompress.coding.loop import Plane, Predictor

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model

TOP = 3
"""How many of the network's predictions are kept for each byte."""


@dataclass(frozen=True)
class Surprise:
    """Costs of ``data``, by position.

    coded: bits that each byte cost in the archive, float64 [n]. planes: probability that each of its bits was given,
    most significant first, float64 [n, 8]. network: bits that the network alone would have spent, float64 [n], or
    None where it had no part. top, chances: the network's likeliest bytes, uint8 [n, 3], and their probabilities,
    float64 [n, 3]. methods: how each block was coded.
    """

    data: bytes
    coded: NDArray[np.float64]
    planes: NDArray[np.float64]
    network: NDArray[np.float64] | None
    top: NDArray[np.uint8]
    chances: NDArray[np.float64]
    methods: tuple[str, ...]


def explain(data: bytes, options: CodecOptions, progress: Callable[[int], None]) -> Surprise:
    """Code ``data`` as ``nncompress compress`` would, and say what each byte cost.

    Raises :class:`ModelError`, :class:`ConfigError`, :class:`DeviceError`.
    """
    opened = open_codec(
        options.model,
        level=options.level,
        method=options.method,
        device=options.device,
        threads=options.threads,
    )
    codec = _RecordingCodec(opened.model, opened)
    codec.progress = progress
    methods, notes = [], []
    for start in range(0, len(data), codec.block_size):
        block = data[start : start + codec.block_size]
        codec.notes.clear()
        chosen, payload = codec.encode(block)
        # An archive stores what does not get smaller.
        method = Method(chosen) if len(payload) < len(block) else Method.STORED
        methods.append(method.label)
        notes.append(codec.notes.get((method, len(block))) or _Notes(len(block), stored=True))
    joined = _Notes.joined(notes)
    with_network = all(Method(note.method).needs_model for note in notes)
    return Surprise(
        data,
        joined.coded,
        joined.planes,
        joined.network if with_network and notes else None,
        joined.top,
        joined.chances,
        tuple(methods),
    )


class _Notes:
    """Arrays of :class:`Surprise` for one block."""

    def __init__(self, size: int, method: Method = Method.STORED, *, stored: bool = False) -> None:
        self.method = method
        self.coded = np.full(size, 8.0 if stored else 0.0)
        self.planes = np.full((size, 8), 0.5)
        self.network = np.zeros(size)
        self.top = np.zeros((size, TOP), dtype=np.uint8)
        self.chances = np.zeros((size, TOP))

    @classmethod
    def joined(cls, parts: list[_Notes]) -> _Notes:
        whole = cls(0)
        for name in ("coded", "planes", "network", "top", "chances"):
            arrays = [getattr(whole, name), *(getattr(part, name) for part in parts)]
            setattr(whole, name, np.concatenate(arrays))
        return whole


class _RecordingCodec(Codec):
    """The codec, with predictors that keep notes, by method and size of what was coded."""

    def __init__(self, model: Model | None, like: Codec) -> None:
        super().__init__(
            model, level=like.level, method=like.method, device=like.device, threads=like.threads
        )
        self.notes: dict[tuple[Method, int], _Notes] = {}

    def _predictor(self, method: Method, profile: int, layout: Layout) -> Predictor:
        notes = self.notes[method, layout.size] = _Notes(layout.size, method)
        return _Recorder(super()._predictor(method, profile, layout), layout, notes)


class _Recorder:
    """A predictor that passes everything on and keeps notes."""

    def __init__(self, predictor: Predictor, layout: Layout, notes: _Notes) -> None:
        self._predictor, self._notes = predictor, notes
        short, longer = divmod(layout.size, layout.lanes)
        lane = np.arange(layout.lanes)
        self._starts = lane * short + np.minimum(lane, longer)
        self._steps: dict[int, int] = {}

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: NDArray[np.uint8],
        weights: NDArray[np.int32] | None,
        out: NDArray[np.float64],
    ) -> None:
        self._predictor.encode_step(lo, hi, symbols, weights, out)
        step = self._steps.get(lo, 0)
        self._steps[lo] = step + 1
        places, notes = self._starts[lo:hi] + step, self._notes
        bits = (symbols[:, None] >> np.arange(7, -1, -1)) & 1
        given = np.where(bits == 1, out.T, 1 - out.T)
        notes.planes[places] = given
        notes.coded[places] = -np.log2(given).sum(axis=1)
        if weights is not None:
            self._note_network(places, symbols, weights)

    def _note_network(
        self, places: NDArray[Any], symbols: NDArray[np.uint8], weights: NDArray[np.int32]
    ) -> None:
        chances = weights / weights.sum(axis=1, dtype=np.int64)[:, None]
        row = np.arange(len(symbols))
        self._notes.network[places] = -np.log2(chances[row, symbols])
        top = np.argsort(-weights.astype(np.int64), axis=1, kind="stable")[:, :TOP]
        self._notes.top[places] = top
        self._notes.chances[places] = chances[row[:, None], top]

    def decode_step(
        self, lo: int, hi: int, weights: NDArray[np.int32] | None, decode_plane: Plane
    ) -> NDArray[np.uint8]:
        return self._predictor.decode_step(lo, hi, weights, decode_plane)

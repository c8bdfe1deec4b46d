"""Code blocks as a block coder does, and keep notes on what every byte cost and why.

It is the coder itself that is watched, so the costs are those of the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.format import Method
from nncompress.lanes import Layout
from nncompress.transforms.words import places_of_codes

from .block import BlockCoder
from .head import read_head
from .loop import is_mixer
from .planes import PlaneEncoder
from .recorded_steps import Notes, RecordingEncoder

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

    from .choice import Plan
    from .cores import Loan
    from .loop import OpenEncoder, StepEncoder
    from .planes import Plane, StepPredictor


@dataclass(frozen=True)
class Recorded:
    """A block that was coded, with what was noted.

    Attributes:
        method: how its bytes stand in the archive.
        label: the method, and the filter where there is one, in words.
        bits: of the block in the archive, without its header.
        notes: on its bytes.
    """

    method: Method
    label: str
    bits: int
    notes: Notes


class RecordingCoder(BlockCoder):
    """Codes as another block coder would."""

    def __init__(self, like: BlockCoder) -> None:
        super().__init__(
            like.model,
            level=like.level,
            method=like.method,
            device=like.device,
            kernels=like.kernels,
            threads=like.threads,
        )
        self._size, self._is_sample = 0, False
        self._notes: Notes | None = None
        self._tried: dict[bytes, Notes] = {}

    def record(self, data: bytes, progress: Progress) -> Recorded:
        """Code a block as the archive has it, which stores what does not get smaller."""
        self._size = len(data)
        self._tried.clear()
        number, payload = self.encode(data, progress)
        if Method(number) is Method.STORED or len(payload) >= len(data):
            return Recorded(
                Method.STORED, Method.STORED.label, 8 * len(data), Notes.empty(len(data))
            )
        head, _ = read_head(number, payload, len(data))
        label, notes = head.method.label, self._tried[payload]
        if head.transform.byte:
            label += f" after the filter {head.transform.label}"
        if not head.transform.keeps_size:
            notes = _spread(notes, places_of_codes(data), len(data))
        return Recorded(head.method, label, 8 * len(payload), notes)

    def _encode(
        self,
        plan: Plan,
        data: bytes,
        layout: Layout,
        loan: Loan,
        progress: Progress = no_progress,
    ) -> bytes:
        self._is_sample, self._notes = layout.size < self._size, None
        payload = super()._encode(plan, data, layout, loan, progress)
        if self._notes is not None:
            self._tried[payload] = self._notes
        return payload

    def _opener(self, layout: Layout) -> OpenEncoder | None:
        if self._is_sample:
            return None
        notes = self._notes = Notes.empty(layout.size)

        def open_encoder(predictor: StepPredictor, table: NDArray[np.uint8]) -> StepEncoder:
            if is_mixer(predictor):
                return RecordingEncoder(predictor, table, layout, notes)
            return PlaneEncoder(_NotingPredictor(predictor, layout, notes), table)

        return open_encoder


def _spread(notes: Notes, places: NDArray[np.int32], size: int) -> Notes:
    """Return notes on raw bytes, of notes on codes for them.

    What a word costs is spread over it evenly; what was expected stands at its first byte.

    Args:
        notes: on the bytes that were modelled.
        places: where in the block begins what each stands for.
        size: of the block.
    """
    spread = Notes.empty(size)
    starts, first = np.unique(places, return_index=True)
    for name in Notes._fields:
        getattr(spread, name)[starts] = getattr(notes, name)[first]
    lengths = np.diff(np.append(starts, size))
    bits = np.add.reduceat(notes.coded, first)
    spread.coded[:] = np.repeat(bits / lengths, lengths)
    return spread


class _NotingPredictor:
    """Passes everything on to the network's predictor, and notes what it predicts."""

    def __init__(self, predictor: StepPredictor, layout: Layout, notes: Notes) -> None:
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
        self._predictor.encode_step(lo, hi, symbols, prediction, out)
        step = self._steps.get(lo, 0)
        self._steps[lo] = step + 1
        places, notes = self._starts[lo:hi] + step, self._notes
        bits = (symbols[:, None] >> np.arange(7, -1, -1)) & 1
        notes.coded[places] = -np.log2(np.where(bits == 1, out.T, 1 - out.T)).sum(axis=1)
        assert prediction is not None  # this predictor has no other source
        weights = prediction.weights
        chances = weights / weights.sum(axis=1, dtype=np.int64)[:, None]
        notes.network[places] = -np.log2(chances[np.arange(len(symbols)), symbols])
        top = np.argsort(-chances, axis=1, kind="stable")[:, : notes.network_top.shape[1]]
        notes.network_top[places] = top
        notes.network_chances[places] = np.take_along_axis(chances, top, axis=1)

    def decode_step(
        self, lo: int, hi: int, prediction: Prediction | None, decode_plane: Plane
    ) -> NDArray[np.uint8]:
        return self._predictor.decode_step(lo, hi, prediction, decode_plane)

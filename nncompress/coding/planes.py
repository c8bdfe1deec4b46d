"""Code steps plane by plane: a predictor gives probabilities, constriction codes the bits.

Any predictor will do, such as one that records what another says. For the mixing predictor
:mod:`.compiled_steps` makes the same streams faster, and :mod:`.network_steps` for the network
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .rangecoder import BitDecoder, BitEncoder

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

Plane = Callable[[NDArray[np.float64]], NDArray[np.int32]]

_SHIFTS = np.arange(7, -1, -1, dtype=np.int32)[:, None]


class StepPredictor(Protocol):
    """Gives bit probabilities, and learns from the bits if it can.

    :class:`.network_predictor.NetworkPredictor` documents the arguments of both methods.
    """

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: NDArray[np.uint8],
        prediction: Prediction | None,
        out: NDArray[np.float64],
    ) -> None:
        """Give the probabilities of the bits of known bytes, and learn them."""

    def decode_step(
        self, lo: int, hi: int, prediction: Prediction | None, decode_plane: Plane
    ) -> NDArray[np.uint8]:
        """Decode one byte a lane, and learn it."""


class PlaneEncoder:
    """Codes the bytes of a table, uint8 [steps, lanes]; :meth:`finish` gives the stream."""

    def __init__(self, predictor: StepPredictor, table: NDArray[np.uint8]) -> None:
        self._predictor, self.table, self._coder = predictor, table, BitEncoder()

    def code(self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        """Code the steps first..last-1 of the lanes lo..hi-1; with a prediction, one step."""
        for step in range(first, last):
            symbols, ones = self.table[step, lo:hi], np.empty((8, hi - lo))
            self._predictor.encode_step(lo, hi, symbols, prediction, ones)
            bits = (symbols.astype(np.int32) >> _SHIFTS) & 1
            self._coder.encode(bits.reshape(-1), ones.reshape(-1))

    @property
    def size(self) -> int:
        """Bytes of the stream so far, but for a few that are still open."""
        return self._coder.size

    def finish(self) -> bytes:
        """Return the stream so far."""
        return self._coder.finish()


class PlaneDecoder:
    """Reads what :class:`PlaneEncoder` wrote, into a table."""

    def __init__(self, predictor: StepPredictor, table: NDArray[np.uint8], stream: bytes) -> None:
        self._predictor, self.table, self._coder = predictor, table, BitDecoder(stream)

    def code(self, first: int, last: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        """Decode the steps first..last-1 of the lanes lo..hi-1; with a prediction, one step.

        Raises :class:`DamagedArchiveError` where no encoder makes such a stream.
        """
        for step in range(first, last):
            found = self._predictor.decode_step(lo, hi, prediction, self._coder.decode)
            self.table[step, lo:hi] = found

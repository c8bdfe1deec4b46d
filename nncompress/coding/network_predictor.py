"""Turn the network's prediction into bit probabilities, without mixing.

A byte is coded in eight planes, most significant bit first. The probability that a bit is 1 is the
weight of the bytes that agree with the bits so far and have a 1 here, over the weight of all that
agree with the bits so far.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.jit import jit

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

PROBABILITY_BITS = 16
_ONE = 1 << PROBABILITY_BITS


@jit
def accumulate(weights: Any, sums: Any) -> None:
    """Write the running sums of each lane's weights, int32 [n, 256], int64 [n, 257]."""
    for lane in range(weights.shape[0]):
        total = np.int64(0)
        sums[lane, 0] = 0
        for symbol in range(256):
            total += weights[lane, symbol]
            sums[lane, symbol + 1] = total


@jit
def probabilities(sums: Any, nodes: Any, plane: int, ones: Any) -> None:
    """Write P(bit = 1), float64 [n], of a plane; nodes, int64 [n], are a 1 and the bits before."""
    span = 128 >> plane
    for lane in range(ones.shape[0]):
        low = (nodes[lane] << (8 - plane)) & 255
        lower, middle, upper = sums[lane, low], sums[lane, low + span], sums[lane, low + 2 * span]
        # Weights are at least 1 and sum to less than 2**29: the quotient is defined, below 2**16.
        scaled = ((upper - middle) << PROBABILITY_BITS) // (upper - lower)
        ones[lane] = min(max(scaled, 1), _ONE - 1) / _ONE


def _weights(prediction: Prediction | None) -> NDArray[np.int32]:
    if prediction is None:
        raise ValueError("there is nothing to predict from without a network")
    return prediction.weights


class NetworkPredictor:
    """Gives the network's weights as bit probabilities; it learns nothing and keeps no state."""

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes

    @cached_property
    def _sums(self) -> NDArray[np.int64]:
        return np.zeros((self._lanes, 257), dtype=np.int64)

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: NDArray[np.uint8],
        prediction: Prediction | None,
        out: NDArray[np.float64],
    ) -> None:
        """Give the probabilities of the bits of known bytes.

        Args:
            lo: first lane.
            hi: one past the last lane; n of them.
            symbols: their bytes, uint8 [n].
            prediction: the network's for these lanes.
            out: gets P(bit = 1), multiples of 2**-16 in (0, 1), float64 [8, n].
        """
        sums = self._sums[lo:hi]
        accumulate(_weights(prediction), sums)
        for plane in range(8):
            nodes = (symbols.astype(np.int64) | 256) >> (8 - plane)
            probabilities(sums, nodes, plane, out[plane])

    def decode_step(
        self,
        lo: int,
        hi: int,
        prediction: Prediction | None,
        decode_plane: Callable[[NDArray[np.float64]], NDArray[np.int32]],
    ) -> NDArray[np.uint8]:
        """Decode one byte a lane.

        Args:
            lo: first lane.
            hi: one past the last lane; n of them.
            prediction: the network's for these lanes.
            decode_plane: turns probabilities, float64 [n], into bits, int32 [n].

        Returns:
            the bytes, uint8 [n].
        """
        sums = self._sums[lo:hi]
        accumulate(_weights(prediction), sums)
        nodes = np.ones(hi - lo, dtype=np.int64)
        ones = np.empty(hi - lo)
        for plane in range(8):
            probabilities(sums, nodes, plane, ones)
            nodes = nodes * 2 + decode_plane(ones)
        return (nodes & 255).astype(np.uint8)

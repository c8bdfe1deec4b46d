"""Predict the bits of a block, and learn from them: the predictor as the coding loop sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nncompress.errors import ConfigError

from .allocation import make_state
from .clusters import Clusters, pack_centroids
from .initial import export_initial, load_initial
from .kernels import PLANE, PlaneTable, learn_bits, predict_bits
from .profiles import Profile
from .regression import MAX_WIDTH
from .state import MAX_PERIOD, MAX_STEP, RECENT, STATE, State

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

MAX_SIZE = 1 << 28
MAX_LANES = 1 << 16


class Predictor:
    """Adaptive bit probabilities for one block in lockstep lanes; see docs/mixing.md.

    PAQ calls this part by the same name: it joins the models' predictions by a mixer. Encoder and
    decoder must make the same calls, in the order of coding: in every step the groups of lanes in
    ascending order. A call that fails half-way leaves the predictor unusable.

    Args:
        profile: what it consists of.
        lanes: number of lanes, 1 to 65536.
        size: bytes of the block, 0 to 2**28, in lanes as :class:`nncompress.lanes.Layout` cuts it.
        initial: trained starting values (see :mod:`.initial`); None for the built-in ones.
        clusters: of the network's hidden vectors, whose length they give too; None without a
            network.
        period: length of a record, or of a picture's row, 0 to 4,095; 0 for none.
        step: length of a pixel or of a sound's frame, 0 to 15; 0 only where there is no record.

    Raises:
        ConfigError: a number is out of range, or ``initial`` or ``clusters`` does not fit.
    """

    def __init__(
        self,
        profile: Profile,
        lanes: int,
        size: int,
        initial: Mapping[str, npt.NDArray[Any]] | None = None,
        clusters: Clusters | None = None,
        period: int = 0,
        step: int = 0,
    ) -> None:
        if not 1 <= lanes <= MAX_LANES:
            raise ConfigError(f"number of lanes must be 1 to {MAX_LANES}, not {lanes}")
        if not 0 <= size <= MAX_SIZE:
            raise ConfigError(f"size of a mixed block must be 0 to {MAX_SIZE} bytes, not {size}")
        if not (period == step == 0 or (1 <= period <= MAX_PERIOD and 1 <= step <= MAX_STEP)):
            raise ConfigError(f"no records of {period} bytes with steps of {step}")
        self.profile = profile
        clusters = clusters if clusters is not None and profile.network else Clusters.none(0)
        if not clusters.are_valid():
            raise ConfigError("the clusters of the network's hidden vectors are damaged")
        self._width: int = min(clusters.weight.shape[1], MAX_WIDTH)
        self._state = make_state(profile, lanes, size, self._width, period, step)
        self._load_clusters(clusters)
        if initial is not None:
            load_initial(self._state, profile, initial)
        self._table = STATE.fill(self._state)
        self._lanes = lanes
        self._no_weights = np.zeros((0, 256), np.int32)

    @property
    def state(self) -> State:
        """Everything it knows; for tests and training."""
        return self._state

    @property
    def table(self) -> npt.NDArray[np.int64]:
        """The table of its state, int64 [rows, COLUMNS]; of use as long as the predictor lives."""
        return self._table

    @property
    def width(self) -> int:
        """How many numbers of the network's hidden vector are used, from the first on."""
        return self._width

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: npt.NDArray[np.uint8],
        prediction: Prediction | None,
        out: npt.NDArray[np.float64],
    ) -> None:
        """Predict and learn the next byte of lanes lo..hi-1.

        Args:
            lo: first lane.
            hi: one past the last lane; hi > lo, and each of the lanes still has a byte to come.
            symbols: their bytes, uint8 [hi - lo].
            prediction: what the network says of these lanes; None without one.
            out: gets P(bit = 1) for the 8 bit planes, the highest bit first: float64 [8, hi - lo],
                exact multiples of 2**-16 in (0, 1).
        """
        weights = self.take(lo, hi, prediction)
        if symbols.shape != (hi - lo,) or out.shape != (8, hi - lo):
            raise ValueError("symbols and out must have one entry a lane")
        turn, table = self._turn(weights, hi - lo)
        for plane in range(8):
            predict_bits(table.ctypes.data, plane, lo, hi, 1)
            out[plane] = turn.ones
            turn.bits[:] = symbols >> np.uint8(7 - plane) & np.uint8(1)
            learn_bits(table.ctypes.data, plane, lo, hi)

    def decode_step(
        self,
        lo: int,
        hi: int,
        prediction: Prediction | None,
        decode_plane: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.int32]],
    ) -> npt.NDArray[np.uint8]:
        """Predict, decode and learn the next byte of lanes lo..hi-1; see :meth:`encode_step`.

        Args:
            lo: first lane.
            hi: one more than the last lane.
            prediction: what the network says, or None.
            decode_plane: called 8 times with P(bit = 1), float64 [hi - lo], which it must not keep;
                gives the bits, int32 [hi - lo], each 0 or 1.

        Returns:
            the bytes, uint8 [hi - lo].
        """
        weights = self.take(lo, hi, prediction)
        turn, table = self._turn(weights, hi - lo)
        for plane in range(8):
            predict_bits(table.ctypes.data, plane, lo, hi, 1)
            turn.bits[:] = decode_plane(turn.ones)
            learn_bits(table.ctypes.data, plane, lo, hi)
        return self._state.keys[lo:hi, RECENT].astype(np.uint8)  # its lowest byte

    def _turn(
        self, weights: npt.NDArray[np.int32], lanes: int
    ) -> tuple[PlaneTable, npt.NDArray[np.int64]]:
        """Return what the planes of some lanes are predicted and learnt with, and its table."""
        turn = PlaneTable(self._table, weights, np.empty(lanes, np.int32), np.empty(lanes))
        return turn, PLANE.fill(turn)

    def _load_clusters(self, clusters: Clusters) -> None:
        weight = np.zeros((len(clusters.weight), self._state.hidden.shape[1]), np.int8)
        weight[:, : self._width] = clusters.weight[:, : self._width]
        self._state.centroids[:] = pack_centroids(weight)
        self._state.centroid_biases[:] = clusters.bias

    def take(self, lo: int, hi: int, prediction: Prediction | None) -> npt.NDArray[np.int32]:
        """Take in the hidden vectors of lanes lo..hi-1, and return the weights for the kernels.

        They do not check bounds, so it is done here; ``ValueError`` where something does not fit.
        """
        if not 0 <= lo < hi <= self._lanes:
            raise ValueError(f"no lanes {lo} to {hi} in {self._lanes}")
        if not self.profile.network:
            return self._no_weights
        width = self._width
        if (
            prediction is None
            or prediction.weights.shape != (hi - lo, 256)
            or prediction.hidden.shape[0] != hi - lo
            or prediction.hidden.shape[1] < width
        ):
            raise ValueError(
                f"this mixer needs weights, [lanes, 256], and vectors, [lanes, {width}]"
            )
        self._state.hidden[lo:hi, :width] = prediction.hidden[:, :width]
        return np.ascontiguousarray(prediction.weights, np.int32)

    def export_initial(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is of use for other data: weights and maps, not the hashed contexts."""
        return export_initial(self._state, self.profile)

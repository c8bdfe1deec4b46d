"""Define in plain Python what the predictor makes of the network: see :mod:`.reference`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .allocation import APM_TRUST, Sizes
from .apm import APM_LIMIT, NETWORK_MAPS
from .clusters import Clusters
from .profiles import Profile
from .reference_contexts import Lane, low_bytes, mix64, small_hash
from .reference_parts import Cell, clamped, knots, squash
from .regression import FIRST_ENERGY, MAX_WIDTH, RATES, REGRESSION_WEIGHT_MAX, SCALE_BITS, USED_BITS
from .tables import STRETCH, STRETCH_MAX, STRETCH_ONE


class NetworkPart:
    """Keeps the maps that correct the network's probability, and the regression.

    Args:
        profile: the predictor's.
        size: bytes of the block.
        clusters: of the network's hidden vectors.
    """

    def __init__(self, profile: Profile, size: int, clusters: Clusters) -> None:
        self.apm_bits = Sizes.of(profile, size).apm_bits
        self.clusters = clusters
        self.weights: dict[int, NDArray[np.int64]] = {}
        self.hidden: dict[int, NDArray[np.int64]] = {}
        self.maps: list[dict[int, list[Cell]]] = [{} for _ in range(NETWORK_MAPS)]
        width = min(clusters.weight.shape[1], MAX_WIDTH)
        self.centroids = clusters.weight[:, :width].astype(np.int64)
        self.regression = np.zeros((256, width), np.int64)
        self.energies = [FIRST_ENERGY] * 256
        self.used: dict[int, tuple[list[Cell], int]] = {}

    def take(self, lane: int, weights: NDArray[np.int32], hidden: NDArray[np.int8]) -> None:
        """Take what the network says of a lane's next byte."""
        self.weights[lane] = weights.astype(np.int64)
        self.hidden[lane] = hidden[: self.centroids.shape[1]].astype(np.int64)

    def cluster(self, lane: Lane) -> int:
        """Return the cluster of the lane's hidden vector, the first of the nearest."""
        scores = self.centroids @ self.hidden[lane.number] - self.clusters.bias
        return int(scores.argmax())

    def inputs(self, lane: Lane, plane: int) -> list[int]:
        """Return six inputs: the probability stretched, less 1/2, and corrected by four maps."""
        half = 128 >> plane
        first = (lane.node << (8 - plane)) - 256
        whole = int(self.weights[lane.number][first : first + 2 * half].sum())
        ones = int(self.weights[lane.number][first + half : first + 2 * half].sum())
        p = min(max(((ones << 16) + whole // 2) // whole, 1), 65535)
        x = int(STRETCH[p])
        corrected, learners = [], []
        for context, maps in zip(self._contexts(lane), self.maps, strict=True):
            row = maps.setdefault(small_hash(context, self.apm_bits), _first_row())
            at, part = divmod(x + STRETCH_MAX, STRETCH_ONE)
            low, high = row[at].p, row[at + 1].p
            moved = (low * (STRETCH_ONE - part) + high * part) >> 17
            corrected.append(int(STRETCH[min(max(moved, 1), 65535)]))
            learners.append(row[at + (part >= STRETCH_ONE // 2)])
        self.used[lane.number] = learners, 0
        return [x, (p - 32768) >> 1, *corrected]

    def _contexts(self, lane: Lane) -> list[int]:
        node, recent, c1 = lane.node, lane.text.recent, lane.text.c1
        match = lane.models[0]
        expected = (match.expected + 1) << 5 | min(match.run, 31)
        word = mix64(lane.text.word, c1) + node
        return [
            node << 8 | c1,
            node << 16 | expected,
            node << 24 | low_bytes(recent, 2),
            word & (1 << 64) - 1,
        ]

    def correct(self, lane: Lane) -> int:
        """Return the mixer's stretched probability, corrected by the regression."""
        weights = self.regression[lane.node] >> int(USED_BITS)
        correction = int(weights @ self.hidden[lane.number]) >> SCALE_BITS
        corrected = clamped(lane.mixed + correction)
        self.used[lane.number] = self.used[lane.number][0], corrected
        return corrected

    def learn(self, lane: Lane, bit: int) -> None:
        """Learn a bit: the regression's weights of the node, and the cells that were used."""
        learners, corrected = self.used[lane.number]
        error = (bit << 16) - squash(corrected)
        self.energies[lane.node] += error * error >> 16
        energy = self.energies[lane.node]
        length = energy.bit_length()
        rate = int(RATES[2 * length + (energy >> (length - 2) & 1)])
        step = self.hidden[lane.number] * (error * rate >> 16)
        most = int(REGRESSION_WEIGHT_MAX)
        self.regression[lane.node] = np.clip(self.regression[lane.node] + step, -most, most)
        for cell in learners:
            cell.learn(bit)


def _first_row() -> list[Cell]:
    return [Cell(p, APM_TRUST, APM_LIMIT) for p in knots()]

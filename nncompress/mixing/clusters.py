"""Sort the network's hidden vectors into 256 clusters, by which the mixer picks a set of weights.

A vector belongs to the nearest of 256 centroids. They are found by k-means (S. Lloyd, "Least
squares quantization in PCM", 1982) over the hidden vectors of training text, each number measured
in its standard deviation. The nearest centroid is the one with the largest a . h - b, with
a = c / deviation^2 and b = c . a / 2, so that finding it takes one small product of int8 matrices.
Rounding of a and b moves the borders between clusters a little, which does no harm: they are part
of the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nncompress.machine import int8
from nncompress.machine.jit import jit, part

from .state import CLUSTER

CENTROIDS = 256
CLUSTER_WEIGHT_MAX = 63
CLUSTER_BIAS_MAX = 1 << 29
ROUNDS = 12
"""Rounds of k-means; after these the distances hardly fall any more."""

_WIDTH = int8.panel_width(CENTROIDS, int8.DEPTH)
"""Of the panels of the clusters' weight, where its rows are whole."""


class Clusters(NamedTuple):
    """The clusters that a model tells apart.

    Attributes:
        weight: int8 [256, width] in -63..63, what is called a in the module's docstring.
        bias: int32 [256], at most 2**29 in magnitude, what is called b there.
    """

    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]

    @classmethod
    def none(cls, width: int) -> Clusters:
        """Make clusters that tell nothing apart, for hidden vectors of ``width`` numbers."""
        return cls(np.zeros((CENTROIDS, width), np.int8), np.zeros(CENTROIDS, np.int32))

    def are_valid(self) -> bool:
        """Return whether dtypes, shapes and ranges are those of the class's docstring."""
        return (
            self.weight.dtype == np.int8
            and self.bias.dtype == np.int32
            and self.weight.ndim == 2
            and len(self.weight) == CENTROIDS
            and self.bias.shape == (CENTROIDS,)
            and bool((abs(self.weight.astype(np.int16)) <= CLUSTER_WEIGHT_MAX).all())
            and bool((abs(self.bias.astype(np.int64)) <= CLUSTER_BIAS_MAX).all())
        )


def train_clusters(hidden: npt.NDArray[np.int8], seed: int = 0) -> Clusters:
    """Find the clusters of hidden vectors by k-means.

    Args:
        hidden: int8 [n, width]; n is at least 256.
        seed: picks the vectors that the centroids start from.
    """
    random = np.random.default_rng(seed)
    vectors = hidden.astype(np.float32)
    scale = 1 / (vectors.std(axis=0) + 0.5) ** 2  # a number that hardly moves tells little
    centroids = vectors[random.choice(len(vectors), CENTROIDS, replace=False)]
    for _ in range(ROUNDS):
        nearest = _nearest(vectors, centroids, scale)
        for cluster in range(CENTROIDS):
            members = vectors[nearest == cluster]
            if len(members):
                centroids[cluster] = members.mean(axis=0)
    products = centroids * scale
    unit = CLUSTER_WEIGHT_MAX / np.quantile(abs(products), 0.9999)
    bias = (centroids * products).sum(axis=1) / 2 * unit
    return Clusters(
        np.clip(np.rint(products * unit), -CLUSTER_WEIGHT_MAX, CLUSTER_WEIGHT_MAX).astype(np.int8),
        np.clip(np.rint(bias), -CLUSTER_BIAS_MAX, CLUSTER_BIAS_MAX).astype(np.int32),
    )


def _nearest(
    vectors: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32], scale: Any
) -> npt.NDArray[np.intp]:
    products = centroids * scale
    nearest: npt.NDArray[np.intp] = np.argmax(
        vectors @ products.T - (centroids * products).sum(axis=1) / 2, axis=1
    )
    return nearest


def pack_centroids(weight: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Bring the clusters' weight into the order of this CPU's instructions.

    Args:
        weight: int8 [256, width].

    Returns:
        uint8 [256 * width], for ``State.centroids``.
    """
    return int8.pack(weight)


@jit
def multiply_centroids(hidden, weight, scores):
    """Compute the product of hidden vectors and the clusters' weight, packed."""
    start = np.empty(hidden.shape[0], np.int32)
    width = int8.UNPACKED if hidden.shape[1] % int8.DEPTH else _WIDTH
    int8.multiply(hidden, weight, start, scores, width)


@part
def find_clusters(s, lo, hi):
    """Note each lane's cluster: that of the highest score, the first if there are several."""
    scores = np.empty((hi - lo, CENTROIDS), np.int32)
    multiply_centroids(s.hidden[lo:hi], s.centroids, scores)
    for lane in range(lo, hi):
        highest, cluster = np.int64(scores[lane - lo, 0]) - s.centroid_biases[0], 0
        for candidate in range(1, CENTROIDS):
            score = np.int64(scores[lane - lo, candidate]) - s.centroid_biases[candidate]
            if score > highest:
                highest, cluster = score, candidate
        s.lanes[lane, CLUSTER] = cluster

"""Clusters of hidden vectors."""

from __future__ import annotations

import numpy as np
import pytest

from nncompress.errors import ConfigError
from nncompress.exact.engine import Prediction
from nncompress.mixing.clusters import (
    Clusters,
    train_clusters,
)
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FULL
from nncompress.mixing.state import CLUSTER
from tests.mixing import blocks
from tests.models import some_clusters


def vectors(count: int, groups: int = 256, width: int = 21) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around some centres, int8 [count, width], and which centre each one is near."""
    random = np.random.default_rng(3)
    centres = random.integers(-90, 90, (groups, width))
    group = np.arange(count) % groups
    return (centres[group] + random.integers(-2, 3, (count, width))).astype(np.int8), group


def clusters_of(hidden: np.ndarray, clusters: Clusters) -> np.ndarray:
    predictor = Predictor(FULL, len(hidden), 10 * len(hidden), clusters=clusters)
    prediction = Prediction(np.ones((len(hidden), 256), np.int32), hidden)
    symbols, out = np.zeros(len(hidden), np.uint8), np.empty((8, len(hidden)))
    predictor.encode_step(0, len(hidden), symbols, prediction, out)
    return predictor.state.lanes[:, CLUSTER].copy()


def test_vectors_near_each_other_are_in_one_cluster():
    hidden, group = vectors(4096)
    found = clusters_of(hidden, train_clusters(hidden))
    together = [np.bincount(found[group == g]).max() / (group == g).sum() for g in range(256)]
    assert np.mean(together) > 0.95
    assert len(np.unique(found)) > 128


@pytest.mark.parametrize("width", [1, 4, 21, 384])
def test_the_cluster_is_the_first_of_the_highest_score(width):
    hidden = np.random.default_rng(width).integers(-127, 128, (70, width)).astype(np.int8)
    clusters = some_clusters(width)
    scores = hidden.astype(np.int64) @ clusters.weight.T.astype(np.int64) - clusters.bias
    assert (clusters_of(hidden, clusters) == scores.argmax(axis=1)).all()
    assert (clusters_of(hidden, Clusters.none(width)) == 0).all()


def test_they_pick_weights_of_the_mixer():
    data = bytes(np.random.default_rng(0).integers(0, 2, 4000).astype(np.uint8) * 255)
    hidden, _ = vectors(4000, 16)
    clusters = train_clusters(hidden)

    def length(clusters: Clusters) -> float:
        predictor, planes = Predictor(FULL, 4, len(data), clusters=clusters), []
        for step, lo, hi, symbols in blocks.steps(data, 4, [(0, 4)]):
            # The network is right for one half of the clusters, and wrong for the other.
            places = np.arange(lo, hi) * 1000 + step
            right = places % 16 < 8
            weights = np.ones((hi - lo, 256), np.int32)
            weights[np.arange(hi - lo), np.where(right, symbols, 255 - symbols)] = 1 << 14
            out = np.empty((8, hi - lo))
            predictor.encode_step(lo, hi, symbols, Prediction(weights, hidden[places]), out)
            planes.append((symbols, out))
        return blocks.code_length(planes)

    assert length(clusters) < 0.9 * length(Clusters.none(hidden.shape[1]))


def test_damaged_clusters_are_refused():
    good = some_clusters(blocks.WIDTH)
    for weight, bias in (
        (good.weight[:255], good.bias),
        (good.weight.astype(np.int16), good.bias),
        (np.full_like(good.weight, 64), good.bias),
        (np.full_like(good.weight, -128), good.bias),
        (good.weight, good.bias[:-1]),
        (good.weight, np.full(256, -(1 << 31), np.int32)),
    ):
        with pytest.raises(ConfigError, match="clusters"):
            Predictor(FULL, 1, 10, clusters=Clusters(weight, bias))

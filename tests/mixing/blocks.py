"""Code blocks with a predictor as the coding loop does, and measure the ideal code length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nncompress.exact.engine import Prediction
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import Profile
from tests.models import some_clusters

Groups = list[tuple[int, int]]
WIDTH = 21


def groups_of(lanes: int, count: int) -> Groups:
    edges = [lanes * k // count for k in range(count + 1)]
    return [(a, b) for a, b in pairwise(edges) if a < b]


def steps(data: bytes, lanes: int, groups: Groups):
    """Yield (step, lo, hi, symbols) in the order of coding."""
    values = np.frombuffer(data, np.uint8)
    each, rest = divmod(len(values), lanes)
    starts = np.arange(lanes) * each + np.minimum(np.arange(lanes), rest)
    for t in range(each + (rest > 0)):
        active = lanes if t < each else rest
        for lo, hi in groups:
            top = min(hi, active)
            if lo < top:
                yield t, lo, top, values[starts[lo:top] + t]


def prediction_for(step: int, symbols: np.ndarray, seed: int) -> Prediction:
    """Play a network that is right about half of the time, with any vector."""
    generator = np.random.default_rng([seed, step, len(symbols)])
    weights = generator.integers(1, 1 << 12, (len(symbols), 256)).astype(np.int32)
    sure = generator.random(len(symbols)) < 0.5
    weights[np.flatnonzero(sure), symbols[sure]] = 1 << 20
    hidden = generator.integers(-127, 128, (len(symbols), WIDTH)).astype(np.int8)
    return Prediction(weights, hidden)


def encode(data: bytes, profile: Profile, lanes: int, *, groups=1, seed=0, **settings):
    """Return the predictor and the probabilities of every step, each float64 [8, lanes]."""
    predictor = Predictor(profile, lanes, len(data), clusters=some_clusters(WIDTH), **settings)
    planes = []
    for t, lo, hi, symbols in steps(data, lanes, groups_of(lanes, groups)):
        out = np.full((8, hi - lo), np.nan)
        prediction = prediction_for(t, symbols, seed) if profile.network else None
        predictor.encode_step(lo, hi, symbols, prediction, out)
        planes.append((symbols, out))
    return predictor, planes


def decode(data: bytes, profile: Profile, lanes: int, *, groups=1, seed=0, **settings):
    """Do the same by decode_step, which is told the bits of ``data`` plane by plane."""
    predictor = Predictor(profile, lanes, len(data), clusters=some_clusters(WIDTH), **settings)
    planes = []
    for t, lo, hi, symbols in steps(data, lanes, groups_of(lanes, groups)):
        seen: list[np.ndarray] = []

        def plane(p, symbols=symbols, seen=seen):
            seen.append(p.copy())
            return ((symbols >> (8 - len(seen))) & 1).astype(np.int32)

        prediction = prediction_for(t, symbols, seed) if profile.network else None
        planes.append((predictor.decode_step(lo, hi, prediction, plane), np.array(seen)))
    return predictor, planes


def code_length(planes) -> float:
    """Return the bytes that an ideal coder needs."""
    bits = 0.0
    for symbols, p in planes:
        ones = (symbols[None] >> np.arange(7, -1, -1)[:, None]) & 1
        bits -= np.log2(np.where(ones == 1, p, 1 - p)).sum()
    return bits / 8


def same_state(a: Predictor, b: Predictor) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.state, b.state, strict=True))

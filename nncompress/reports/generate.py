"""Sampling from a model, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncompress.errors import ConfigError

if TYPE_CHECKING:
    from nncompress.exact.engine import Network


def generate(
    network: Network, prompt: bytes, *, temperature: float, top_p: float, seed: int | None
) -> Iterator[int]:
    """Bytes that continue ``prompt``, without end.

    temperature: at least 0; 0 takes the likeliest byte. top_p: in (0, 1]; only the likeliest bytes whose
    probabilities reach it are drawn from ("nucleus sampling", https://arxiv.org/abs/1904.09751). seed: None for a
    new one each time. Raises :class:`ConfigError`.
    """
    if not 0 <= temperature < float("inf"):
        raise ConfigError(f"the temperature must be at least 0, not {temperature}")
    if not 0 < top_p <= 1:
        raise ConfigError(f"top-p must be above 0 and at most 1, not {top_p}")
    return _generate(network, prompt, temperature, top_p, np.random.default_rng(seed))


def _generate(
    network: Network, prompt: bytes, temperature: float, top_p: float, random: np.random.Generator
) -> Iterator[int]:
    lanes = network.lanes(1)
    weights = lanes.start().weights
    for symbol in prompt:
        weights = lanes.step(np.array([symbol], dtype=np.uint8)).weights
    while True:
        chances = distribution(weights[0], temperature, top_p)
        symbol = int(random.choice(len(chances), p=chances))
        yield symbol
        weights = lanes.step(np.array([symbol], dtype=np.uint8)).weights


def distribution(
    weights: NDArray[np.int32], temperature: float, top_p: float
) -> NDArray[np.float64]:
    """What the next byte is drawn from, float64 [256], given the network's weights, int32 [256]."""
    order = np.argsort(-weights.astype(np.int64), kind="stable")
    if temperature == 0:
        chances = np.zeros(len(weights))
        chances[order[0]] = 1.0
        return chances
    # Scaled so that the largest is 1, whatever the temperature.
    chances = np.exp(np.log(weights / weights.max()) / temperature)
    chances /= chances.sum()
    before = np.cumsum(chances[order]) - chances[order]
    chances[order[before >= top_p]] = 0.0
    return np.asarray(chances / chances.sum())

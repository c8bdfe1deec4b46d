"""Sample text from a model, byte by byte."""

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
    """Return an endless iterator of the bytes that continue ``prompt``.

    Args:
        network: what predicts them.
        prompt: the bytes before them.
        temperature: at least 0; 0 takes the likeliest byte.
        top_p: in (0, 1]; only the likeliest bytes whose probabilities reach it are drawn from
            ("nucleus sampling", https://arxiv.org/abs/1904.09751).
        seed: the same seed gives the same bytes; None for a new one each time.

    Raises:
        ConfigError: temperature or top-p are out of range.
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
    """Return what the next byte is drawn from.

    Args:
        weights: the network's, int32 [256], at least 1.
        temperature: see :func:`generate`.
        top_p: see :func:`generate`.

    Returns:
        Probabilities, float64 [256].
    """
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

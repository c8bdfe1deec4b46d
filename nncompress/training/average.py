"""Average trained weights, and measure weights on text that was held out.

The mean of the weights before and after another stretch of training, or of several stretches from
the same start, is often better than any of them: M. Wortsman et al. 2022, "Model soups",
https://arxiv.org/abs/2203.05482.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from nncompress.errors import ConfigError
from nncompress.network.model import SHARNN

from .corpus import CorpusError, check_shares
from .holdout import choosing_part, split_corpora
from .objective import validate

HELD_OUT_LANES = 64
"""Most lanes that held-out text is measured in."""


def average_networks(networks: Sequence[SHARNN], shares: Sequence[float]) -> SHARNN:
    """Make the network whose weights are the mean of those of others, computed in float64.

    Args:
        networks: at least one, all of one shape.
        shares: a positive number for each, on any scale.

    Returns:
        The mean, float32, in evaluation mode.

    Raises:
        ConfigError: there is no network, the shares are not a positive number each, or the shapes
            differ.
    """
    if not networks:
        raise ConfigError("no weights to average")
    if len(shares) != len(networks):
        raise ConfigError(f"{len(shares)} shares for {len(networks)} networks: give one each")
    if not all(0 < share < float("inf") for share in shares):
        raise ConfigError("shares must be positive numbers")
    first = networks[0]
    if any(network.config != first.config for network in networks):
        raise ConfigError("networks of different shapes have no average")
    states = [network.state_dict() for network in networks]
    mean = {
        name: sum(
            share / sum(shares) * state[name].double()
            for share, state in zip(shares, states, strict=True)
        ).to(torch.float32)
        for name in states[0]
    }
    result = SHARNN(first.config)
    result.load_state_dict(mean)
    return result.eval()


class HeldOut:
    """Text of corpora that training leaves out, to compare weights on as training does.

    Args:
        corpora: files, folders or shards, as for training.
        shares: of the categories, as for training.
        size: about how many bytes to measure on.
        hold_out: share of the corpora that is held out; None for the default.

    Raises:
        CorpusError: a corpus cannot be read, or none of its documents is held out.
    """

    def __init__(
        self,
        corpora: Sequence[Path],
        shares: Mapping[str, float],
        size: int,
        hold_out: float | None = None,
    ) -> None:
        split = split_corpora(corpora, hold_out)
        self._shares = check_shares(split.sources, shares)
        self._texts = choosing_part(split, self._shares, size)
        if not self._texts:
            raise CorpusError("nothing of these corpora is held out: give larger ones")

    def measure(self, network: SHARNN) -> dict[str, float]:
        """Return the bits per byte of each category, and their ``mean`` by share, in float32."""
        lanes, precision = HELD_OUT_LANES, "float32"
        return validate(network, self._texts, self._shares, lanes=lanes, precision=precision)

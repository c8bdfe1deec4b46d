from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from nncompress.errors import ConfigError
from nncompress.exact.engine import Network
from nncompress.reports.generate import distribution, generate
from tests.models import parameters

WEIGHTS = np.ones(256, dtype=np.int32)
WEIGHTS[[65, 66, 67]] = 600_000, 300_000, 99_747


def test_plain_sampling_draws_from_the_networks_own_distribution() -> None:
    assert distribution(WEIGHTS, 1.0, 1.0) == pytest.approx(WEIGHTS / WEIGHTS.sum())


def test_top_p_keeps_the_likeliest_bytes_that_reach_it() -> None:
    assert np.flatnonzero(distribution(WEIGHTS, 1.0, 0.59)).tolist() == [65]
    assert np.flatnonzero(distribution(WEIGHTS, 1.0, 0.89)).tolist() == [65, 66]
    assert distribution(WEIGHTS, 1.0, 0.89)[65] == pytest.approx(2 / 3)


def test_temperature_sharpens_and_flattens() -> None:
    cold, plain, hot = (distribution(WEIGHTS, t, 1.0)[65] for t in (0.25, 1.0, 4.0))
    assert cold > plain > hot
    assert distribution(WEIGHTS, 0.0, 0.5)[65] == 1.0
    assert distribution(WEIGHTS, 1e-9, 1.0)[65] == 1.0


def test_seed_and_prompt_decide_what_comes() -> None:
    network = Network(parameters())

    def sample(prompt: bytes, seed: int | None) -> bytes:
        symbols = generate(network, prompt, temperature=1.0, top_p=1.0, seed=seed)
        return bytes(islice(symbols, 40))

    assert sample(b"abc", 1) == sample(b"abc", 1)
    assert len({sample(b"abc", 1), sample(b"abc", 2), sample(b"abd", 1)}) == 3


def test_greedy_text_is_what_the_prompt_leads_to() -> None:
    network = Network(parameters())

    def greedy(prompt: bytes, size: int) -> bytes:
        return bytes(islice(generate(network, prompt, temperature=0, top_p=1, seed=None), size))

    text = greedy(b"start", 20)
    assert greedy(b"start" + text[:7], 13) == text[7:]


@pytest.mark.parametrize(("temperature", "top_p"), [(-1, 1), (float("nan"), 1), (1, 0), (1, 1.5)])
def test_impossible_settings(temperature: float, top_p: float) -> None:
    with pytest.raises(ConfigError):
        generate(Network(parameters()), b"", temperature=temperature, top_p=top_p, seed=0)

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nncompress.exact.engine import Prediction
from nncompress.lanes import Layout
from nncompress.mixing.distribution import LookAhead, find_likeliest
from nncompress.mixing.kernels import learn_bits, predict_bits
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FULL, RICH, Profile
from tests.models import some_clusters, text

SIZE, WIDTH = 1500, 7


def prediction(random: np.random.Generator, lanes: int, profile: Profile) -> Prediction | None:
    if not profile.network:
        return None
    weights = random.integers(1, 1 << 20, (lanes, 256), dtype=np.int32)
    return Prediction(weights, random.integers(-127, 128, (lanes, WIDTH), dtype=np.int8))


class Asked:
    """A predictor that tells what it holds likeliest before it codes a step."""

    def __init__(self, profile: Profile, lanes: int, count: int, least: float) -> None:
        self.predictor = Predictor(profile, lanes, SIZE, clusters=some_clusters(WIDTH))
        self.count, self.least = count, least

    def step(
        self, symbols: NDArray[np.uint8], given: Prediction | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
        """Return the likeliest bytes, their chances, and the probabilities of the eight bits."""
        lanes = len(symbols)
        weights = self.predictor.take(0, lanes, given)
        look = LookAhead(self.predictor, weights, self.count, self.least)
        at, ones = look.turn_table.ctypes.data, np.empty((8, lanes))
        for plane in range(8):
            predict_bits(at, plane, 0, lanes, 1)
            ones[plane] = look.turn.ones[:lanes]
            if plane == 0:
                find_likeliest(look.table.ctypes.data, 0, lanes)
            look.turn.bits[:lanes] = symbols >> (7 - plane) & 1
            learn_bits(at, plane, 0, lanes)
        return look.record.top[:lanes], look.record.chances[:lanes], ones


@pytest.mark.parametrize("profile", [FULL, RICH], ids=["network", "alone"])
@pytest.mark.parametrize("lanes", [1, 5])
def test_looking_ahead_changes_no_probability(profile: Profile, lanes: int) -> None:
    layout, random = Layout(SIZE, lanes), np.random.default_rng(1)
    table = layout.cut(text(SIZE))
    asked = Asked(profile, lanes, 256, 0.0)
    plain = Predictor(profile, lanes, SIZE, clusters=some_clusters(WIDTH))
    for step in range(layout.steps):
        count = layout.active(step)
        given = prediction(random, count, profile)
        top, chances, ones = asked.step(table[step, :count], given)
        without = np.empty((8, count))
        plain.encode_step(0, count, table[step, :count], given, without)
        assert (ones == without).all()
        # All 256 bytes were asked for: each is there once, the likeliest first.
        assert (np.sort(top, axis=1) == np.arange(256)).all()
        assert chances.sum(axis=1) == pytest.approx(np.ones(count))
        assert (np.diff(chances, axis=1) <= 0).all()
        upper = np.where(top >= 128, chances, 0.0).sum(axis=1)
        assert upper == pytest.approx(ones[0])


def test_few_bytes_are_the_first_of_all() -> None:
    whole, short = Asked(RICH, 1, 256, 0.0), Asked(RICH, 1, 3, 0.02)
    for byte in text(800):
        symbols = np.array([byte], np.uint8)
        top, chances, _ = whole.step(symbols, None)
        few, few_chances, _ = short.step(symbols, None)
        found = int((few_chances[0] > 0).sum())
        assert found == min(3, int((chances[0] >= 0.02).sum()))
        assert few_chances[0, :found] == pytest.approx(chances[0, :found])
        assert (few[0, :found] == top[0, :found]).all() or len(set(chances[0, :4])) < 4

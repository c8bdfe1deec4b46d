from __future__ import annotations

import numpy as np
import pytest

from nncompress.exact.engine import Prediction
from nncompress.lanes import Layout
from nncompress.mixing.distribution import expected_bytes
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FULL, RICH, Profile
from tests.models import some_clusters, text

SIZE, WIDTH = 1500, 7


def prediction(random: np.random.Generator, lanes: int, profile: Profile) -> Prediction | None:
    if not profile.network:
        return None
    weights = random.integers(1, 1 << 20, (lanes, 256), dtype=np.int32)
    return Prediction(weights, random.integers(-127, 128, (lanes, WIDTH), dtype=np.int8))


@pytest.mark.parametrize("profile", [FULL, RICH], ids=["network", "alone"])
@pytest.mark.parametrize("lanes", [1, 5])
def test_looking_ahead_changes_no_probability(profile: Profile, lanes: int) -> None:
    layout, random = Layout(SIZE, lanes), np.random.default_rng(1)
    table = layout.cut(text(SIZE))
    asked, plain = (
        Predictor(profile, lanes, SIZE, clusters=some_clusters(WIDTH)) for _ in range(2)
    )
    for step in range(layout.steps):
        count = layout.active(step)
        given = prediction(random, count, profile)
        expected = expected_bytes(asked, 0, count, given)
        assert expected.sum(axis=1) == pytest.approx(np.ones(count))
        ones, without = np.empty((8, count)), np.empty((8, count))
        asked.encode_step(0, count, table[step, :count], given, ones)
        plain.encode_step(0, count, table[step, :count], given, without)
        assert (ones == without).all()
        if lanes == 1:  # with more, a lane may claim what another one has in use
            assert expected[:, 128:].sum(axis=1) == pytest.approx(ones[0])

"""The compiled kernels compute what the plain reference defines, number by number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import ALONE, BEST, FULL, Context, Kind, Profile, Selector
from nncompress.mixing.reference import Reference
from nncompress.mixing.reference_network import NetworkPart
from tests.mixing import blocks
from tests.models import some_clusters, text

TABLE = b"".join(b"%d;%s;%d\n" % (i, b"yes" if i % 3 else b"no", i * i % 17) for i in range(25))
BINARY = np.random.default_rng(3).integers(0, 9, (22, 14)).astype(np.uint8).tobytes()
DATA = {"text": text(300), "table": TABLE, "binary": BINARY, "zeros": bytes(99)}
EVERY_SELECTOR = tuple(s for s in Selector if s is not Selector.CLUSTER)


def check(
    data: bytes, profile: Profile, lanes: int, *, groups: int = 1, period: int = 0, step: int = 0
) -> None:
    clusters = some_clusters(blocks.WIDTH)
    network = NetworkPart(profile, len(data), clusters) if profile.network else None
    predictor = Predictor(profile, lanes, len(data), clusters=clusters, period=period, step=step)
    reference = Reference(profile, lanes, len(data), network, period, step)
    for number, lo, hi, symbols in blocks.steps(data, lanes, blocks.groups_of(lanes, groups)):
        prediction = blocks.prediction_for(number, symbols, 0) if network else None
        out = np.empty((8, hi - lo))
        predictor.encode_step(lo, hi, symbols, prediction, out)
        if network and prediction:
            for lane in range(lo, hi):
                network.take(lane, prediction.weights[lane - lo], prediction.hidden[lane - lo])
        planes = reference.encode_step(lo, hi, symbols.tolist())
        assert (out * 65536).astype(int).tolist() == planes


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("profiles", ALONE, ids=["fast", "medium", "rich", "most"])
def test_mixing_alone(data, profiles):
    for profile in profiles:
        check(data, profile, 1, period=14, step=2)


@pytest.mark.parametrize("profile", [FULL, BEST], ids=["full", "best"])
def test_beside_a_network(profile):
    for data in DATA.values():
        check(data, profile, 5, groups=2)


def test_every_context_and_every_selector():
    contexts = tuple(Context)
    for start in range(0, len(contexts), 16):
        profile = replace(
            ALONE[0][0], contexts=contexts[start : start + 16], selectors=EVERY_SELECTOR
        )
        for data in (*DATA.values(), "žluťoučký kůň 日本語 ".encode() * 6):
            check(data, profile, 2, period=3, step=1)


@settings(max_examples=12)
@given(
    data=st.one_of(st.binary(max_size=200), st.text("ab <[\n1", max_size=300).map(str.encode)),
    lanes=st.integers(1, 20),
    period=st.integers(1, 40),
    step=st.integers(1, 15),
)
def test_any_bytes(data, lanes, period, step):
    check(data, ALONE[1][Kind.RECORDS], lanes, period=period, step=step)

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from nncompress.archive.codec import no_progress
from nncompress.coding.levels import Level
from nncompress.coding.loop import encode
from nncompress.coding.network_predictor import NetworkPredictor
from nncompress.exact.config import START_SYMBOL
from nncompress.exact.engine import Network
from nncompress.lanes import Layout
from nncompress.reports.measure import FLOAT_STEPS, float_meter, ideal_bits, network_meter
from tests.models import float_network, parameters, text


@pytest.mark.parametrize("lanes", [1, 3, 40])
def test_bits_are_those_of_an_archive_by_the_network_alone(lanes: int) -> None:
    data, layout = text(2000), Layout(2000, lanes)
    network = Network(parameters())
    bits = network_meter(network)(data, layout, no_progress)
    coded = len(encode(data, layout, network, NetworkPredictor(lanes)))
    assert bits / 8 == pytest.approx(coded, rel=2e-3, abs=8)


def test_blocks_are_measured_each_on_its_own() -> None:
    meter = network_meter(Network(parameters()))
    data, level = text(2500), Level(True, max_lanes_bits=0, block_size=1000)
    done: list[int] = []
    # Pieces have nothing to do with blocks.
    total = ideal_bits([data[:700], data[700:2100], data[2100:]], level, meter, done.append)
    blocks = [data[:1000], data[1000:2000], data[2000:]]
    alone = [meter(block, Layout(len(block), 1), no_progress) for block in blocks]
    assert total == pytest.approx(sum(alone))
    assert sum(done) == len(data)


@pytest.mark.parametrize("size", [1, 3 * FLOAT_STEPS - 1, 3 * FLOAT_STEPS * 2])
def test_float_network_in_segments_equals_all_at_once(size: int) -> None:
    data, layout, model = text(size), Layout(size, min(size, 3)), float_network()
    bits = float_meter(model)(data, layout, no_progress)
    expected = 0.0
    for start, stop in pairwise([*layout.starts(), size]):
        own = np.frombuffer(data[start:stop], dtype=np.uint8).astype(np.int64)
        before = torch.from_numpy(np.concatenate([[START_SYMBOL], own[:-1]])[None])
        with torch.no_grad():
            log = torch.log_softmax(model(before)[0][0].double(), dim=-1).numpy()
        expected -= float(log[np.arange(len(own)), own].sum()) / np.log(2)
    assert bits == pytest.approx(expected, rel=1e-5)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nncompress
from nncompress.archive.codec import no_progress
from nncompress.archive.format import Method
from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
from nncompress.coding.options import CodingOptions
from nncompress.exact.engine import Network
from nncompress.reports.explain import explain
from nncompress.reports.measure import network_meter
from tests.models import parameters, text, write_model


@pytest.mark.parametrize("method", ["network+mixing", "mixing"])
@pytest.mark.parametrize("size", [1000, 9001])
def test_costs_add_up_to_the_archive(tmp_path: Path, method: str, size: int) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(size)
    found = explain(data, CodingOptions(model, method=method), no_progress)
    archive = nncompress.compress(data, model=model, method=method)
    assert found.methods == (method,)
    # The header, and what the range coder rounds.
    assert found.coded.sum() / 8 == pytest.approx(len(archive), rel=1e-3, abs=48)
    assert found.coded == pytest.approx(-np.log2(found.planes).sum(axis=1))
    assert (found.network is None) == (method == "mixing")


def test_networks_predictions_stand_at_the_byte_they_are_for(tmp_path: Path) -> None:
    # Two lanes and more: position and lane must not be mixed up.
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(9001)
    found = explain(data, CodingOptions(model, method="network+mixing"), no_progress)
    assert found.network is not None
    layout = LEVELS[DEFAULT_LEVEL].layout(len(data), Method.NETWORK_MIXING)
    assert layout.lanes > 1
    expected = network_meter(Network(parameters()))(data, layout, no_progress)
    assert found.network.sum() == pytest.approx(expected)
    first = np.array(list(data)) == found.expected.top[:, 0]
    assert found.expected.chances[first, 0] == pytest.approx(2 ** -found.network[first])
    assert (np.diff(found.expected.chances, axis=1) <= 0).all()


@pytest.mark.parametrize("method", ["network+mixing", "mixing"])
def test_mixers_predictions_agree_with_the_costs(tmp_path: Path, method: str) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(3000)  # one lane
    found = explain(data, CodingOptions(model, method=method), no_progress)
    likeliest = np.array(list(data)) == found.mixed.top[:, 0]
    assert likeliest.mean() > 0.3
    # Coding learns from each bit, so that a byte's cost is not quite its chance before the first;
    # least of all early.
    later = likeliest & (np.arange(len(data)) >= 1000)
    chances = found.mixed.chances[later, 0]
    assert -np.log2(chances).sum() == pytest.approx(found.coded[later].sum(), rel=0.05)
    assert (found.mixed.chances.sum(axis=1) <= 1).all()
    assert (found.expected.chances == 0).all() == (method == "mixing")


def test_the_method_that_was_chosen_is_the_one_explained(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(3000)
    found = explain(data, CodingOptions(model), no_progress)
    archive = nncompress.compress(data, model=model)
    assert found.coded.sum() / 8 == pytest.approx(len(archive), abs=48)


def test_what_does_not_get_smaller_is_stored(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    noise = np.random.default_rng(0).bytes(1000)
    found = explain(noise, CodingOptions(model, method="network"), no_progress)
    assert found.methods == ("stored",)
    assert found.network is None


def test_random_bytes_are_stored_at_eight_bits_each(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 40_000, dtype=np.uint8).tobytes()
    found = explain(noise, CodingOptions(method="auto", level=1), no_progress)
    assert found.methods == ("stored",)
    assert (found.coded == 8).all()

from __future__ import annotations

import random
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
from tests.transforms.reference import WORDS

METHODS = ["network+mixing", "mixing", "network"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1000, 9001])
def test_costs_add_up_to_the_archive(tmp_path: Path, method: str, size: int) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(size)
    found = explain(data, CodingOptions(model, method=method), no_progress)
    archive = nncompress.compress(data, model=model, method=method)
    assert found.methods == (method,)
    # The header, and what the range coder rounds.
    assert found.coded.sum() / 8 == pytest.approx(len(archive), rel=1e-3, abs=48)
    assert np.isnan(found.notes.network).any() == (method == "mixing")


def test_what_a_word_costs_is_spread_over_it() -> None:
    data = b" ".join(random.Random(3).choices(WORDS[:500], k=2000))
    found = explain(data, CodingOptions(level=1), no_progress)
    archive = nncompress.compress(data, level=1)
    assert found.methods == ("mixing after the filter words",)
    assert found.coded.sum() / 8 == pytest.approx(len(archive), rel=1e-3, abs=48)
    end = data.index(b" ")
    assert (found.coded[:end] == found.coded[0]).all()
    assert found.coded[end] != found.coded[0]


@pytest.mark.parametrize("method", ["network+mixing", "network"])
def test_networks_predictions_stand_at_the_byte_they_are_for(tmp_path: Path, method: str) -> None:
    # Two lanes and more: position and lane must not be mixed up.
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(9001)
    found = explain(data, CodingOptions(model, method=method), no_progress)
    layout = LEVELS[DEFAULT_LEVEL].layout(len(data), Method.NETWORK_MIXING)
    assert layout.lanes > 1
    notes = found.notes
    expected = network_meter(Network(parameters()))(data, layout, no_progress)
    assert notes.network.sum() == pytest.approx(expected)
    first = np.array(list(data)) == notes.network_top[:, 0]
    chances = notes.network_chances
    assert chances[first, 0] == pytest.approx(2 ** -notes.network[first], rel=1e-5)
    assert (np.diff(chances, axis=1) <= 0).all()


@pytest.mark.parametrize("method", ["network+mixing", "mixing"])
def test_mixers_predictions_agree_with_the_costs(tmp_path: Path, method: str) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    data = text(3000)  # one lane
    found = explain(data, CodingOptions(model, method=method), no_progress)
    notes = found.notes
    likeliest = np.array(list(data)) == notes.mixed_top[:, 0]
    assert likeliest.mean() > 0.3
    # Coding learns from each bit, so that a byte's cost is not quite its chance before the first;
    # least of all early.
    later = likeliest & (np.arange(len(data)) >= 1000)
    chances = notes.mixed_chances[later, 0]
    assert -np.log2(chances).sum() == pytest.approx(found.coded[later].sum(), rel=0.05)
    assert (notes.mixed_chances.sum(axis=1) <= 1 + 1e-6).all()
    assert (notes.network_chances == 0).all() == (method == "mixing")


def test_matches_are_noted_where_the_text_comes_again(tmp_path: Path) -> None:
    passage = np.random.default_rng(2).integers(97, 123, 200, dtype=np.uint8).tobytes()
    data = passage + b"-" + passage
    notes = explain(data, CodingOptions(method="mixing"), no_progress).notes
    assert (notes.matched[:200] != np.array(list(passage))).mean() > 0.9
    again = slice(201 + 32, None)  # once a match has been found
    assert (notes.matched[again] == np.array(list(passage[32:]))).all()
    assert (np.diff(notes.lengths[again]) >= 0).all()


def test_copies_are_told_from_what_is_coded() -> None:
    generator = np.random.default_rng(3)
    first, long = generator.bytes(3000), generator.bytes(20_000)
    data = first + long + first + long + b"the end"
    options = CodingOptions(method="mixing", level=3)
    found = explain(data, options, no_progress)
    assert sum(copy.size for copy in found.copies) > 16_000
    for copy in found.copies:
        source = data[copy.source : copy.source + copy.size]
        assert source == data[copy.start : copy.start + copy.size]
        assert found.is_copied[copy.start : copy.start + copy.size].all()
    copied = found.is_copied
    given = np.frombuffer(data, np.uint8)
    assert (given[found.sources[copied]] == given[copied]).all()
    assert found.coded[copied].sum() < 8 * 100
    archive = nncompress.compress(data, method="mixing", level=3)
    assert found.coded.sum() / 8 == pytest.approx(len(archive), rel=1e-3, abs=64)


def test_progress_adds_up_to_the_file() -> None:
    data, done = text(40_000) * 2, list[int]()
    explain(data, CodingOptions(method="mixing"), done.append)
    assert sum(done) == len(data)


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
    assert np.isnan(found.notes.network).all()


def test_random_bytes_are_stored_at_eight_bits_each() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 40_000, dtype=np.uint8).tobytes()
    found = explain(noise, CodingOptions(method="auto", level=1), no_progress)
    assert found.methods == ("stored",)
    assert (found.coded == 8).all()

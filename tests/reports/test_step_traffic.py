"""What a step takes of a GPU is counted by launches, and the published count is this version's."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from nncompress.exact.config import SYMBOLS, SHARNNConfig
from nncompress.exact.modelfile import load_model
from nncompress.exact.store import resolve_model
from tests.children import ROOT
from tests.exact.extremes import Extremes
from tests.models import DEEP, parameters, write_model
from tests.scripts import benchmark

pytest.importorskip("triton", reason="needs Triton")

ROWS = 64


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    return benchmark("step_traffic", monkeypatch)


@pytest.mark.parametrize(
    "config",
    [DEEP, SHARNNConfig(16, 32, 2), SHARNNConfig(16, 32, 4, (0, 1, 2, 3), window=4)],
    ids=["deep", "no attention", "attention everywhere"],
)
def test_launches_are_few_and_the_reference_has_many(script, config):
    numbers = parameters(config) if config is DEEP else Extremes(0, 1.0).parameters(config)
    launches = script.step_traffic(numbers, ROWS)
    # Each block: the LSTM, the norms after it, and Boom; before all but the first a norm. Attention
    # adds the product that makes its query, and itself.
    most = 4 * config.layers - 1 + 2 * len(config.attention) + 1
    assert len(launches) <= most
    assert script.reference_traffic(numbers, ROWS)["launches"] > 10 * most


def test_bytes_are_the_memory_once_and_what_a_row_is(script):
    config = SHARNNConfig(32, 32, 1, (0,), window=256)
    launches = script.step_traffic(Extremes(0, 1.0).parameters(config), ROWS)
    found = {launch.kernel: launch for launch in launches}
    memory = ROWS * config.window * config.dim
    assert memory < found["attend_kernel"].read < 1.1 * memory
    assert memory < sum(launch.read + launch.written for launch in launches) < 1.5 * memory
    assert found["remember_kernel"].written < 0.1 * memory
    assert found["output_kernel"].written == ROWS * (4 * SYMBOLS + config.dim)


def test_the_script_writes_what_it_counts(script, tmp_path):
    model, target = str(write_model(tmp_path / "tiny.nncmodel")), tmp_path / "found.json"
    done = CliRunner().invoke(script.main, ["--rows", "32", "-m", model, "--json", str(target)])
    assert done.exit_code == 0, done.output
    facts = json.loads(target.read_text("utf-8"))
    assert facts["copied"]["out"] == 32 * (4 * SYMBOLS + 32)
    for launch in facts["launches"]:
        assert f"`{launch['kernel']}`" in done.output


def test_the_published_count_is_that_of_this_version(script):
    facts = json.loads((script.RESULTS / "step_traffic.json").read_text("utf-8"))
    numbers = load_model(resolve_model(facts["model"])).parameters
    counted = script.step_traffic(numbers, facts["rows"])
    published = [(one["kernel"], one["read"], one["written"]) for one in facts["launches"]]
    assert published == [tuple(launch) for launch in counted]

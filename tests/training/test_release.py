"""From float weights to a model file that compresses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nncompress.archive.format import Method
from nncompress.coding.block import BlockCoder
from nncompress.coding.levels import CLUSTER_ARRAYS
from nncompress.errors import ModelError
from nncompress.exact.modelfile import load_model
from nncompress.network.weights import save_weights
from nncompress.training.holdout import split_corpora
from nncompress.training.release import Release, release
from tests.models import float_network, text
from tests.training.conftest import Notes


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release")
    (folder / "words").mkdir()
    for seed in range(40):
        (folder / "words" / f"{seed}.txt").write_bytes(text(3000))
    about = {"corpus": "words", "note": "made by a test"}
    save_weights(folder / "weights.safetensors", float_network(), about)
    return Release(
        folder / "weights.safetensors",
        split_corpora([folder / "words"], 0.0),
        folder / "model.nncmodel",
        mixer_sample=2048,
    )


def test_a_released_model_compresses_and_knows_how_to_mix(job: Release) -> None:
    identity = release(job, Notes())
    model = load_model(job.out)
    assert (model.identity, model.summary["note"]) == (identity, "made by a test")
    data = text(6000, seed=0)[3000:]
    sizes = []
    for model_in_use in (model, replace(model, mixing={})):
        codec = BlockCoder(model_in_use, method="network+mixing")
        method, payload = codec.encode(data)
        assert method == Method.NETWORK_MIXING
        assert codec.decode(method, payload, len(data)) == data
        sizes.append(len(payload))
    assert sizes[0] < 0.98 * sizes[1]


def test_the_same_job_makes_the_same_model_whatever_the_threads(job: Release) -> None:
    assert release(job, Notes()) == release(replace(job, threads=1), Notes())


def test_without_mixing_there_is_the_network_alone(job: Release) -> None:
    release(replace(job, mixing=False), Notes())
    assert load_model(job.out).mixing == {}


def test_a_model_file_keeps_its_integers_and_learns_to_mix_anew(job: Release) -> None:
    plain, mixing = job.out.with_name("plain.nncmodel"), job.out.with_name("mixing.nncmodel")
    release(replace(job, mixing=False, out=plain), Notes())
    release(job, Notes())
    release(replace(job, weights=plain, out=mixing), Notes())
    anew, whole = load_model(mixing), load_model(job.out)
    assert anew.identity == whole.identity
    assert anew.summary["note"] == "made by a test"


def test_starting_values_of_the_base_are_trained_further(job: Release) -> None:
    base, further = job.out.with_name("base.nncmodel"), job.out.with_name("further.nncmodel")
    release(replace(job, out=base), Notes())
    release(replace(job, out=further, base=base), Notes())
    before, after = (load_model(path).mixing for path in (base, further))
    clusters = [name for name in CLUSTER_ARRAYS if name in before]
    assert len(clusters) == len(CLUSTER_ARRAYS)
    assert all(np.array_equal(before[name], after[name]) for name in clusters)
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_a_model_says_of_itself_what_its_weights_say(job: Release) -> None:
    release(replace(job, summary={"note": "by hand"}, mixing=False), Notes())
    summary = load_model(job.out).summary
    assert (summary["corpus"], summary["note"]) == ("words", "by hand")
    assert summary["name"] == "sha-rnn-32x2"


def test_progress_is_told_to_its_end(job: Release) -> None:
    notes = Notes()
    release(job, notes)
    assert len(notes.said) >= 3
    (size, done) = notes.bars["starting values"]
    assert size == done > 0


def test_no_weights_are_an_error(job: Release) -> None:
    with pytest.raises(ModelError, match="safetensors"):
        release(replace(job, weights=job.out.parent / "words" / "0.txt"), Notes())

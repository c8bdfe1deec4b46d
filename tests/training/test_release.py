"""From float weights to a model file that compresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nncompress.archive.format import Method
from nncompress.coding.block import BlockCoder
from nncompress.errors import ModelError
from nncompress.exact.modelfile import load_model
from nncompress.network.weights import save_weights
from nncompress.training.corpus import CorpusError
from nncompress.training.release import Release, release
from tests.models import float_network, text


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release")
    (folder / "words").mkdir()
    for seed in range(40):
        (folder / "words" / f"{seed}.txt").write_bytes(text(3000))
    save_weights(folder / "weights.safetensors", float_network())
    return Release(
        folder / "weights.safetensors",
        (folder / "words",),
        folder / "model.nncmodel",
        summary={"note": "made by a test"},
        mixer_sample=2048,
    )


def test_a_released_model_compresses_and_knows_how_to_mix(job: Release) -> None:
    identity = release(job)
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


def test_the_same_job_makes_the_same_model(job: Release) -> None:
    assert release(job) == release(job)


def test_without_mixing_there_is_the_network_alone(job: Release) -> None:
    release(replace(job, mixing=False))
    assert load_model(job.out).mixing == {}


def test_a_model_file_keeps_its_integers_and_learns_to_mix_anew(job: Release) -> None:
    plain, mixing = job.out.with_name("plain.nncmodel"), job.out.with_name("mixing.nncmodel")
    release(replace(job, mixing=False, out=plain))
    release(job)
    release(replace(job, weights=plain, out=mixing, summary={}))
    anew, whole = load_model(mixing), load_model(job.out)
    assert anew.identity == whole.identity
    assert anew.summary["note"] == "made by a test"


def test_no_corpus_and_no_weights_are_errors(job: Release) -> None:
    with pytest.raises(CorpusError):
        release(replace(job, corpora=(job.out.parent / "nowhere",)))
    with pytest.raises(ModelError, match="safetensors"):
        release(replace(job, weights=job.out.parent / "words" / "0.txt"))

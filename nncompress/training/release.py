"""Make a model file of float weights: integers, activation scales, the mixer's starting values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.format import Method
from nncompress.coding.levels import CLUSTER_ARRAYS, PROFILES, initial_prefix
from nncompress.coding.predictors import clusters_of, initial_of
from nncompress.errors import ConfigError, ModelError
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.engine import Network, Prediction
from nncompress.exact.modelfile import Model, load_model
from nncompress.exact.parameters import Parameters
from nncompress.lanes import Layout
from nncompress.mixing.clusters import Clusters, train_clusters
from nncompress.mixing.training import train_initial
from nncompress.network.weights import load_weights, read_about
from nncompress.quantize.save import save_model
from nncompress.quantize.to_floats import is_model
from nncompress.quantize.to_integers import quantize

from .corpus import check_shares
from .holdout import Split
from .progress import Watcher
from .sampler import CALIBRATION_LANES, CALIBRATION_LENGTH, Sampler, training_text

MIXER_LANES = 32
"""Lanes of each sample that the mixer's starting values are learnt from."""

MIXER_ROUNDS = 8
"""Samples of each category, which take turns."""

MIXER_SAMPLE = 1 << 16
"""Most bytes of each sample; of a small category all samples together are about one pass."""


@dataclass(frozen=True)
class Release:
    """What a model is made of.

    Attributes:
        weights: float weights, as training leaves them; or a model file, whose integers are kept,
            to train the mixer's starting values anew.
        split: text for the scales and the mixer, without what is held out.
        out: the model file.
        shares: of the categories, as for training.
        summary: facts for the model's card, beside those that ``weights`` has.
        mixing: whether to train the mixer's starting values.
        mixer_sample: most bytes of each sample for that.
        base: the model that the training started from: its starting values are trained further
            where they fit. None to train them from nothing.
        threads: how many to use, 0 for what is quickest.
    """

    weights: Path
    split: Split
    out: Path
    shares: Mapping[str, float] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    mixing: bool = True
    mixer_sample: int = MIXER_SAMPLE
    base: Path | None = None
    threads: int = 0


def release(job: Release, watcher: Watcher) -> bytes:
    """Write the model file and return its identity, 16 bytes.

    Raises:
        ModelError: the weights are damaged, are none, or cannot be integers.
        CorpusError: a corpus cannot be read.
        FileError: the model file cannot be written.
        OSError: the weights cannot be read.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    watcher.say("reading a sample of the corpus")
    text = training_text(job.split, job.shares)
    watcher.say("rounding the weights to integers")
    parameters, summary = _integers(job.weights, text)
    mixing: dict[str, NDArray[Any]] = {}
    if job.mixing:
        watcher.say("learning what the mixers start from")
        network = Network(parameters)
        base = _fitting(job.base, parameters.config)
        clusters = clusters_of(base) or train_clusters(_hidden_vectors(network, text))
        samples = _sample_sizes(job)
        with watcher.progress("starting values", sum(samples.values()) * MIXER_ROUNDS) as progress:
            read = _samples(job, samples)
            mixing = mixer_start(network, read, clusters, base, job.threads, progress)
    name = f"sha-rnn-{parameters.config.dim}x{parameters.config.layers}"
    return save_model(job.out, parameters, mixing, {"name": name, **summary, **job.summary})


def check_shape(config: SHARNNConfig) -> None:
    """Check before the training of a network that integers can be made of it.

    Raises:
        ConfigError: they cannot.
    """
    if config.heads != 1:
        raise ConfigError(
            "a model file has one attention head a block: train more heads without making a model, "
            "with a folder as --out"
        )


def _integers(weights: Path, text: bytes) -> tuple[Parameters, Mapping[str, Any]]:
    """Return the integer network, and what the file says of its training."""
    if is_model(weights):
        model = load_model(weights)
        return model.parameters, model.summary
    try:
        return quantize(load_weights(weights), _table(text)), read_about(weights)
    except ValueError as error:
        raise ModelError(f"{weights}: {error}") from None


def _fitting(base: Path | None, config: SHARNNConfig) -> Model | None:
    """Return the model whose starting values are worth training further, if it is one."""
    model = load_model(base) if base is not None and is_model(base) else None
    fits = (
        model is not None
        and model.parameters.config == config
        and model.mixing.keys() >= set(CLUSTER_ARRAYS)
    )
    return model if fits else None


def _table(text: bytes) -> torch.Tensor:
    flat = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return flat.view(CALIBRATION_LANES, CALIBRATION_LENGTH)


def _sample_sizes(job: Release) -> dict[str, int]:
    """Return the bytes of a sample of each category, the one with the largest share last."""
    shares = check_shares(job.split.sources, job.shares)
    return {
        name: max(1, min(job.mixer_sample, job.split.plain_bytes(name) // MIXER_ROUNDS))
        for name in sorted(shares, key=lambda name: shares[name])
    }


def _samples(job: Release, sizes: Mapping[str, int]) -> Iterator[bytes]:
    """Yield text of one category at a time; all of them take turns."""
    samplers = {name: Sampler(job.split, {name: 1.0}, lanes=1, seed=2) for name in sizes}
    for _ in range(MIXER_ROUNDS):
        for name, size in sizes.items():
            yield samplers[name].next(size)[0]


def mixer_start(
    network: Network,
    samples: Iterator[bytes],
    clusters: Clusters,
    base: Model | None = None,
    threads: int = 0,
    progress: Progress = no_progress,
) -> dict[str, NDArray[Any]]:
    """Learn the starting values of every mixer that is used beside a network.

    The network reads each sample once, for all mixers.

    Args:
        network: the integer network.
        samples: text like that to be compressed, the most typical last.
        clusters: of the network's hidden vectors.
        base: a model of these clusters, whose values are trained further; None to begin from
            nothing.
        threads: how many to use; 0 for one for the network and one for each mixer.
        progress: told the bytes that the network has read.

    Returns:
        Integer arrays by name, those of the clusters among them, for the model file.
    """
    learnt: dict[str, NDArray[Any]] = dict(zip(CLUSTER_ARRAYS, clusters, strict=True))
    profiles = [profile for profile in PROFILES if profile[0] is Method.NETWORK_MIXING]
    specs = [PROFILES[profile] for profile in profiles]
    predictions = _predictions(network, progress)
    first = [initial_of(base, *profile) for profile in profiles]
    initials = train_initial(
        specs, samples, MIXER_LANES, predictions, clusters, threads or None, first
    )
    for profile, initial in zip(profiles, initials, strict=True):
        learnt |= {initial_prefix(*profile) + name: array for name, array in initial.items()}
    return learnt


def _hidden_vectors(network: Network, text: bytes) -> NDArray[np.int8]:
    """Return the hidden vector before each byte of ``text``, in some order, int8 [n, width]."""
    steps = _predictions(network)(text, CALIBRATION_LANES)
    return np.concatenate([prediction.hidden.copy() for prediction in steps])


def _predictions(network: Network, progress: Progress = no_progress) -> Any:
    def predict(sample: bytes, count: int) -> Iterator[Prediction]:
        layout = Layout(len(sample), count)
        lanes = network.lanes(count)
        current = lanes.start()
        for step, row in enumerate(layout.cut(sample)):
            progress(layout.active(step))
            yield current.first(layout.active(step))
            current = lanes.step(row)

    return predict

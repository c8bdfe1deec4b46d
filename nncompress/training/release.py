"""Make a model file of float weights: integers, activation scales, the mixer's starting values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nncompress.archive.format import Method
from nncompress.coding.levels import CLUSTER_ARRAYS, PROFILES, initial_prefix
from nncompress.exact.engine import Network, Prediction
from nncompress.exact.modelfile import MODEL_SUFFIX, load_model
from nncompress.exact.parameters import Parameters
from nncompress.lanes import Layout
from nncompress.mixing.clusters import Clusters, train_clusters
from nncompress.mixing.training import train_initial
from nncompress.network.weights import load_weights
from nncompress.quantize.save import save_model
from nncompress.quantize.to_integers import quantize

from .config import TrainConfig
from .corpus import find_sources
from .sampler import Sampler

CALIBRATION_LANES = 64
CALIBRATION_LENGTH = 1024
"""Lanes of the text that scales are measured on, and bytes of each."""

MIXER_LANES = 32
"""Lanes of each sample that the mixer's starting values are learnt from."""

MIXER_ROUNDS = 8
"""Samples of each category, which take turns."""


@dataclass(frozen=True)
class Release:
    """What a model is made of.

    Attributes:
        weights: float weights, as training leaves them; or a model file, whose integers are kept,
            to train the mixer's starting values anew.
        corpora: text for the scales and the mixer: files, folders or shards, as for training.
        out: the model file.
        shares: of the categories, as for training.
        held_out: documents in a thousand that training did not see, and that are left out here too.
        summary: facts for the model's card, beside those of a model file.
        mixing: whether to train the mixer's starting values.
        mixer_sample: bytes of each sample for that.
    """

    weights: Path
    corpora: tuple[Path, ...]
    out: Path
    shares: Mapping[str, float] = field(default_factory=dict)
    held_out: int = TrainConfig.held_out
    summary: Mapping[str, Any] = field(default_factory=dict)
    mixing: bool = True
    mixer_sample: int = 1 << 16


def release(job: Release) -> bytes:
    """Write the model file and return its identity, 16 bytes.

    Raises:
        ModelError: the weights are damaged, or are none.
        CorpusError: a corpus cannot be read.
        FileError: the model file cannot be written.
        OSError: the weights cannot be read.
        ValueError: a weight is too large for 32-bit sums.
    """
    sources = find_sources(job.corpora)
    sampler = Sampler(sources, job.shares, lanes=CALIBRATION_LANES, seed=1, permille=job.held_out)
    text = b"".join(sampler.next(CALIBRATION_LENGTH))
    parameters, summary = _integers(job.weights, text)
    mixing: dict[str, NDArray[Any]] = {}
    if job.mixing:
        samples = list(_samples(sources, job))
        network = Network(parameters)
        clusters = train_clusters(_hidden_vectors(network, text))
        mixing = mixer_start(network, samples, clusters)
    return save_model(job.out, parameters, mixing, {**summary, **job.summary})


def _integers(weights: Path, text: bytes) -> tuple[Parameters, Mapping[str, Any]]:
    """Return the integer network, and what a model file says of itself."""
    if weights.suffix == MODEL_SUFFIX:
        model = load_model(weights)
        return model.parameters, model.summary
    return quantize(load_weights(weights), _table(text)), {}


def _table(text: bytes) -> torch.Tensor:
    flat = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return flat.view(CALIBRATION_LANES, CALIBRATION_LENGTH)


def _samples(sources: Mapping[str, list[Path]], job: Release) -> Iterator[bytes]:
    """Yield text of one category at a time, the one with the largest share last."""
    names = sorted(job.shares or sources, key=lambda name: job.shares.get(name, 0.0))
    samplers = {
        name: Sampler(dict(sources), {name: 1.0}, lanes=1, seed=2, permille=job.held_out)
        for name in names
    }
    for _ in range(MIXER_ROUNDS):
        for name in names:
            yield samplers[name].next(job.mixer_sample)[0]


def mixer_start(
    network: Network, samples: list[bytes], clusters: Clusters
) -> dict[str, NDArray[Any]]:
    """Learn the starting values of every mixer that is used beside a network.

    The network reads each sample once, for all mixers; it and each mixer have a thread.

    Args:
        network: the integer network.
        samples: text like that to be compressed, the most typical last.
        clusters: of the network's hidden vectors.

    Returns:
        Integer arrays by name, those of the clusters among them, for the model file.
    """
    learnt: dict[str, NDArray[Any]] = dict(zip(CLUSTER_ARRAYS, clusters, strict=True))
    profiles = [profile for profile in PROFILES if profile[0] is Method.NETWORK_MIXING]
    specs = [PROFILES[profile] for profile in profiles]
    initials = train_initial(specs, samples, MIXER_LANES, _predictions(network), clusters)
    for profile, initial in zip(profiles, initials, strict=True):
        learnt |= {initial_prefix(*profile) + name: array for name, array in initial.items()}
    return learnt


def _hidden_vectors(network: Network, text: bytes) -> NDArray[np.int8]:
    """Return the hidden vector before each byte of ``text``, in some order, int8 [n, width]."""
    steps = _predictions(network)(text, CALIBRATION_LANES)
    return np.concatenate([prediction.hidden.copy() for prediction in steps])


def _predictions(network: Network) -> Any:
    def predict(sample: bytes, count: int) -> Iterator[Prediction]:
        layout = Layout(len(sample), count)
        lanes = network.lanes(count)
        current = lanes.start()
        for step, row in enumerate(layout.cut(sample)):
            yield current.first(layout.active(step))
            current = lanes.step(row)

    return predict

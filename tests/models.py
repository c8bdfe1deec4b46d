"""Small networks with random weights, the same on every machine, for tests that need a model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from nncompress.coding.levels import CLUSTER_ARRAYS
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.modelfile import load_model
from nncompress.exact.parameters import Parameters
from nncompress.mixing.clusters import Clusters
from nncompress.network.model import SHARNN
from nncompress.quantize.save import save_model
from nncompress.quantize.to_integers import quantize

TINY = SHARNNConfig(dim=32, boom=64, layers=2, attention=(1,), window=8)
DEEP = SHARNNConfig(dim=40, boom=160, layers=3, attention=(0, 2), window=5)
SINGLE = SHARNNConfig(dim=64, boom=64, layers=1, attention=(0,), window=6)


@cache
def float_network(config: SHARNNConfig = TINY, seed: int = 0) -> SHARNN:
    """A network whose weights are large enough that its predictions are far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    network = SHARNN(config)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.5 * parameter.shape[1] ** -0.5, generator=generator)
            else:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        network.embedding.weight *= 0.3
        network.output_bias[[32, *range(97, 123)]] += 6  # what text() is made of
    return network.eval()


def text(size: int, seed: int = 0) -> bytes:
    """Bytes with some order to them: words drawn from a short list."""
    generator = np.random.default_rng(seed)
    words = [
        bytes(generator.integers(97, 123, length).tolist())
        for length in generator.integers(2, 9, 50)
    ]
    picked = generator.zipf(1.5, size // 3 + 1) % len(words)
    return b" ".join(words[index] for index in picked)[:size]


@cache
def parameters(config: SHARNNConfig = TINY, seed: int = 0) -> Parameters:
    """The integer network of :func:`float_network`."""
    sample = np.frombuffer(text(16 * 64, seed), dtype=np.uint8).reshape(16, 64)
    return quantize(float_network(config, seed), torch.from_numpy(sample.copy()))


def write_model(path: Path, config: SHARNNConfig = TINY, seed: int = 0) -> Path:
    """Save the network as a model file and return its path."""
    arrays = dict(zip(CLUSTER_ARRAYS, some_clusters(config.dim), strict=True))
    save_model(path, parameters(config, seed), arrays, {"note": "random weights"})
    return path


def some_clusters(width: int) -> Clusters:
    """Clusters of hidden vectors that any vector falls into by chance."""
    generator = np.random.default_rng(9)
    weight = generator.integers(-63, 64, (256, width)).astype(np.int8)
    return Clusters(weight, generator.integers(-(1 << 12), 1 << 12, 256).astype(np.int32))


def model(folder: Path, config: SHARNNConfig = TINY, seed: int = 0):  # type: ignore[no-untyped-def]
    """Save and load it."""
    return load_model(write_model(folder / f"tiny-{seed}.nncmodel", config, seed))

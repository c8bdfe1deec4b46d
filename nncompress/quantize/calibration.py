"""Measure a float network's activations on a text: their scales, and how they are correlated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nncompress.exact.config import START_SYMBOL
from nncompress.exact.fixedpoint import ACTIVATION_MAX
from nncompress.network.model import LSTM, SHARNN

PERCENTILE = 0.9999
"""Magnitudes above this quantile of those on the calibration text saturate."""

OUTPUT_PERCENTILE = 0.999
"""The same for the last stream, where coarse steps cost more bits per byte than saturation does."""

SEGMENT = 256
"""Positions of the calibration text that pass through the network at a time."""


@dataclass(frozen=True)
class Calibration:
    """Facts by the name of the module that makes the activations; ``output`` is the last stream.

    Attributes:
        scales: step of each int8 activation.
        peaks: the same quantile of each column's magnitudes, float64 [d].
        moments: sums of x x^T over all positions, float64 [d, d].
    """

    scales: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    moments: dict[str, NDArray[np.float64]] = field(default_factory=dict)


@torch.no_grad()
def calibrate(model: SHARNN, text: Tensor) -> Calibration:
    """Measure the activations while the network reads texts.

    Args:
        model: the network, in evaluation mode.
        text: texts like those to be compressed, uint8 [B, T], on the network's device.
    """
    # As a lane sees it: the start symbol, then all bytes but the last.
    inputs = torch.cat([torch.full_like(text[:, :1], START_SYMBOL), text[:, :-1]], dim=1)
    found = Calibration()
    with _observed(model, found):
        state = None
        for start in range(0, inputs.shape[1], SEGMENT):
            _, state = model(inputs[:, start : start + SEGMENT], state)
    return found


@contextmanager
def _observed(model: SHARNN, found: Calibration) -> Iterator[None]:
    def watch(name: str) -> object:
        def look(module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, object]) -> None:
            _note(found, name, output if isinstance(output, Tensor) else output[0])

        return look

    watched: dict[str, nn.Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.LayerNorm, LSTM)) or name.endswith("attention.query")
    }
    watched["output"] = model.dropout_output  # it passes what the output layer reads
    handles = [
        module.register_forward_hook(watch(name))  # type: ignore[arg-type]
        for name, module in watched.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _note(found: Calibration, name: str, values: Tensor) -> None:
    vectors = values.detach().float().flatten(0, -2).cpu()
    magnitudes = vectors.abs().numpy()
    share = OUTPUT_PERCENTILE if name == "output" else PERCENTILE
    scale = max(float(_quantile(magnitudes.reshape(-1), share)), 1e-6) / ACTIVATION_MAX
    found.scales[name] = max(found.scales.get(name, 0.0), scale)
    peaks = np.maximum(_quantile(magnitudes, share).astype(np.float64), 1e-6)
    found.peaks[name] = np.maximum(found.peaks.get(name, 0.0), peaks)
    moments = (vectors.T @ vectors).double().numpy()
    found.moments[name] = found.moments.get(name, 0.0) + moments


def _quantile(magnitudes: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Return a quantile along the first axis; ``share`` is above 0, at most 1."""
    rank = math.ceil(share * len(magnitudes)) - 1
    found: NDArray[np.float32] = np.partition(magnitudes, rank, axis=0)[rank]
    return found

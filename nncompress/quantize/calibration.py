"""What a float network's activations are like on a text: their scales, and how they go together."""

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
"""Magnitudes above this quantile of the calibration text saturate ..."""

OUTPUT_PERCENTILE = 0.999
"""... and those above this one in the last stream: of the bits per byte, more is lost there by coarse steps."""

SEGMENT = 256
"""Positions of the calibration text that pass through the network at a time."""


@dataclass(frozen=True)
class Calibration:
    """Facts by the name of the module that makes the activations, and by ``output`` for the last stream.

    scales: step of each int8 activation. peaks: the same quantile of each column's magnitudes, float64 [d]. moments:
    sums of x x^T over all positions, float64 [d, d].
    """

    scales: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    moments: dict[str, NDArray[np.float64]] = field(default_factory=dict)


@torch.no_grad()
def calibrate(model: SHARNN, text: Tensor) -> Calibration:
    """Watch the network read ``text``, uint8 [B, T]: texts like those to be compressed."""
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
    handles = [module.register_forward_hook(watch(name)) for name, module in watched.items()]  # type: ignore[arg-type]
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
    """Return the quantile along the first axis."""
    rank = math.ceil(share * len(magnitudes)) - 1
    found: NDArray[np.float32] = np.partition(magnitudes, rank, axis=0)[rank]
    return found

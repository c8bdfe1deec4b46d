"""Compute what training minimises and validation reports: the cost of the next byte."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from nncompress.exact.config import START_SYMBOL
from nncompress.network.model import SHARNN, BlockState

SHORTEST_LANE = 2048
"""Held-out text is measured in lanes of at least this many bytes."""


def shifted(targets: Tensor, previous: Tensor) -> Tensor:
    """Return what the network reads to predict some bytes: the byte before each.

    Args:
        targets: the bytes, uint8 [B, T].
        previous: the byte before each lane's first, uint8 [B, 1].

    Returns:
        uint8 [B, T].
    """
    return torch.cat([previous, targets[:, :-1]], dim=1)


def predict(
    model: SHARNN, inputs: Tensor, state: list[BlockState] | None, precision: str
) -> tuple[Tensor, list[BlockState]]:
    """Predict each next byte of a segment.

    Args:
        model: the network.
        inputs: what it reads, uint8 [B, T], on its device.
        state: after the segment before; None for cold lanes.
        precision: "bfloat16" (autocast) or "float32".

    Returns:
        The logits, float32 [T * B, 256], and the state after the segment.
    """
    half = precision == "bfloat16"
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=half):
        logits, state = model(inputs, state)
    return logits.transpose(0, 1).flatten(0, 1).float(), state  # time-major, as it lies in memory


def cost(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in bits per byte.

    Args:
        logits: float32 [T * B, 256], as :func:`predict` orders them.
        targets: the bytes, uint8 [B, T].
    """
    return F.cross_entropy(logits, targets.t().flatten().long()) / math.log(2)


def soft_cost(logits: Tensor, taught: Tensor) -> Tensor:
    """Return the mean cross-entropy in bits per byte, for distributions in place of bytes.

    Args:
        logits: float32 [T * B, 256].
        taught: probabilities of each byte, float32 [T * B, 256].
    """
    return F.cross_entropy(logits, taught) / math.log(2)


@torch.no_grad()
def validate(
    model: SHARNN,
    texts: Mapping[str, bytes],
    shares: Mapping[str, float],
    *,
    lanes: int,
    precision: str,
) -> dict[str, float]:
    """Measure a network on texts, each in lanes that begin cold.

    Args:
        model: the network.
        texts: by category.
        shares: of the categories, on any positive scale.
        lanes: most lanes to read a text in.
        precision: "bfloat16" (autocast) or "float32".

    Returns:
        Bits per byte by category; and as ``mean`` their mean weighted by the shares, if there is
        any text.
    """
    training = model.training
    model.eval()
    result = {}
    for name, text in texts.items():
        count = min(lanes, max(1, len(text) // SHORTEST_LANE))
        length = len(text) // count
        data = torch.frombuffer(bytearray(text[: count * length]), dtype=torch.uint8)
        data = data.view(count, length).to(model.output_bias.device)
        result[name] = _measure(model, data, precision)
    model.train(training)
    if result:
        total = sum(shares[name] for name in result)
        result["mean"] = sum(result[name] * shares[name] for name in texts) / total
    return result


def _measure(model: SHARNN, data: Tensor, precision: str) -> float:
    previous = torch.full_like(data[:, :1], START_SYMBOL)
    state, total = None, 0.0
    for targets in data.split(128, dim=1):  # type: ignore[no-untyped-call]
        logits, state = predict(model, shifted(targets, previous), state, precision)
        total += cost(logits, targets).item() * targets.numel()
        previous = targets[:, -1:]
    return total / data.numel()

"""Measure how fast training runs, and what share of the processor's multiplications it uses.

    python benchmarks/training_throughput.py [--threads N] [--json FILE]

For each setting: bytes per second over whole steps (forward, backward, clipping, AdamW), on random
bytes, the best of several timings, and the multiply-adds a second of its products as a share of the
best that a large product of the same number format reaches, measured right before.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn

from nncompress.exact.config import SHARNNConfig
from nncompress.network import model as modules
from nncompress.network.constants import GELU_SCALE
from nncompress.network.model import SHARNN
from nncompress.network.presets import PRESETS
from nncompress.training.config import TrainConfig
from nncompress.training.objective import cost, predict
from nncompress.training.optimizers import make_optimizers

LEAST_SECONDS = 2.0


def multiplications(config: SHARNNConfig, *, table: bool = True) -> float:
    """Count the multiply-adds a byte, forward and backward: three times the forward products.

    Args:
        config: the network's shape.
        table: whether the first LSTM looks its input up, and spends none on it.
    """
    d = config.dim
    blocks = config.layers * (8 * d * d + d * config.boom) - (4 * d * d if table else 0)
    attention = len(config.attention) * (d * d + 2 * d * config.window)
    return 3.0 * (blocks + attention + 256 * d)


def best_time(work: Callable[[], object]) -> float:
    work()
    best, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < LEAST_SECONDS:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def peak_rate(dtype: torch.dtype) -> float:
    """Measure the multiply-adds a second of a product as large as the network's largest."""
    a, b = torch.randn(4096, 384).to(dtype), torch.randn(1536, 384).to(dtype)
    return 4096 * 384 * 1536 / best_time(lambda: a @ b.t())


class PlainLSTM(nn.Module):
    """Run PyTorch's LSTM in place of this project's recurrence."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Any:
        """Run as the network's LSTM does."""
        outputs, after = self.lstm(x, tuple(part[None].to(x.dtype) for part in state))
        return outputs, tuple(part[0].detach().float() for part in after)


class PlainBoom(modules.Boom):
    """Compute Boom without the fused kernel."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x [..., d] to [..., d]."""
        up = self.up(x)
        active = up * torch.sigmoid(GELU_SCALE * up)
        return active.view(*x.shape[:-1], -1, x.shape[-1]).sum(dim=-2)


def make_network(kind: str) -> SHARNN:
    """Make the small network, with LSTM and Boom of this project, or "plain" ones of PyTorch."""
    config = PRESETS["small"]
    if kind == "plain":  # any dropout on the embedding keeps the first LSTM from using its table
        config = dataclasses.replace(config, dropout_embedding=1e-9)
    model = SHARNN(config).train()
    if kind == "plain":
        for block in model.blocks:
            block.lstm, block.boom = PlainLSTM(config.dim), PlainBoom(config.dim, config.boom)
    return model


def step_time(model: SHARNN, config: TrainConfig) -> float:
    optimizers = make_optimizers(model, config)
    data = torch.randint(0, 256, (config.lanes, config.segment + 1), dtype=torch.uint8)
    state: Any = None

    def step() -> None:
        nonlocal state
        logits, state = predict(model, data[:, :-1], state, config.precision)
        bits = cost(logits, data[:, 1:])
        model.zero_grad(set_to_none=True)
        bits.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        for optimizer in optimizers:
            optimizer.step()

    return best_time(step)


def measure_training(config: TrainConfig, kind: str, peak: float) -> dict[str, Any]:
    seconds = step_time(make_network(kind), config)
    size = config.lanes * config.segment
    rate = multiplications(PRESETS["small"], table=kind != "plain") * size / seconds
    return {
        "code": kind,
        "lanes": config.lanes,
        "segment": config.segment,
        "precision": config.precision,
        "bytes_per_second": round(size / seconds),
        "giga_multiply_adds_per_second": round(rate / 1e9, 1),
        "share_of_peak": round(rate / peak, 3),
    }


SETTINGS = [
    ("plain", 64, "float32"),
    ("plain", 64, "bfloat16"),
    ("fused", 64, "float32"),
    ("fused", 32, "bfloat16"),
    ("fused", 64, "bfloat16"),
    ("fused", 128, "bfloat16"),
]


@click.command()
@click.option("--threads", type=int, default=1, show_default=True)
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the figures here.")
def main(threads: int, output: Path | None) -> None:
    """Measure training throughput on this machine."""
    torch.set_num_threads(threads)
    rows = []
    for kind, lanes, precision in SETTINGS:
        config = TrainConfig(lanes=lanes, segment=128, steps=1, precision=precision)
        peak = peak_rate(getattr(torch, precision))
        row = measure_training(config, kind, peak)
        row |= {"peak": round(peak / 1e9, 1), "threads": threads}
        rows.append(row)
        click.echo(
            f"{kind:6} {precision:9} lanes {lanes:4}  {row['bytes_per_second']:6,} B/s  "
            f"{row['share_of_peak']:.0%} of {row['peak']} GMAC/s"
        )
    if output:
        machine = {"machine": platform.machine(), "torch": torch.__version__}
        output.write_text(json.dumps(machine | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

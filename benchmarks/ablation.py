"""Ask the paper's questions of small networks: which parts pay, at equal bytes and at equal time.

    python benchmarks/ablation.py CORPUS... --steps 2000 [--dim 192] [--json FILE]

Every variant differs from the first in one thing. Each is trained twice: for as many steps as the
first, and for as long, which means something only on a machine that does nothing else. Validation
text is held out of the corpus. Results of so short a training say what pays at its beginning, no more.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from folder import RESULTS, write_results
from readme import ablation
from torch import Tensor, nn

from nncompress.network.config import GELU_SCALE, SHARNNConfig
from nncompress.network.functional import lookup
from nncompress.network.model import SHARNN, Block, BlockState
from nncompress.training.config import TrainConfig
from nncompress.training.data import Sources, find_sources
from nncompress.training.loop import Trainer

LAYERS = 4


class ResidualBlock(Block):
    """A block whose LSTM is added to the stream, instead of taking its place."""

    def forward(self, h: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Run over h [T, B, d] from the state before it."""
        out, recurrent = self.lstm(self.norm_lstm(h), (state.hidden, state.cell))
        return self.finish(h + out, recurrent, state.memory)

    def read_bytes(
        self, x: Tensor, embedding: Tensor, state: BlockState
    ) -> tuple[Tensor, BlockState]:
        """Run over bytes x [T, B], as the first block."""
        return self.forward(lookup(embedding, x), state)


class FeedForward(nn.Module):
    """What Boom stands for: the same way up, and a matrix down."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(dim, inner), nn.Linear(inner, dim)
        for layer in (self.up, self.down):
            nn.init.normal_(layer.weight, std=0.1 / layer.weight.shape[1] ** 0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [..., d] to [..., d]."""
        up = self.up(x)
        out: Tensor = self.down(up * torch.sigmoid(GELU_SCALE * up))
        return out


def add_residual(model: SHARNN) -> None:
    for block in model.blocks:
        block.__class__ = ResidualBlock  # the same weights, used otherwise


def replace_boom(model: SHARNN) -> None:
    for block in model.blocks:
        block.boom = FeedForward(model.config.dim, model.config.boom)


@dataclass(frozen=True)
class Variant:
    """A name, what differs from the first variant, and what the paper says of it."""

    name: str
    shape: dict[str, Any] = dataclasses.field(default_factory=dict)
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    change: Callable[[SHARNN], None] | None = None
    paper: str = ""


VARIANTS = (
    Variant("one head, in the second last layer", paper="1.076; about 30 minutes an epoch"),
    Variant("no attention", {"attention": ()}, paper="1.33"),
    Variant("four heads", {"heads": 4}, paper="about 67 minutes an epoch"),
    Variant("attention in every layer", {"attention": tuple(range(LAYERS))}, paper="1.068"),
    Variant("LSTM with a residual", change=add_residual, paper="no residual around the LSTM"),
    Variant("feed-forward for Boom", change=replace_boom, paper="Boom saves the matrix down"),
    Variant(
        "min-trust LAMB", training={"optimizer": "lamb", "rate": 2e-3}, paper="used throughout"
    ),
)


def train(
    variant: Variant, shape: SHARNNConfig, config: TrainConfig, sources: Sources
) -> dict[str, Any]:
    """Train a variant; returns its bits per byte, bytes seen, seconds and parameters."""
    torch.manual_seed(config.seed)
    model = SHARNN(dataclasses.replace(shape, **variant.shape))
    if variant.change is not None:
        variant.change(model)
    entries: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = dataclasses.replace(config, **variant.training)
        trainer = Trainer(model, settings, sources, {}, Path(folder))
        trainer.train(entries.append)
    (result,) = [entry["validation"]["mean"] for entry in entries if "validation" in entry]
    return {
        "bits_per_byte": result,
        "bytes": trainer.bytes,
        "steps": trainer.step,
        "seconds": trainer.seconds,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


@click.command()
@click.argument(
    "corpora", metavar="CORPUS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--steps", type=int, default=2000, show_default=True, help="Steps of 32 x 128 bytes.")
@click.option(
    "--dim", type=int, default=192, show_default=True, help="Width; Boom has four times it."
)
@click.option("--window", type=int, default=256, show_default=True, help="Positions attended to.")
@click.option("--threads", type=int, default=1, show_default=True)
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "ablation.json"
)
def main(
    corpora: tuple[Path, ...], steps: int, dim: int, window: int, threads: int, target: Path
) -> None:
    """Train small variants of the paper's network and compare them."""
    torch.set_num_threads(threads)
    shape = SHARNNConfig(dim, 4 * dim, LAYERS, (LAYERS - 2,), window=window)
    config = TrainConfig(lanes=32, segment=128, rate=2e-3, steps=steps, validate_minutes=1e5)
    sources = find_sources(corpora)
    rows: list[dict[str, Any]] = []
    # Compiles what the first variant's time is not to be charged with.
    train(VARIANTS[0], shape, dataclasses.replace(config, steps=2), sources)
    for variant in VARIANTS:
        by_steps = train(variant, shape, config, sources)
        by_time = by_steps
        if rows:
            hours = rows[0]["equal_bytes"]["seconds"] / 3600
            timed = dataclasses.replace(config, steps=0, hours=hours)
            by_time = train(variant, shape, timed, sources)
        rows.append(
            {
                "variant": variant.name,
                "equal_bytes": by_steps,
                "equal_time": by_time,
                "paper": variant.paper,
            }
        )
        network = dataclasses.asdict(shape)
        write_results(target, network=network, training=dataclasses.asdict(config), rows=rows)
    click.echo(ablation({"rows": rows}))


if __name__ == "__main__":
    main()

"""Ask the paper's questions of small networks: which parts pay, at equal bytes and at equal time.

    python benchmarks/ablation.py CORPUS... [--steps 1000] [--dim 128] [--json FILE]

Every variant differs from the first in one thing, or is of another shape and about as much work.
First all of them are timed: a few steps each, in turns, by the processor time they take, so that
other work on the machine falls on all alike. Then each is trained for as many steps as the first,
and, where it is slower or faster by more than 5%, once more for as many steps as fit in the first
one's time; the learning rate falls to zero by the end of either. Finished runs are in the JSON
file, and --resume does not repeat them.

Results of so short a training say what pays at its beginning, no more.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from folder import RESULTS, kept_results, resume, write_results
from readme import AS_FAST, ablation_table
from torch import Tensor, nn

from nncompress.exact.config import SHARNNConfig
from nncompress.network.constants import GELU_SCALE
from nncompress.network.functional import lookup
from nncompress.network.model import SHARNN, Block, BlockState
from nncompress.training.config import TrainConfig
from nncompress.training.corpus import find_sources
from nncompress.training.holdout import Split
from nncompress.training.loop import Trainer

LAYERS = 3
TRAIN_LANES, TRAIN_SEGMENT = 16, 64
"""Small steps: so short a training gains more from their number than from their size."""

HELD_OUT = 20
"""Documents in a thousand."""

MUON = {"optimizer": "muon", "rate": 4e-3}

WARM_STEPS, TURNS, TURN_STEPS = 4, 9, 2
"""Steps of each variant before timing, turns of timing, and steps in a turn."""


class ResidualBlock(Block):
    """Add the LSTM's output to the block's input, instead of letting it take its place."""

    def forward(self, h: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Run over h [T, B, d] from the state before it."""
        out, recurrent = self.lstm(self.norm_lstm(h), (state.hidden, state.cell))
        return self.finish(h + out, recurrent, state.memory)

    def read_bytes(
        self, x: Tensor, embedding: Tensor, state: BlockState
    ) -> tuple[Tensor, BlockState]:
        """Run over bytes x [T, B], as the first block."""
        projected = lookup(self.lstm.project(self.norm_lstm(embedding)), x)
        out, recurrent = self.lstm(projected, (state.hidden, state.cell), projected=True)
        return self.finish(lookup(embedding, x) + out, recurrent, state.memory)


class FeedForward(nn.Module):
    """Compute the layer that Boom replaces: the same way up, and a matrix down."""

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


Reshape = Callable[[SHARNNConfig], SHARNNConfig]


def same(shape: SHARNNConfig) -> SHARNNConfig:
    return shape


def having(**fields: Any) -> Reshape:
    """Change fields of the shape."""
    return lambda shape: dataclasses.replace(shape, **fields)


def wider(times: float, blocks: int) -> Reshape:
    """Make fewer blocks, wider by a factor, with Boom as wide as they are; the first attends."""

    def reshape(shape: SHARNNConfig) -> SHARNNConfig:
        dim = round(times * shape.dim)
        return dataclasses.replace(shape, dim=dim, boom=dim, layers=blocks, attention=(0,))

    return reshape


@dataclass(frozen=True)
class Variant:
    """Hold what differs from the first variant.

    Attributes:
        name: what it is called in the results.
        reshape: changes the network's shape.
        training: fields of :class:`TrainConfig` that differ.
        change: changes the network's modules.
        paper: what the paper says of it.
    """

    name: str
    reshape: Reshape = same
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    change: Callable[[SHARNN], None] | None = None
    paper: str = ""

    def model(self, shape: SHARNNConfig) -> SHARNN:
        """Make a network; the same weights wherever two variants have the same tensors."""
        torch.manual_seed(0)
        model = SHARNN(self.reshape(shape))
        if self.change is not None:
            self.change(model)
        return model


VARIANTS = (
    Variant("one head, in the second last layer", paper="1.076; about 30 minutes an epoch"),
    Variant("no attention", having(attention=()), paper="1.33"),
    Variant("attention in every layer", having(attention=tuple(range(LAYERS))), paper="1.068"),
    Variant("LSTM with a residual", change=add_residual, paper="no residual around the LSTM"),
    Variant("the first, with another seed", training={"seed": 1}),
    Variant("feed-forward for Boom", change=replace_boom, paper="Boom saves the matrix down"),
    Variant(
        "min-trust LAMB, rate 2e-3",
        training={"optimizer": "lamb", "rate": 2e-3},
        paper="used throughout",
    ),
    Variant("Muon", training=MUON),
    Variant("two blocks, 1.375 times as wide", wider(1.375, blocks=2)),
    Variant("one block, twice as wide", wider(2.0, blocks=1)),
    Variant("one block, twice as wide, Muon", wider(2.0, blocks=1), MUON),
    Variant("four heads", having(heads=4), paper="about 67 minutes an epoch"),
    Variant("min-trust LAMB, rate 8e-3", training={"optimizer": "lamb", "rate": 8e-3}),
)


@dataclass(frozen=True)
class Experiment:
    """Hold what all variants share."""

    shape: SHARNNConfig
    config: TrainConfig
    split: Split

    def trainer(self, variant: Variant, folder: Path, **settings: Any) -> Trainer:
        """Make a trainer of a new network of a variant."""
        config = dataclasses.replace(self.config, **variant.training, **settings)
        return Trainer(variant.model(self.shape), config, self.split, {}, folder)

    def train(self, variant: Variant, steps: int) -> dict[str, Any]:
        """Train a variant; return its bits per byte of held-out text, bytes seen and time."""
        entries: list[dict[str, Any]] = []
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            trainer = self.trainer(variant, Path(folder), steps=steps)
            trainer.train(entries.append)
        (result,) = [entry["validation"]["mean"] for entry in entries if "validation" in entry]
        return {
            "variant": variant.name,
            "steps": steps,
            "bytes": trainer.bytes,
            "bits_per_byte": result,
            "processor_seconds": time.process_time() - began,
        }

    def pace(self) -> list[float]:
        """Measure the processor seconds that a step of each variant takes."""
        trainers = [self.trainer(variant, Path()) for variant in VARIANTS]
        for _ in range(WARM_STEPS):
            for trainer in trainers:
                trainer.train_step()
        turns = [[_step_seconds(trainer) for trainer in trainers] for _ in range(TURNS)]
        first = statistics.median(turn[0] for turn in turns)
        # Shares of the first one's time in the same turn, so that a slow moment does not count.
        shares = zip(*([seconds / turn[0] for seconds in turn] for turn in turns), strict=True)
        return [first * statistics.median(share) for share in shares]


def _step_seconds(trainer: Trainer) -> float:
    began = time.process_time()
    for _ in range(TURN_STEPS):
        trainer.train_step()
    return (time.process_time() - began) / TURN_STEPS


def measured_variants(experiment: Experiment) -> list[dict[str, Any]]:
    """Return name, parameters, time a step and the paper's words for each variant."""
    sizes = [
        sum(parameter.numel() for parameter in variant.model(experiment.shape).parameters())
        for variant in VARIANTS
    ]
    return [
        {
            "variant": variant.name,
            "parameters": size,
            "processor_seconds_a_step": seconds,
            "paper": variant.paper,
        }
        for variant, size, seconds in zip(VARIANTS, sizes, experiment.pace(), strict=True)
    ]


def wanted(variants: list[dict[str, Any]], steps: int) -> list[tuple[str, Variant, int]]:
    """List the runs to make, as (at equal what, variant, steps), those at equal bytes first."""
    runs = [("bytes", variant, steps) for variant in VARIANTS]
    first = variants[0]["processor_seconds_a_step"]
    for variant, facts in zip(VARIANTS, variants, strict=True):
        share = first / facts["processor_seconds_a_step"]
        if abs(share - 1) > AS_FAST:
            runs.append(("time", variant, round(steps * share)))
    return runs


@click.command()
@click.argument(
    "corpora", metavar="CORPUS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--steps", type=int, default=1000, show_default=True, help="Steps of 16 x 64 bytes.")
@click.option(
    "--dim", type=int, default=128, show_default=True, help="Width; Boom has four times it."
)
@click.option("--window", type=int, default=256, show_default=True, help="Positions attended to.")
@click.option("--threads", type=int, default=1, show_default=True)
@resume
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "ablation.json"
)
def main(
    corpora: tuple[Path, ...],
    steps: int,
    dim: int,
    window: int,
    threads: int,
    resume: bool,
    target: Path,
) -> None:
    """Train small variants of the paper's network and compare them."""
    torch.set_num_threads(threads)
    shape = SHARNNConfig(dim, 4 * dim, LAYERS, (LAYERS - 2,), window=window)
    config = TrainConfig(
        lanes=TRAIN_LANES,
        segment=TRAIN_SEGMENT,
        rate=4e-3,
        steps=steps,
        validate=128 << 10,
        validate_minutes=1e5,
        validations=1,
    )
    experiment = Experiment(shape, config, Split(find_sources(corpora), HELD_OUT))
    settings = {
        "network": dataclasses.asdict(shape),
        "training": dataclasses.asdict(config),
        "corpora": [path.name for path in corpora],
    }
    facts = kept_results(target, resume, **settings)
    variants = facts.get("variants") or measured_variants(experiment)
    runs = facts.get("runs", [])
    done = {(run["equal"], run["variant"]) for run in runs}
    for equal, variant, count in wanted(variants, steps):
        if (equal, variant.name) in done:
            continue
        click.echo(f"{variant.name}: {count} steps, for equal {equal}", err=True)
        runs.append({"equal": equal} | experiment.train(variant, count))
        write_results(target, **settings, variants=variants, runs=runs)
    click.echo(ablation_table({"variants": variants, "runs": runs}))


if __name__ == "__main__":
    main()

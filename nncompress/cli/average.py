"""Define ``nncompress average``."""

from __future__ import annotations

from pathlib import Path

import click

from nncompress.errors import FileError
from nncompress.machine.device import require_torch

from . import options
from .escape import show_text
from .train import parse_shares


@click.command()
@click.argument("weights", metavar="WEIGHTS...", nargs=-1, required=True)
@click.option("-o", "--out", metavar="FILE", help="Where to write the mean (.safetensors).")
@click.option(
    "--share",
    "shares",
    type=float,
    multiple=True,
    help="Share of one of WEIGHTS; give as many, in their order. Default: equal.",
)
@click.option(
    "--held-out",
    "corpora",
    metavar="CORPUS",
    multiple=True,
    help="Measure all on the text that training on this corpus leaves out; repeat for each.",
)
@click.option(
    "--weight",
    "categories",
    metavar="NAME=NUMBER",
    multiple=True,
    callback=parse_shares,
    help="Share of a category of that text, as for 'train'.",
)
@click.option(
    "--bytes",
    "size",
    metavar="SIZE",
    type=options.Size(),
    default=400_000,
    show_default=True,
    help="How much of that text.",
)
@options.force
def command(
    weights: tuple[str, ...],
    out: str | None,
    shares: tuple[float, ...],
    corpora: tuple[str, ...],
    categories: dict[str, float],
    size: int,
    force: bool,
) -> int:
    """Average trained WEIGHTS of one shape: files of 'train', model files, or names of models.

    The mean of the weights before and after a stretch of training is often better than either.
    """
    if out is None and not corpora:
        raise click.UsageError("nothing to do: give --out, --held-out or both")
    if out is not None:
        options.refuse_existing(out, force)
    require_torch("average")
    from nncompress.network.weights import save_weights
    from nncompress.quantize.to_floats import find_network, load_network
    from nncompress.training.average import HeldOut, average_networks
    from nncompress.training.progress import held_out_bits

    try:
        networks = {name: load_network(find_network(name)) for name in weights}
        given = [networks[name] for name in weights]
        mean = average_networks(given, shares or (1.0,) * len(weights))
        text = HeldOut(tuple(map(Path, corpora)), categories, size) if corpora else None
        if out is not None:
            save_weights(Path(out), mean)
        if text is not None:
            if len(weights) > 1:
                networks["mean"] = mean
            for name, network in networks.items():
                show_text(f"{name}  {held_out_bits(text.measure(network))}")
    except OSError as error:
        raise FileError(f"{error.filename or out}: {error.strerror or error}") from None
    return 0

"""Define ``nncompress generate``."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from itertools import islice

import click

from . import options
from .escape import escape


@click.command()
@click.option("-p", "--prompt", default="", help="Text to go on from.")
@options.model
@click.option(
    "-n",
    "--bytes",
    "size",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    help="How many.",
)
@click.option(
    "--temperature", type=float, default=1.0, show_default=True, help="0 takes the likeliest byte."
)
@click.option("--top-p", type=float, default=0.95, show_default=True, help="Draw from this share.")
@click.option("--seed", type=click.IntRange(0), help="The same seed gives the same text.")
@options.device
def command(
    prompt: str,
    model: str | None,
    size: int,
    temperature: float,
    top_p: float,
    seed: int | None,
    device: str,
) -> None:
    """Sample text from a model's network; the prompt is printed first."""
    from nncompress.coding.opening import open_block_coder
    from nncompress.coding.options import CodingOptions
    from nncompress.reports.generate import generate

    start = prompt.encode()
    coder = open_block_coder(CodingOptions(model, method="network", device=device, threads=1))
    symbols = generate(coder.network, start, temperature=temperature, top_p=top_p, seed=seed)
    write = _terminal_writer() if sys.stdout.isatty() else sys.stdout.buffer.write
    write(start)
    for symbol in islice(symbols, size):
        write(bytes([symbol]))
        sys.stdout.flush()
    write(b"\n")


def _terminal_writer() -> Callable[[bytes], object]:
    """Return what writes sampled bytes to a terminal, which they cannot command."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    return lambda data: sys.stdout.write(escape(text.decode(data), lines=True))

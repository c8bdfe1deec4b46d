"""``nncompress cat``."""

from __future__ import annotations

import click

from nncompress.cli import options
from nncompress.cli.console import Console
from nncompress.codecs import CodecOptions
from nncompress.files.convert import Request
from nncompress.files.inspect import cat_one, parse_range
from nncompress.files.names import expand
from nncompress.parallel import Coder
from nncompress.pipeline import Limits


@click.command()
@options.files
@click.option(
    "--range", "span", metavar="START:END", help="Bytes wanted; only their blocks are decoded."
)
@options.engine
@options.output_limit
@options.messages
def command(
    names: tuple[str, ...],
    span: str | None,
    model: str | None,
    device: str,
    threads: int,
    processes: int,
    memory_limit: int | None,
    max_output_size: int | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Write the contents of each FILE to standard output, one after the other.

    START and END count bytes from 0, END is not included, and negative ones count from the end.
    """
    wanted = parse_range(span) if span is not None else None
    request = Request(to_stdout=True, limits=Limits(memory_limit, max_output_size))
    console = Console(quiet=quiet, verbose=verbose)
    codec = CodecOptions(model, None, None, device, threads, memory_limit)
    with Coder(codec, processes) as coder:
        return console.each(
            expand(names, recursive=False, archives=True),
            lambda name: cat_one(name, wanted, request, coder, console),
        )

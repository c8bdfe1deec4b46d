"""``nncompress test``."""

from __future__ import annotations

import click

from nncompress.cli import options
from nncompress.cli.console import Console
from nncompress.codecs import CodecOptions
from nncompress.files.convert import Request, test_one
from nncompress.files.names import expand
from nncompress.parallel import Coder
from nncompress.pipeline import Limits


@click.command()
@options.files
@options.recursive
@options.engine
@options.output_limit
@options.messages
def command(
    names: tuple[str, ...],
    recursive: bool,
    model: str | None,
    device: str,
    threads: int,
    processes: int,
    memory_limit: int | None,
    max_output_size: int | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Decode each archive FILE and check it, without writing anything."""
    request = Request(limits=Limits(memory_limit, max_output_size))
    console = Console(quiet=quiet, verbose=verbose)
    codec = CodecOptions(model, None, None, device, threads, memory_limit)
    with Coder(codec, processes) as coder:
        archives = expand(names, recursive=recursive, archives=True)
        return console.each(archives, lambda name: test_one(name, request, coder, console))

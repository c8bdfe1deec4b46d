"""``nncompress compress``."""

from __future__ import annotations

from pathlib import Path

import click

from nncompress.cli import options
from nncompress.cli.console import Console
from nncompress.codecs import CodecOptions
from nncompress.files.convert import Request, compress_one
from nncompress.files.names import expand
from nncompress.parallel import Coder


@click.command()
@options.files
@options.writing
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Decode the archive before trusting it; done with --rm.",
)
@options.recursive
@options.strength
@options.engine
@options.messages
def command(
    names: tuple[str, ...],
    output: Path | None,
    to_stdout: bool,
    force: bool,
    keep: bool,
    remove: bool,
    verify: bool | None,
    recursive: bool,
    level: int | None,
    method: str | None,
    model: str | None,
    device: str,
    threads: int,
    processes: int,
    memory_limit: int | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Compress each FILE to FILE.nnc; without FILE, or for -, standard input to standard output.

    Sources are kept unless --rm is given.
    """
    sources = list(expand(names, recursive=recursive, archives=False))
    request = Request(
        output=output,
        to_stdout=to_stdout,
        force=force,
        remove=remove and not keep,
        verify=bool(verify),
        sources=len(sources),
    )
    console = Console(quiet=quiet, verbose=verbose)
    codec = CodecOptions(model, level, method, device, threads, memory_limit)
    with Coder(codec, processes) as coder:
        return console.each(sources, lambda name: compress_one(name, request, coder, console))

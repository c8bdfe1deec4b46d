"""``nncompress compress``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import click

from nncompress.files.convert import Request, compress_one
from nncompress.files.names import expand
from nncompress.pipeline.coder import Coder

from . import options
from .console import Console


@click.command()
@options.files
@options.writing
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Decode the archive before trusting it; done with --rm.",
)
@options.recursive
@options.encoding
@options.messages
def command(
    names: tuple[str, ...],
    request: Request,
    verify: bool | None,
    recursive: bool,
    coder: Coder,
    console: Console,
) -> int:
    """Compress each FILE to FILE.nnc; without FILE, or for -, standard input to standard output.

    Sources are kept unless --rm is given.
    """
    sources = list(expand(names, recursive=recursive, archives=False))
    request = replace(request, verify=bool(verify), sources=len(sources))
    return console.each(
        sources, partial(compress_one, request=request, coder=coder, reporter=console)
    )

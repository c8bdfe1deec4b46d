"""``nncompress cat``."""

from __future__ import annotations

import click

from nncompress.files.convert import Request
from nncompress.files.inspect import cat_one, parse_range
from nncompress.files.walk import expand
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits

from . import options
from .console import Console


@click.command()
@options.archives
@click.option(
    "--range", "span", metavar="START:END", help="Bytes wanted; only their blocks are decoded."
)
@click.option("-f", "--force", is_flag=True, help="Write what is no archive as it is.")
@options.decoding
@options.messages
def command(
    names: tuple[str, ...],
    span: str | None,
    force: bool,
    coder: Coder,
    limits: Limits,
    console: Console,
) -> int:
    """Write the contents of each FILE to standard output, one after the other.

    START and END count bytes from 0, END is not included, and negative ones count from the end.
    """
    wanted = parse_range(span) if span is not None else None
    request = Request(to_stdout=True, force=force, limits=limits)
    archives = expand(names, recursive=False, archives=True, failed=console.failed)
    return console.each(archives, lambda name: cat_one(name, wanted, request, coder, console))

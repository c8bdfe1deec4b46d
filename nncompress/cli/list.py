"""``nncompress list``."""

from __future__ import annotations

import json

import click

from nncompress.files.inspect import describe, print_table
from nncompress.files.names import expand

from . import options
from .console import Console


@click.command()
@options.files_needed
@options.as_json
@options.recursive
@options.messages
def command(names: tuple[str, ...], as_json: bool, recursive: bool, console: Console) -> int:
    """Show sizes, ratio, method, model and blocks of archives, without decoding them."""
    entries = []
    status = console.each(
        expand(names, recursive=recursive, archives=True),
        lambda name: entries.append(describe(name)),
    )
    if as_json:
        click.echo(json.dumps(entries, indent=2))
    elif entries:
        print_table(entries, verbose=console.verbose)
    return status

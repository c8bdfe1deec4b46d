"""``nncompress list``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from nncompress.files.inspect import describe, print_table
from nncompress.files.walk import expand

from . import options
from .console import Console
from .escape import for_stream


@click.command()
@options.archives_needed
@options.as_json
@options.suffix
@options.no_name
@options.recursive
@options.messages
def command(
    names: tuple[str, ...], as_json: bool, suffix: str, recursive: bool, console: Console
) -> int:
    """Show sizes, ratio, method, model and blocks of archives, without decoding them."""
    entries: list[dict[str, Any]] = []

    def show(name: str) -> None:
        facts, fault = describe(name)
        entries.append(facts)
        if fault is not None:
            raise fault

    status = console.each(
        expand(names, recursive=recursive, archives=True, failed=console.failed, suffix=suffix),
        show,
    )
    if as_json:
        click.echo(json.dumps(entries, indent=2))
    elif entries:
        print_table([_safe(entry) for entry in entries], verbose=console.verbose > 0)
    return status


def _safe(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with names that a terminal can show."""
    models = {key: for_stream(name, sys.stdout) for key, name in entry["model_names"].items()}
    return entry | {"name": for_stream(entry["name"], sys.stdout), "model_names": models}

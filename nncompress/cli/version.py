"""Define ``nncompress version``."""

from __future__ import annotations

import click

from nncompress._version import __version__


@click.command()
def command() -> None:
    """Print the version."""
    click.echo(f"nncompress {__version__}")

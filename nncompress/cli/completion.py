"""Define ``nncompress completion``."""

from __future__ import annotations

import click

from .shells import SCRIPTS


@click.command()
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
def command(shell: str) -> None:
    """Print the completion script for SHELL, for instance: eval "$(nncompress completion bash)"."""
    click.echo(SCRIPTS[shell], nl=False)

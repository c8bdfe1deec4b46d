"""Define ``nncompress completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL, for instance: eval "$(nncompress completion bash)"."""
    kind = get_completion_class(shell)
    assert kind is not None
    app = context.find_root().command
    click.echo(kind(app, {}, "nncompress", "_NNCOMPRESS_COMPLETE").source())

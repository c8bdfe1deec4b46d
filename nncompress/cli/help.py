"""Define ``nncompress help``."""

from __future__ import annotations

from difflib import get_close_matches

import click

from . import candidates


@click.command()
@click.argument("words", metavar="[COMMAND]...", nargs=-1, shell_complete=candidates.offer_commands)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show what nncompress or a COMMAND of it does, and its options; as --help does."""
    shown = context.find_root()
    for word in words:
        group = shown.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{shown.command_path!r} has no commands, such as {word!r}")
        found = group.get_command(shown, word)
        if found is None:
            near = get_close_matches(word, group.list_commands(shown), 1)
            advice = f": did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"no command {word!r}{advice}")
        shown = click.Context(found, info_name=word, parent=shown)
    click.echo(shown.get_help())

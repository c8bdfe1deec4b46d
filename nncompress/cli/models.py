"""Define ``nncompress models``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nncompress.files import models

from . import options
from .escape import show_text


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List, show, verify, import and export models.

    A MODEL is a file or the name of an installed model; without it, the default model is meant.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command("list")
@options.as_json
def list_models(as_json: bool) -> None:
    """List the installed models, the default one first."""
    found = models.describe_models()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for facts in found:
        state = facts["identity"] or "damaged"
        show_text(f"{facts['name']:<16} {facts['size']:>12,} bytes  {state}  {facts['path']}")


@command.command()
@click.argument("model", required=False)
@options.as_json
def show(model: str | None, as_json: bool) -> None:
    """Show a model's identity, shape, training summary and card."""
    facts = models.describe_model(model)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        show_text(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
    card = models.model_card(model)
    if card is not None:
        show_text("\n" + card.rstrip(), lines=True)


@command.command()
@click.argument("model", required=False)
@options.device
def verify(model: str | None, device: str) -> None:
    """Check a model's contents, and that this machine computes it exactly."""
    show_text(f"sound: {models.verify_model(model, device)}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name to give it; that of the file otherwise.")
@options.force
def import_(file: Path, name: str | None, force: bool) -> None:
    """Install a model FILE in your own models folder."""
    show_text(str(models.import_model(file, name, force=force)))


@command.command()
@click.argument("model")
@click.argument("target", type=options.Target(path_type=Path))
@options.force
def export(model: str, target: Path, force: bool) -> None:
    """Copy an installed MODEL to the file or folder TARGET."""
    show_text(str(models.export_model(model, target, force=force)))

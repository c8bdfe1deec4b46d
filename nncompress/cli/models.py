"""Define ``nncompress models``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from nncompress.errors import FileError
from nncompress.files import models
from nncompress.files.names import Skip

from . import candidates, options
from .console import Console
from .escape import one_line, show_text


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List, show and verify models; import, export, rename and remove them.

    A MODEL is a file, or an installed model by its name or the first digits of its identity;
    without it, the default model is meant.
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
        advice = "" if facts["by_name"] else f"  (another has its name: use -m {state[:8]})"
        line = f"{facts['name']:<16} {facts['size']:>12,} bytes  {state}  {facts['path']}"
        show_text(line + advice)


@command.command()
@click.argument("model", required=False, shell_complete=candidates.offer_models)
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
@click.argument("model", required=False, shell_complete=candidates.offer_models)
@options.device
def verify(model: str | None, device: str) -> None:
    """Check a model's contents, and that this machine computes it exactly."""
    show_text(f"sound: {models.verify_model(model, device)}")


@command.command("import")
@click.argument(
    "file", type=click.Path(path_type=Path), shell_complete=candidates.offer_model_files
)
@click.option("--name", help="Name to give it; that of the file otherwise.")
@click.option("-f", "--force", is_flag=True, help="Replace a model of your own.")
def import_(file: Path, name: str | None, force: bool) -> None:
    """Install a model FILE, and its card FILE.md if there is one, in your own models folder.

    A name that another model has is refused; a model that comes with nncompress is never replaced.
    """
    show_text(str(models.import_model(file, name, force=force)))


@command.command()
@click.argument("model", shell_complete=candidates.offer_models)
@click.argument("target", type=options.Target(path_type=Path))
@options.force
def export(model: str, target: Path, force: bool) -> None:
    """Copy an installed MODEL to the file or folder TARGET."""
    show_text(str(models.export_model(model, target, force=force)))


@command.command()
@click.argument("model", shell_complete=candidates.offer_own_models)
@click.argument("name")
def rename(model: str, name: str) -> None:
    """Give MODEL, one of your own, another NAME; archives name models by identity, not by name."""
    show_text(str(models.rename_model(model, name)))


@command.command()
@click.argument(
    "names", metavar="MODEL...", nargs=-1, required=True, shell_complete=candidates.offer_own_models
)
@click.option("-f", "--force", is_flag=True, help="Ask nothing.")
def remove(names: tuple[str, ...], force: bool) -> int:
    """Delete each MODEL of your own; archives made with it do not open without it.

    You are asked before, on a terminal; elsewhere it takes --force. Models that come with
    nncompress stay.
    """
    console = Console()

    def work(name: str) -> None:
        path = models.own_model(name)
        if not (force or _may_remove(path)):
            raise Skip(f"{path}: kept")
        models.remove_model(path)

    return console.each(names, work)


def _may_remove(path: Path) -> bool:
    """Ask on a terminal; elsewhere there must be no question."""
    warning = f"{path}: archives made with it do not open without it"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise FileError(f"{warning}; use -f to remove it", str(path))
    question = one_line(f"{warning}. Remove it?", sys.stderr)
    return click.confirm(question, default=False, err=True)

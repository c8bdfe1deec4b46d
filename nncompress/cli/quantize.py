"""Define ``nncompress quantize``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nncompress.errors import FileError, ModelError
from nncompress.machine.device import require_torch

from . import options
from .escape import show_text
from .train import parse_shares


@click.command()
@click.argument("weights", metavar="WEIGHTS")
@click.argument("corpora", metavar="CORPUS...", nargs=-1, required=True)
@click.option("-o", "--out", required=True, help="The model file to write (.nncmodel).")
@click.option(
    "--weight", "shares", multiple=True, callback=parse_shares, help="Share of a category."
)
@click.option("--summary", metavar="FILE", help="JSON object with facts for the model's card.")
@click.option("--mixing/--no-mixing", default=True, help="Train the mixer's starting values.")
@options.force
def command(
    weights: str,
    corpora: tuple[str, ...],
    out: str,
    shares: dict[str, float],
    summary: str | None,
    mixing: bool,
    force: bool,
) -> int:
    """Turn trained WEIGHTS into an integer model that compresses.

    Scales of activations, and what the mixer starts from, are taken from CORPUS: the files,
    folders or shards that the network was trained on. WEIGHTS may also be a model file: its
    integers are kept, and only what the mixer starts from is trained anew.
    """
    require_torch("quantize")
    from nncompress.training.release import Release, release

    options.refuse_existing(out, force)
    facts = _read_summary(summary) if summary else {}
    job = Release(
        Path(weights), tuple(map(Path, corpora)), Path(out), shares, summary=facts, mixing=mixing
    )
    try:
        identity = release(job)
    except OSError as error:
        raise FileError(f"{error.filename or out}: {error.strerror or error}") from None
    except ValueError as error:
        raise ModelError(str(error)) from None
    show_text(f"{out}: model {identity.hex()}")
    return 0


def _read_summary(path: str) -> dict[str, object]:
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: no JSON to read: {error}", path) from None
    if not isinstance(facts, dict):
        raise FileError(f"{path}: a summary must be a JSON object", path)
    return facts

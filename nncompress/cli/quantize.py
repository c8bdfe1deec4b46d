"""Define ``nncompress quantize``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nncompress.errors import FileError
from nncompress.machine.device import require_torch

from . import options
from .escape import show_text
from .train import Teller, categories, held_out_share, work_threads


@click.command()
@click.argument("weights", metavar="WEIGHTS")
@click.argument("corpora", metavar="CORPUS...", nargs=-1, required=True)
@click.option("-o", "--out", required=True, help="The model file to write (.nncmodel).")
@held_out_share
@categories
@click.option("--summary", metavar="FILE", help="JSON object with more facts for the model.")
@click.option("--mixing/--no-mixing", default=True, help="Train the mixer's starting values.")
@work_threads
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@options.force
def command(
    weights: str,
    corpora: tuple[str, ...],
    out: str,
    hold_out: float | None,
    shares: dict[str, float],
    summary: str | None,
    mixing: bool,
    threads: int,
    quiet: bool,
    force: bool,
) -> int:
    """Turn trained WEIGHTS into an integer model that compresses.

    Scales of activations, and what the mixer starts from, are taken from CORPUS: the files,
    folders or shards that the network was trained on. WEIGHTS may also be a model, a file or a
    name: its integers are kept, and only what the mixer starts from is trained anew. What the
    weights say of their training goes into the model.
    """
    require_torch("quantize")
    from nncompress.quantize.to_floats import find_network
    from nncompress.training.holdout import split_corpora
    from nncompress.training.release import Release, release

    options.refuse_existing(out, force)
    facts = _read_summary(summary) if summary else {}
    try:
        split = split_corpora(map(Path, corpora), hold_out)
        job = Release(
            find_network(weights), split, Path(out), shares, facts, mixing, threads=threads
        )
        identity = release(job, Teller(quiet=quiet))
    except OSError as error:
        raise FileError(f"{error.filename or out}: {error.strerror or error}") from None
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

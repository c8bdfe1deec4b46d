"""Hold what the scripts share: find a folder of files, write results, and go on from them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from nncompress.reports.provenance import machine_facts

RESULTS = Path(__file__).parent / "results"
VARIABLE = "NNCOMPRESS_EVAL"


def evaluation_files(folder: Path | None) -> list[tuple[str, Path]]:
    """List all files under a folder, by name within it; $NNCOMPRESS_EVAL where none is given."""
    chosen = folder or Path(os.environ.get(VARIABLE, ""))
    if (folder is None and VARIABLE not in os.environ) or not chosen.is_dir():
        where = f"{chosen} is no folder" if folder or VARIABLE in os.environ else "no folder given"
        raise click.ClickException(
            f"{where}: give one of held-out files with --eval DIR or in {VARIABLE}"
        )
    paths = sorted(path for path in chosen.rglob("*") if path.is_file())
    if not paths:
        raise click.ClickException(f"{chosen} holds no files")
    return [(path.relative_to(chosen).as_posix(), path) for path in paths]


resume = click.option("--resume", is_flag=True, help="Keep what the JSON file has already.")
"""For scripts that write their JSON after every part and can go on from it."""


def kept_results(target: Path, resume: bool, **settings: Any) -> dict[str, Any]:
    """Return the results of an earlier run with these settings, if they are to be kept.

    There is nothing in the dictionary if not.
    """
    if not resume or not target.exists():
        return {}
    facts: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    if {name: facts.get(name) for name in settings} != json.loads(json.dumps(settings)):
        raise click.ClickException(f"{target}: has results of other settings; leave out --resume")
    return facts


def write_results(target: Path, **facts: Any) -> None:
    """Write facts, with machine, versions and commit, as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"machine": machine_facts()} | facts, indent=1) + "\n")
    click.echo(f"written to {target}", err=True)

"""What the scripts that measure a folder of files share: finding it, and writing results."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from nncompress.benchmark.machine import machine_facts

RESULTS = Path(__file__).parent / "results"
VARIABLE = "NNCOMPRESS_EVAL"


def evaluation_files(folder: Path | None) -> list[tuple[str, Path]]:
    """All files under a folder, by name within it; $NNCOMPRESS_EVAL where none is given."""
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


def write_results(target: Path, **facts: Any) -> None:
    """Write facts, with machine, versions and commit, as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"machine": machine_facts()} | facts, indent=1) + "\n")
    click.echo(f"written to {target}", err=True)

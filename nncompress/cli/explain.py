"""Define ``nncompress explain``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nncompress.coding.options import CodingOptions
from nncompress.reports import EXPLAINED_BYTES

from . import candidates, options
from .console import Console

if TYPE_CHECKING:
    from nncompress.files.output import OutputFile


@click.command()
@click.argument("name", metavar="FILE", shell_complete=candidates.offer_files)
@click.option(
    "--html", "page", type=click.Path(path_type=Path), help="Write a page that opens offline."
)
@click.option(
    "--csv", "table", type=click.Path(path_type=Path), help="Write a line for every byte."
)
@options.model
@options.first_bytes(default=EXPLAINED_BYTES, show_default=True)
@options.strength
@options.force
@options.device
@options.threads
def command(
    name: str,
    page: Path | None,
    table: Path | None,
    model: str | None,
    size: int,
    level: int | None,
    method: str | None,
    force: bool,
    device: str,
    threads: int,
) -> None:
    """Show what every byte of FILE costs, and what was expected in its place.

    At least one of --html and --csv says where to.
    """
    from nncompress.files.output import OutputFile
    from nncompress.pipeline.remote import place_of
    from nncompress.reports.corpora import read_range
    from nncompress.reports.explain import explain
    from nncompress.reports.surprise_csv import csv_lines
    from nncompress.reports.surprise_page import surprise_page

    if page is None and table is None:
        raise click.UsageError("nothing to write: give --html PAGE, --csv FILE, or both")
    console = Console()
    file = place_of(name)
    data = b"".join(read_range(file, 0, size + 1))
    title = f"{file.name}: what every byte costs"
    if len(data) > size:
        data, title = data[:size], f"{file.name}, first {size:,} bytes: what every byte costs"
        console.warn(f"{file}: only the first {size:,} bytes are shown; --bytes changes that")
    with ExitStack() as stack:
        # Opened before the work, so that a file in the way is found before it.
        page_file, table_file = (
            stack.enter_context(OutputFile(path, force=force)) if path else None
            for path in (page, table)
        )
        coding = CodingOptions(model, level, method, device, threads)
        with console.progress(file.name, len(data)) as progress:
            surprise = explain(data, coding, progress)
        if page_file:
            _finish(page_file, [surprise_page(title, surprise).encode()])
        if table_file:
            _finish(table_file, csv_lines(surprise))


def _finish(out: OutputFile, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        out.write(piece)
    out.sync()
    out.commit()

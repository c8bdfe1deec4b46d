"""Define ``nncompress explain``."""

from __future__ import annotations

from pathlib import Path

import click

from nncompress.coding.options import CodingOptions
from nncompress.reports import SHOWN_BYTES

from . import options
from .console import Console


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--html", "target", type=click.Path(path_type=Path), required=True, help="The page to write."
)
@options.model
@options.first_bytes(default=SHOWN_BYTES, show_default=True)
@options.strength
@options.force
@options.device
@options.threads
def command(
    file: Path,
    target: Path,
    model: str | None,
    size: int,
    level: int | None,
    method: str | None,
    force: bool,
    device: str,
    threads: int,
) -> None:
    """Show what every byte of FILE costs, and what was expected in its place, as an HTML page."""
    from nncompress.files.output import OutputFile
    from nncompress.reports.corpora import read_range
    from nncompress.reports.explain import explain
    from nncompress.reports.page import page, surprise_body, surprise_script

    console = Console()
    data = b"".join(read_range(file, 0, size + 1))
    title = f"{file.name}: what every byte costs"
    if len(data) > size:
        data, title = data[:size], f"{file.name}, first {size:,} bytes: what every byte costs"
        console.warn(f"{file}: only the first {size:,} bytes are shown; --bytes changes that")
    with OutputFile(target, force=force) as out:
        coding = CodingOptions(model, level, method, device, threads)
        with console.progress(file.name, len(data)) as progress:
            surprise = explain(data, coding, progress)
        script = surprise_script() if data else ""
        out.write(page(title, surprise_body(surprise), script).encode())
        out.sync()
        out.commit()

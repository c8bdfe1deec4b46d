"""``nncompress test``."""

from __future__ import annotations

import click

from nncompress.files.convert import Reporter, Request, test_one
from nncompress.files.walk import expand
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits

from . import options
from .at_once import each_at_once
from .console import Console


@click.command()
@options.archives
@options.suffix
@options.no_name
@options.recursive
@options.decoding
@options.cluster
@options.messages
def command(
    names: tuple[str, ...],
    suffix: str,
    recursive: bool,
    coder: Coder,
    cluster: str | None,
    limits: Limits,
    console: Console,
) -> int:
    """Decode each archive FILE and check it, without writing anything."""
    request = Request(limits=limits)
    archives = list(
        expand(names, recursive=recursive, archives=True, failed=console.failed, suffix=suffix)
    )

    def work(name: str, reporter: Reporter) -> None:
        test_one(name, request, coder, reporter)

    with options.on_cluster(cluster, coder) as workers:
        return each_at_once(console, workers, archives, work)

"""``nncompress test``."""

from __future__ import annotations

from functools import partial

import click

from nncompress.files.convert import Request, test_one
from nncompress.files.walk import expand
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits

from . import options
from .at_once import working_on
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
    work = partial(test_one, request=request, coder=coder, reporter=console)
    with (
        options.on_cluster(cluster, coder) as workers,
        working_on(console, workers, archives) as each,
    ):
        return each(work)

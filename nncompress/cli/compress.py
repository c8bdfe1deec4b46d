"""``nncompress compress``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import click

from nncompress.files.convert import (
    Request,
    archive_name_rule,
    compress_one,
    results,
)
from nncompress.files.targets import Run
from nncompress.files.walk import expand
from nncompress.pipeline.coder import Coder

from . import options
from .at_once import working_on
from .console import Console
from .estimate import print_estimates
from .unused import unused_options


@click.command()
@options.files
@options.writing
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Decode the archive before trusting it; done with --rm.",
)
@click.option(
    "--flush-timeout",
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="End a block when its bytes have waited so long and no more input is there.",
)
@click.option(
    "--estimate",
    is_flag=True,
    help="Print size and time of each level, or of one that is given, from samples; write nothing.",
)
@options.no_name
@options.recursive
@options.encoding
@options.cluster
@options.messages
def command(
    names: tuple[str, ...],
    request: Request,
    verify: bool | None,
    flush_timeout: float | None,
    estimate: bool,
    recursive: bool,
    coder: Coder,
    cluster: str | None,
    console: Console,
) -> int:
    """Compress each FILE to FILE.nnc; without FILE, or for -, standard input to standard output.

    Sources are kept unless --rm is given.
    """
    for line in unused_options():
        console.warn(line)
    sources = list(
        expand(
            names,
            recursive=recursive,
            archives=False,
            failed=console.failed,
            suffix=request.suffix,
        )
    )
    if estimate:
        if cluster is not None:
            console.warn("--cluster has no effect beside --estimate")
        return print_estimates(sources, coder.options, console)
    request = replace(request, sources=len(sources), flush_after=flush_timeout)
    request = replace(request, verify=bool(verify), run=Run(sources))
    work = partial(compress_one, request=request, coder=coder, reporter=console)
    targets = partial(results, sources, request, archive_name_rule(request))
    with (
        options.on_cluster(cluster, coder) as workers,
        working_on(console, workers, sources, targets) as each,
    ):
        return each(work)

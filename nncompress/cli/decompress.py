"""``nncompress decompress``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import click

from nncompress.files.convert import (
    Request,
    contents_rule,
    decompress_one,
    results,
)
from nncompress.files.repair import recover_one
from nncompress.files.targets import Run
from nncompress.files.walk import expand
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits

from . import options
from .at_once import working_on
from .console import Console
from .unused import unused_options


@click.command()
@options.archives
@options.writing
@click.option("--sparse/--no-sparse", default=True, help="Leave holes for long runs of zeros.")
@click.option(
    "--recover", is_flag=True, help="Restore undamaged blocks, zeros for the others, and report."
)
@options.no_name
@options.recursive
@options.decoding
@options.cluster
@options.messages
def command(
    names: tuple[str, ...],
    request: Request,
    sparse: bool,
    recover: bool,
    recursive: bool,
    coder: Coder,
    cluster: str | None,
    limits: Limits,
    console: Console,
) -> int:
    """Restore FILE from each FILE.nnc; without one, or for -, use standard input and output.

    Archives are kept unless --rm is given.
    """
    for line in unused_options():
        console.warn(line)
    archives = list(
        expand(
            names,
            recursive=recursive,
            archives=True,
            failed=console.failed,
            suffix=request.suffix,
        )
    )
    request = replace(request, sources=len(archives), run=Run(archives))
    request = replace(request, sparse=sparse, limits=limits)
    if recover and cluster is not None:
        console.warn("--cluster has no effect beside --recover")
        cluster = None
    one = recover_one if recover else decompress_one
    work = partial(one, request=request, coder=coder, reporter=console)
    targets = partial(results, archives, request, contents_rule(request))
    with (
        options.on_cluster(cluster, coder) as workers,
        working_on(console, workers, archives, targets) as each,
    ):
        return each(work)

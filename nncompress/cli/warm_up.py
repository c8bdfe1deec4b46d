"""Define ``nncompress warm-up``."""

from __future__ import annotations

import logging

import click

from .console import show_notices
from .escape import show_text


@click.command()
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say when it compiles.")
def command(quiet: bool, verbose: bool) -> int:
    """Compile the machine code that commands need, keep it, and say where.

    Otherwise the first command that needs a part of it compiles that part, in up to a minute. For
    images of containers: set NUMBA_CACHE_DIR to a folder of the image, which may be read-only
    later. What is there already is not compiled again.
    """
    from nncompress.pipeline.warm_up import warm_up

    if verbose:
        show_notices(logging.INFO)
    found = warm_up()
    if not quiet:
        made = f"{found.added} compiled in {found.seconds:.0f} s" if found.added else "none was new"
        show_text(f"{found.folder}: {found.files} kernels, {found.size:,} bytes; {made}")
    return 0

"""``nncompress decompress``."""

from __future__ import annotations

from pathlib import Path

import click

from nncompress.cli import options
from nncompress.cli.console import Console
from nncompress.codecs import CodecOptions
from nncompress.files.convert import Request, decompress_one
from nncompress.files.names import expand
from nncompress.files.repair import recover_one
from nncompress.parallel import Coder
from nncompress.pipeline import Limits


@click.command()
@options.files
@options.writing
@click.option("--sparse/--no-sparse", default=True, help="Leave holes for long runs of zeros.")
@click.option(
    "--recover", is_flag=True, help="Restore undamaged blocks, zeros for the others, and report."
)
@options.recursive
@options.engine
@options.output_limit
@options.messages
def command(
    names: tuple[str, ...],
    output: Path | None,
    to_stdout: bool,
    force: bool,
    keep: bool,
    remove: bool,
    sparse: bool,
    recover: bool,
    recursive: bool,
    model: str | None,
    device: str,
    threads: int,
    processes: int,
    memory_limit: int | None,
    max_output_size: int | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Restore FILE from each FILE.nnc; without one, or for -, use standard input and output.

    Archives are kept unless --rm is given.
    """
    archives = list(expand(names, recursive=recursive, archives=True))
    request = Request(
        output=output,
        to_stdout=to_stdout,
        force=force,
        remove=remove and not keep,
        sparse=sparse,
        limits=Limits(memory_limit, max_output_size),
        sources=len(archives),
    )
    console = Console(quiet=quiet, verbose=verbose)
    codec = CodecOptions(model, None, None, device, threads, memory_limit)
    work = recover_one if recover else decompress_one
    with Coder(codec, processes) as coder:
        return console.each(archives, lambda name: work(name, request, coder, console))

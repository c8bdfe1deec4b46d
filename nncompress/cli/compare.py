"""Define ``nncompress compare``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from nncompress.coding.options import CodingOptions
from nncompress.errors import FileError
from nncompress.files.output import os_failure, write_file
from nncompress.pipeline.waiting import read_to_end
from nncompress.reports.compare import Trial
from nncompress.reports.peer import PeerSettings

from . import candidates, options
from .console import ERROR, OK
from .escape import escape


@click.command()
@options.files_needed
@options.model
@options.level
@click.option(
    *("--codec", "chosen"),
    metavar="NAME",
    multiple=True,
    shell_complete=candidates.offer_codecs,
    help="Only this codec; repeat for more.",
)
@options.threads
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(1),
    default=300.0,
    show_default=True,
    help="The most that a codec may take.",
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--markdown", "form", flag_value="markdown", help="Print Markdown.")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw size against speed (png, svg).",
)
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a page: tables, chart, surprise map.",
)
@options.force
def command(
    names: tuple[str, ...],
    model: str | None,
    level: int | None,
    chosen: tuple[str, ...],
    threads: int,
    timeout: float,
    form: str | None,
    plot: Path | None,
    html: Path | None,
    force: bool,
) -> int:
    """Compress FILEs with nncompress and with other compressors, and compare.

    gzip, bzip2 and xz are always there; zstd and brotli come with nncompress[bench]; 7z, lrzip,
    zpaq, bzip3, kanzi, bsc, paq8px, cmix and nncp are run if they are on PATH.
    """
    from nncompress.reports import table
    from nncompress.reports.compare import compare
    from nncompress.reports.peers import choose_peers

    if plot is not None:
        from nncompress.reports.plot import require_matplotlib

        require_matplotlib(plot)
    for target in (plot, html):
        _require_place(target, force)
    peers, absent = choose_peers(chosen)
    files = [(name, _read(name)) for name in dict.fromkeys(names)]
    coding = CodingOptions(model, level, threads=threads)
    trials = compare(files, peers, PeerSettings(coding, timeout), _told)
    _told("", "")
    _print(trials, form, absent)
    if absent and form in (None, "markdown"):
        click.echo(table.not_run(absent))
    if plot is not None:
        from nncompress.reports.plot import draw

        write_file(plot, draw(trials, plot.suffix[1:].lower()), force=force)
    if html is not None:
        from nncompress.reports.comparison_page import comparison_page

        _told("surprise map", files[0][0])
        contents = comparison_page(trials, files[0], coding, absent).encode()
        _told("", "")
        write_file(html, contents, force=force)
    own = {peer.name for peer in peers if peer.own}
    return ERROR if any(trial.error for trial in trials if trial.codec in own) else OK


def _read(name: str) -> bytes:
    if name == "-":
        return read_to_end(sys.stdin.buffer)
    try:
        return Path(name).read_bytes()
    except IsADirectoryError:
        raise FileError(f"{name}: is a folder; give the files in it", name) from None
    except OSError as error:
        raise os_failure(Path(name), error) from None


def _require_place(target: Path | None, force: bool) -> None:
    """Check before the work, not after it, that a result has a place.

    Raises:
        FileError: it has none.
    """
    if target is None:
        return
    if not target.parent.is_dir():
        raise FileError(f"{target}: there is no such folder", str(target))
    if target.exists() and not force:
        raise FileError(f"{target}: already exists; use -f to replace it", str(target))


def _told(peer: str, file: str) -> None:
    if sys.stderr.isatty():
        words = escape(f"{peer} on {file} ...") if peer else ""
        click.echo(f"\r\033[K{words}", nl=False, err=True)


def _print(trials: list[Trial], form: str | None, absent: Sequence[str] = ()) -> None:
    from nncompress.reports import table
    from nncompress.reports.provenance import machine_facts

    if form == "json":
        found = [trial.facts() for trial in trials]
        facts = {"machine": machine_facts(), "trials": found, "absent": list(absent)}
        click.echo(json.dumps(facts, indent=2))
        return
    if sys.stdout.isatty():
        trials = [_shown(trial) for trial in trials]
    if form == "csv":
        click.echo(table.comma_separated(trials), nl=False)
    elif form == "markdown":
        click.echo(table.markdown(trials), nl=False)
    elif not _print_rich(trials):
        click.echo(table.plain(trials), nl=False)


def _shown(trial: Trial) -> Trial:
    """Return a trial whose words cannot command a terminal."""
    return replace(
        trial,
        file=escape(trial.file),
        error=trial.error and escape(trial.error),
        model=trial.model and escape(trial.model),
        command=escape(trial.command),
    )


def _print_rich(trials: list[Trial]) -> bool:
    from nncompress.reports import table

    if not sys.stdout.isatty():
        return False
    try:
        table.print_rich(trials)
    except ImportError:
        return False
    return True

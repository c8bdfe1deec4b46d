"""How commands talk to the person who runs them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import click

from nncompress.archive.codec import Progress
from nncompress.errors import NNCompressError
from nncompress.files.names import Skip

from .signals import SIGPIPE, Terminated

OK, ERROR, WARNING = 0, 1, 2


class Console:
    """Says things on standard error; ``quiet`` and ``verbose`` choose which."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        show_notices(logging.CRITICAL if quiet else logging.INFO if verbose else None)

    def progress(self, label: str, size: int) -> AbstractContextManager[Progress]:
        """Show a progress bar, on a terminal only."""
        if self.quiet or not size or not sys.stderr.isatty():
            return nullcontext(lambda _: None)
        return _bar(label, size)

    def may_replace(self, path: Path) -> bool | None:
        """Ask on a terminal; None elsewhere."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        return click.confirm(f"{path} exists already. Replace it?", default=False, err=True)

    def result(self, message: str) -> None:
        """Print how a file went, if verbose."""
        if self.verbose:
            click.echo(message, err=True)

    def warn(self, message: str) -> None:
        """Print a warning, unless quiet."""
        if not self.quiet:
            click.echo(f"nncompress: {message}", err=True)

    def error(self, message: str) -> None:
        """Print an error."""
        click.echo(f"nncompress: {message}", err=True)

    def each(self, names: Iterable[str], work: Callable[[str], None]) -> int:
        """Do ``work`` for all files, go on after failures, and return the exit status."""
        status = OK
        for name in names:
            try:
                work(name)
            except Skip as skip:
                self.warn(str(skip))
                status = status or WARNING
            except NNCompressError as error:
                self.error(str(error))
                status = ERROR
            except BrokenPipeError:
                raise Terminated(SIGPIPE) from None  # click would make it an error
        return status


class _Notices(logging.Handler):
    """Shows what the library logs, for instance that it has to compile its kernels first."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, over a progress bar if there is one."""
        over = "\r\033[K" if sys.stderr.isatty() else ""
        click.echo(f"{over}nncompress: {record.getMessage()}", err=True)


def show_notices(level: int | None = None) -> None:
    """Show what the library logs from ``level`` on; None: all on a terminal, elsewhere warnings."""
    log = logging.getLogger("nncompress")
    log.handlers = [_Notices()]
    log.propagate = False
    if level is None:
        level = logging.INFO if sys.stderr.isatty() else logging.WARNING
    log.setLevel(level)


@contextmanager
def _bar(label: str, size: int) -> Iterator[Progress]:
    with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
        yield bar.update

"""How commands talk to the person who runs them."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import click

from nncompress.archive.codec import Progress
from nncompress.errors import FileError, NNCompressError
from nncompress.files.names import Skip, label

from .escape import escape, one_line, say
from .signals import SIGPIPE, Terminated

OK, ERROR, WARNING = 0, 1, 2


class Console:
    """Says things on standard error; ``quiet`` and ``verbose`` choose which.

    Args:
        quiet: whether to leave out warnings and progress.
        verbose: 1 to say how each file went, 2 for each block too.

    Attributes:
        status: the exit status that follows from the files done so far.
    """

    def __init__(self, *, quiet: bool = False, verbose: int = 0) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.status = OK
        level = {0: None, 1: logging.INFO}.get(verbose, logging.DEBUG)
        show_notices(logging.CRITICAL if quiet else level)

    def progress(self, label: str, size: int) -> AbstractContextManager[Progress]:
        """Show a progress bar, on a terminal only."""
        if self.quiet or not size or not sys.stderr.isatty():
            return nullcontext(lambda _: None)
        return _bar(escape(label), size)

    def may_replace(self, path: Path) -> bool | None:
        """Ask on a terminal; None elsewhere."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        question = one_line(f"{path} exists already. Replace it?", sys.stderr)
        return click.confirm(question, default=False, err=True)

    def result(self, message: str) -> None:
        """Print how a file went, if verbose."""
        if self.verbose:
            say(message)

    def warn(self, message: str) -> None:
        """Print a warning, unless quiet."""
        if not self.quiet:
            say(f"nncompress: {message}")

    def failed(self, error: Exception) -> None:
        """Print the error of one file; the others go on."""
        say(f"nncompress: {error}")
        self.status = ERROR

    def each(self, names: Iterable[str], work: Callable[[str], None]) -> int:
        """Do ``work`` for all files, go on after failures, and return the exit status."""
        for name in names:
            try:
                work(name)
            except Skip as skip:
                self.warn(str(skip))
                self.status = self.status or WARNING
            except NNCompressError as error:
                self.failed(error)
            except BrokenPipeError:
                raise Terminated(SIGPIPE) from None  # click would make it an error
            except OSError as error:
                self.failed(_with_name(error, name))
        return self.status


def _with_name(error: OSError, name: str) -> FileError:
    """Return the error that says what the system has against the file ``name``."""
    where = label(name) if error.filename is None else os.fsdecode(error.filename)
    if isinstance(error, io.UnsupportedOperation) or error.errno == errno.ESPIPE:
        return FileError(f"{where}: is no file that can be searched; copy it to one first", name)
    return FileError(f"{where}: {error.strerror or error}", name)


class _Notices(logging.Handler):
    """Shows what the library logs, for instance that it has to compile its kernels first."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, over a progress bar if there is one."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        say(f"nncompress: {record.getMessage()}")


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

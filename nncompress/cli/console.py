"""How commands talk to the person who runs them."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from nncompress.archive.codec import Progress
from nncompress.errors import ClusterError, FileError, NNCompressError
from nncompress.files.convert import summary
from nncompress.files.names import Skip, label
from nncompress.files.source import size_ahead
from nncompress.pipeline.remote import Place
from nncompress.pipeline.stream import Totals

from .bar import SCREEN, can_draw
from .escape import one_line, say
from .progress import ProgressMeter, Work
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
        self._run: ProgressMeter | None = None
        self._in_sight = True
        self._results: list[Totals] = []
        level = {0: None, 1: logging.INFO}.get(verbose, logging.DEBUG)
        show_notices(logging.CRITICAL if quiet else level)

    @contextmanager
    def progress(
        self,
        label: str,
        size: int,
        *,
        restores: bool = False,
        passes: int = 1,
        in_sight: bool = True,
    ) -> Iterator[Progress]:
        """Count the bytes of a stage, and draw a bar, on a terminal only.

        Args:
            label: what is worked on.
            size: its bytes, 0 where that is not known.
            restores: whether an archive is read, and its contents are made.
            passes: 2 where :meth:`checking` follows.
            in_sight: False where the result goes to the terminal, or to a program that may use it.
        """
        self._in_sight = in_sight
        meter = self._run or ProgressMeter()
        meter.begin(Work(label, size, restores, passes))
        with SCREEN.show(meter, drawn=in_sight and not self.quiet and can_draw()):
            yield meter.add

    @contextmanager
    def checking(self) -> Iterator[Progress]:
        """Count the bytes of the stage once more, while its archive is decoded."""
        meter = SCREEN.meter
        meter.begin_check()
        yield meter.add_checked

    def may_replace(self, path: Place) -> bool | None:
        """Ask on a terminal; None elsewhere."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        question = one_line(f"{path} exists already. Replace it?", sys.stderr)
        with SCREEN.aside():
            return click.confirm(question, default=False, err=True)

    def result(self, message: str, totals: Totals) -> None:
        """Print how a file went: if verbose, or on a terminal where it is the only one."""
        self._results.append(totals)
        if self.verbose or (self._run is None and self._shows_results):
            _say(message)

    @property
    def _shows_results(self) -> bool:
        return self._in_sight and not self.quiet and sys.stderr.isatty()

    def warn(self, message: str) -> None:
        """Print a warning, unless quiet."""
        if not self.quiet:
            _say(f"nncompress: {message}")

    def failed(self, error: Exception) -> None:
        """Print the error of one file; the others go on."""
        _say(f"nncompress: {error}")
        self.status = ERROR

    def each(self, names: Iterable[str], work: Callable[[str], None]) -> int:
        """Do ``work`` for all files, go on after failures, and return the exit status."""
        for number, name in enumerate(names):
            if self._run is not None:
                self._run.go_to_file(number)
            try:
                work(name)
            except ClusterError:
                raise  # the other files would have the same fate
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

    def count_among_all(self, restores: bool, passes: int) -> Progress:
        """Return what counts the bytes of one of several files that are worked on at once."""
        assert self._run is not None
        self._run.set_kind(restores, passes)
        return self._run.add

    def count_checked(self, size: int, made: int = 0, /) -> None:
        """Count bytes that are done for the second time."""
        assert self._run is not None
        self._run.add_checked(size, made)

    @contextmanager
    def one_work(self, names: list[str], *, at_once: bool = False) -> Iterator[None]:
        """Show what :meth:`each` does for ``names`` as one work, with a count of the files.

        ``at_once`` says that their bytes are counted together, in whatever order they are done.
        """
        if len(names) < 2:
            yield
            return
        sizes = [size_ahead(name) for name in names]
        self._run = ProgressMeter(sizes)
        if at_once:
            self._run = ProgressMeter()
            self._run.begin(Work(f"{len(names)} files", sum(size or 0 for size in sizes)))
        start = time.monotonic()
        drawn = at_once and not self.quiet and can_draw()
        with SCREEN.show(self._run, drawn=drawn):
            yield
        if self._results and self._shows_results:
            done = len(self._results)
            files = f"{done} files" if done == len(names) else f"{done} of {len(names)} files"
            _say(summary(files, Totals.of(self._results), time.monotonic() - start))


def _with_name(error: OSError, name: str) -> FileError:
    """Return the error that says what the system has against the file ``name``."""
    where = label(name) if error.filename is None else os.fsdecode(error.filename)
    if isinstance(error, io.UnsupportedOperation) or error.errno == errno.ESPIPE:
        return FileError(f"{where}: is no file that can be searched; copy it to one first", name)
    return FileError(f"{where}: {error.strerror or error}", name)


class _Notices(logging.Handler):
    """Shows what the library logs, for instance that it has to compile its kernels first."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, above a progress bar if there is one."""
        _say(f"nncompress: {record.getMessage()}")


def _say(message: str) -> None:
    with SCREEN.aside():
        say(message)


def show_notices(level: int | None = None) -> None:
    """Show what the library logs from ``level`` on; None: all on a terminal, elsewhere warnings."""
    log = logging.getLogger("nncompress")
    log.handlers = [_Notices()]
    log.propagate = False
    if level is None:
        level = logging.INFO if sys.stderr.isatty() else logging.WARNING
    log.setLevel(level)


def say_status() -> None:
    """Print how far the work is."""
    _say(f"nncompress: {SCREEN.status()}")

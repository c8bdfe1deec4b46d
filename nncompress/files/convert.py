"""Compress and decompress one file or stream, the way gzip and xz do it."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Protocol

from nncompress.archive.codec import Progress
from nncompress.errors import DamagedArchiveError, FileError, NNCompressError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits
from nncompress.pipeline.remote import Place, Url, place_of
from nncompress.pipeline.stream import (
    Null,
    Reader,
    Totals,
    Writer,
    compress_stream,
    decompress_stream,
)
from nncompress.pipeline.waiting import flush_all, write_all

from .names import STDIN, SUFFIX, Skip, archive_name, contents_name, label, place_output
from .output import os_failure
from .passing import decode_or_pass
from .readback import read_back_from
from .remote import Output, open_output
from .source import Source, open_source, open_stdin, remove_source
from .targets import Run, descriptor_of, is_special, is_terminal


class Reporter(Protocol):
    """How a command talks to its user."""

    def progress(
        self,
        label: str,
        size: int,
        *,
        restores: bool = False,
        passes: int = 1,
        in_sight: bool = True,
    ) -> AbstractContextManager[Progress]:
        """Show progress over ``size`` bytes, 0 if that is not known.

        Args:
            label: what is worked on.
            size: the bytes that are read.
            restores: whether they are an archive's, and contents are made of them.
            passes: 2 where :meth:`checking` follows.
            in_sight: False where a bar would disturb what is done with the result.
        """

    def checking(self) -> AbstractContextManager[Progress]:
        """Go on with that progress while the result is decoded, counting bytes of contents."""

    def may_replace(self, path: Place) -> bool | None:
        """Ask whether to replace ``path``; None if there is nobody to ask."""

    def result(self, message: str, totals: Totals) -> None:
        """Tell how a file went, to those who want to know."""

    def warn(self, message: str) -> None:
        """Tell what is not as it should be."""


@dataclass(frozen=True)
class Request:
    """What to do with each file; the flags of the command line.

    ``sources`` is the number of files in all, ``suffix`` that of archives, and ``flush_after`` the
    seconds after which a block ends where no more input is there. ``run`` knows what the other
    files of the run are.
    """

    output: Place | None = None
    to_stdout: bool = False
    force: bool = False
    remove: bool = False
    verify: bool = False
    sparse: bool = True
    limits: Limits = field(default_factory=Limits)
    sources: int = 1
    suffix: str = SUFFIX
    flush_after: float | None = None
    run: Run = field(default_factory=Run)


class Stdout:
    """Standard output as a target."""

    def __init__(self) -> None:
        self._file = sys.stdout.buffer

    def write(self, data: bytes, /) -> None:
        """Write all of ``data``."""
        try:
            write_all(self._file, data)
        except OSError as error:
            raise _stdout_failure(error) from None

    def flush(self) -> None:
        """Pass on what is buffered."""
        try:
            flush_all(self._file)
        except OSError as error:
            raise _stdout_failure(error) from None


def _stdout_failure(error: OSError) -> Exception:
    if sys.platform == "win32" and error.errno == errno.EINVAL:
        return BrokenPipeError()  # what a closed pipe gives there
    return os_failure("standard output", error)


def compress_one(name: str, request: Request, coder: Coder, reporter: Reporter) -> None:
    """Compress the file ``name``, or standard input for ``-``.

    Raises Skip when the file is to be left alone, and NNCompressError.
    """
    to_stdout = _uses_stdout(name, request)
    if sys.stdout.isatty() if to_stdout else is_terminal(request.output):
        raise NNCompressError("compressed data is not written to a terminal; use -o or redirect it")
    request = replace(request, sparse=False)
    checker = coder if request.verify or request.remove else None
    with _conversion(name, request, reporter, archive_name_rule(request), checker) as job:
        job.totals = compress_stream(
            job.source, job.sink, coder, job.progress, request.flush_after, job.source.url
        )


def archive_name_rule(request: Request) -> Callable[[Place], Place]:
    """Return how archives are named; with -o, any source will do."""
    force = request.force or request.output is not None
    return lambda path: archive_name(path, force=force, suffix=request.suffix)


def decompress_one(name: str, request: Request, coder: Coder, reporter: Reporter) -> None:
    """Restore the contents of the archive ``name``, or of standard input for ``-``.

    What is no archive passes to standard output as it is, if ``request.force``. Raises Skip when
    the file is to be left alone, and NNCompressError.
    """
    refuse_terminal(name)
    with _conversion(name, request, reporter, contents_rule(request), restores=True) as job:

        def decode(source: Reader) -> Totals:
            with read_back_from(job.sink) as history:
                return decompress_stream(
                    source, job.sink, coder, request.limits, job.progress, history
                )

        if request.force and _uses_stdout(name, request):
            job.totals = decode_or_pass(job.source, job.sink, decode)
        else:
            job.totals = decode(job.source)


def contents_rule(request: Request) -> Callable[[Place], Place]:
    """Return how the contents of archives are named; with -o, any suffix will do."""

    def rule(path: Place) -> Place:
        try:
            return contents_name(path, request.suffix)
        except Skip:
            if request.output is None:
                raise
            return path.with_name(path.name + ".out")

    return rule


def results(
    names: list[str], request: Request, rule: Callable[[Place], Place]
) -> list[Place | None]:
    """Return where the result of each file will go; None for standard output, or if unknown."""
    found: list[Place | None] = []
    for name in names:
        try:
            target = place_output(request.output, rule(place_of(name)), request.sources)
        except Skip:  # it has none
            continue
        except (NNCompressError, ValueError):  # raised again when it is this file's turn
            target = None
        found.append(None if _uses_stdout(name, request) else target)
    return found


def test_one(name: str, request: Request, coder: Coder, reporter: Reporter) -> None:
    """Decode the archive ``name`` and check it, without writing anything."""
    refuse_terminal(name)
    start = time.monotonic()
    with _open(name, replaces=False) as source:
        shown = reporter.progress(label(name), source.size, restores=True)
        with shown as progress, named(label(name)):
            totals = decompress_stream(source, Null(), coder, request.limits, progress)
    took = _took(totals, time.monotonic() - start)
    reporter.result(f"{label(name)}: sound, {totals.raw_size:,} bytes of contents, {took}", totals)


def refuse_terminal(name: str) -> None:
    """Raise NNCompressError if an archive would have to be typed in."""
    if name == STDIN and sys.stdin.isatty():
        raise NNCompressError("an archive is not read from a terminal; name a file or redirect it")


@dataclass
class _Conversion:
    """One file on its way; ``totals`` is set by whoever sends it through."""

    source: Source
    sink: Writer
    progress: Progress
    totals: Totals = field(default_factory=lambda: Totals(0, 0, b""))


@contextmanager
def _conversion(
    name: str,
    request: Request,
    reporter: Reporter,
    rule: Callable[[Place], Place],
    checker: Coder | None = None,
    *,
    restores: bool = False,
) -> Iterator[_Conversion]:
    """Open a source and the target of its result; complete the result at the end.

    Args:
        name: the file, or ``-``.
        request: what to do with it.
        reporter: told of progress and of the result.
        rule: gives the target's name where the request does not.
        checker: decodes the finished archive before it gets its name; None not to.
        restores: whether the source is an archive.
    """
    start = time.monotonic()
    request.run.begin(name)
    if _uses_stdout(name, request):
        in_sight = not restores or _is_file(sys.stdout.buffer)
        with _open(name, replaces=False) as source:
            shown = reporter.progress(
                label(name), source.size, restores=restores, in_sight=in_sight
            )
            with shown as progress, named(label(name)):
                yield (job := _Conversion(source, Stdout(), progress))
        reporter.result(summary(label(name), job.totals, time.monotonic() - start), job.totals)
        return
    with _open(name, replaces=request.output is None or request.output.is_dir()) as source:
        default = Path(name) if name == STDIN else rule(place_of(name))
        target = place_output(request.output, default, request.sources)
        with open_target(source, target, request, reporter) as out:
            passes = 1 if checker is None else 2
            shown = reporter.progress(label(name), source.size, restores=restores, passes=passes)
            with shown as progress:
                with named(label(name)):
                    yield (job := _Conversion(source, out, progress))
                out.sync(source.attributes if name != STDIN else None)
                if checker is not None:
                    with reporter.checking() as progress:
                        verify(out, job.totals, checker, progress)
            out.commit()
            request.run.wrote(target)
            removable = request.remove and name != STDIN and out.is_new_file
    if removable:
        remove_source(source)
    reporter.result(summary(label(name), job.totals, time.monotonic() - start), job.totals)


def _is_file(file: IO[bytes]) -> bool:
    """Whether what is written there goes to a file; else somebody may be reading it right now."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _uses_stdout(name: str, request: Request) -> bool:
    return request.to_stdout or (name == STDIN and request.output is None)


def _open(name: str, *, replaces: bool) -> AbstractContextManager[Source]:
    return open_stdin() if name == STDIN else open_source(place_of(name), replaces=replaces)


def open_target(source: Source, target: Place, request: Request, reporter: Reporter) -> Output:
    """Open ``target`` for the result of ``source``, asking before it is replaced.

    Raises Skip when the answer is no, and FileError.
    """
    force = request.force
    direct = target == request.output  # and not a name that was made for the result
    if not (direct and is_special(target)):
        if source.is_at(target):
            raise FileError(f"{target}: is source and target at once", str(target))
        request.run.check(target)
        if not force and _exists(target, direct):
            answer = reporter.may_replace(target)
            if answer is False:
                raise Skip(f"{target}: not replaced")
            force = answer is True
    sure = request.verify or request.remove
    return open_output(target, force=force, sparse=request.sparse, direct=direct, read_back=sure)


def _exists(target: Place, direct: bool) -> bool:
    if isinstance(target, Url):
        try:
            return not target.is_read_only and target.exists()
        except OSError as error:
            raise os_failure(target, error) from None
    return os.path.lexists(target) and not (direct and descriptor_of(target) is not None)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put the file's name before the message of an error that does not have it."""
    try:
        yield
    except FileError:
        raise
    except NNCompressError as error:
        text = str(error)
        error.args = (f"{name}: {text}", *error.args[1:])
        raise


def verify(out: Output, totals: Totals, coder: Coder, progress: Progress) -> None:
    """Decode the finished archive and compare with what was read; ``progress`` counts contents."""
    if out.data_path is None:
        raise FileError(f"{out.path}: is no regular file, so it cannot be verified", str(out.path))
    with out.data_path.open("rb") as archive:
        found = decompress_stream(
            archive, Null(), coder, progress=lambda _, made=0, /: progress(made)
        )
    if found.digest != totals.digest:
        raise DamagedArchiveError(f"{out.path}: the archive does not restore its source; not kept")


def summary(name: str, totals: Totals, seconds: float) -> str:
    """Return a line with the sizes, the ratio, the time and the speed."""
    ratio = f" ({totals.archive_size / totals.raw_size:.1%})" if totals.raw_size else ""
    sizes = f"{totals.raw_size:,} bytes, archive {totals.archive_size:,} bytes{ratio}"
    return f"{name}: {sizes}, {_took(totals, seconds)}"


def _took(totals: Totals, seconds: float) -> str:
    return f"{seconds:.1f} s, {totals.raw_size / 1024 / max(seconds, 1e-3):,.1f} KiB/s"

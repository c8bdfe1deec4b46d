"""``decompress --recover``: all that a damaged archive still has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast

from nncompress.archive.recover import Segment, recover
from nncompress.errors import ConfigError, DamagedArchiveError, OutputLimitError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.remote import place_of
from nncompress.pipeline.stream import READ_SIZE, Writer

from .convert import Reporter, Request, Stdout, contents_rule, open_target
from .names import STDIN, label, place_output
from .source import open_source


def recover_one(name: str, request: Request, coder: Coder, reporter: Reporter) -> None:
    """Write every undamaged block of the archive ``name``, and zeros for what is lost.

    Each lost range is reported. Raises DamagedArchiveError at the end if anything is lost, or if
    the archive is cut off; the output stays.
    """
    place, shown = place_of(name), label(name)
    if name == STDIN or request.remove:
        raise ConfigError("--recover needs a file that can be searched, and keeps it")
    request.run.begin(name)
    with open_source(place, replaces=not request.to_stdout, searched=True) as source:
        file = cast(BinaryIO, source.file)
        segments = recover(file, coder.decoder, request.limits.max_block, coder.history())
        if request.to_stdout:
            faults = _write(segments, Stdout(), shown, request, reporter)
        else:
            target = place_output(request.output, contents_rule(request)(place), request.sources)
            with open_target(source, target, request, reporter) as out:
                faults = _write(segments, out, shown, request, reporter)
                out.sync(source.attributes)
                out.commit()
                request.run.wrote(target)
    if faults:
        raise DamagedArchiveError(f"{shown}: not all could be recovered")


def _write(
    segments: Iterator[Segment], sink: Writer, name: str, request: Request, reporter: Reporter
) -> int:
    """Write the segments and report what is missing; returns the number of faults."""
    faults = 0
    limit = request.limits.max_output
    for segment in segments:
        end = segment.start + segment.size
        if limit is not None and end > limit:
            raise OutputLimitError(
                f"{name}: the output would be larger than the limit of {limit} bytes",
                limit=limit,
                needed=end,
            )
        if segment.data is not None:
            sink.write(segment.data)
            continue
        faults += 1
        why = f": {segment.error}" if segment.error else ""
        what = f"bytes {segment.start}-{end - 1} are lost" if segment.size else "incomplete"
        reporter.warn(f"{name}: {what}{why}")
        for start in range(0, segment.size, READ_SIZE):
            sink.write(bytes(min(READ_SIZE, segment.size - start)))
    sink.flush()
    return faults

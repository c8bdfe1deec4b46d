"""End blocks where input pauses, so that what has come can be decoded: for logs that are alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import Empty, Queue

from nncompress.archive.writer import RawBlock

from .splitting import BlockSplitter

_AHEAD = 4
"""Pieces of input that are read before they are needed."""


def split_at_pauses(
    pieces: Iterator[bytes], splitter: BlockSplitter, seconds: float
) -> Iterator[RawBlock]:
    """Yield the blocks of a stream; one is ended early where its bytes would wait too long.

    Args:
        pieces: the input; a thread of its own reads it.
        splitter: cuts it into blocks.
        seconds: how long a byte waits for its block to fill, if no more input is there.
    """
    line: Queue[bytes | Exception] = Queue(_AHEAD)
    threading.Thread(target=_read, args=(pieces, line), daemon=True).start()
    due: float | None = None  # when the bytes that the splitter holds have waited long enough
    while True:
        try:
            data = line.get(timeout=None if due is None else max(due - time.monotonic(), 0.0))
        except Empty:
            yield splitter.rest(last=False)
            due = None
            continue
        if isinstance(data, Exception):
            raise data
        if not data:
            break
        blocks = splitter.push(data)
        if blocks or due is None:
            due = time.monotonic() + seconds
        yield from blocks
    yield splitter.rest()


def _read(pieces: Iterator[bytes], line: Queue[bytes | Exception]) -> None:
    try:
        for data in pieces:
            line.put(data)
        line.put(b"")
    except Exception as error:  # raised where the pieces are waited for
        line.put(error)

"""``-dcf``: what is no archive passes through as it is, as it does with gzip."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from nncompress.archive.format import MAGIC
from nncompress.pipeline.stream import READ_SIZE, Reader, Totals, Writer


class Rejoined:
    """A source of which the first bytes have been read already."""

    def __init__(self, start: bytes, source: Reader) -> None:
        self._start, self._source = start, source

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        if not self._start:
            return self._source.read(size)
        data, self._start = self._start[:size], self._start[size:]
        return data


def decode_or_pass(source: Reader, sink: Writer, decode: Callable[[Reader], Totals]) -> Totals:
    """Give an archive to ``decode``, and write to ``sink`` what does not begin like one."""
    start = b""
    while len(start) < len(MAGIC) and (data := source.read(len(MAGIC) - len(start))):
        start += data
    whole = Rejoined(start, source)
    return decode(whole) if start == MAGIC else _pass(whole, sink)


def _pass(source: Reader, sink: Writer) -> Totals:
    size, digest = 0, blake2b()
    while data := source.read(READ_SIZE):
        sink.write(data)
        sink.flush()
        digest.update(data)
        size += len(data)
    return Totals(size, size, digest.digest())

"""Compression and decompression of streams, in memory bounded by the block size.

:class:`Compressor` and :class:`Decompressor` work like those of :mod:`lzma` and :mod:`bz2`: bytes
go in, in pieces of any size, and bytes come out.
"""

from __future__ import annotations

from nncompress.archive.codec import BlockCodec, CodecSource, encode_block
from nncompress.archive.reader import Checker, MemberEnd, RecordParser, decode_record
from nncompress.archive.writer import MemberWriter, Splitter


class Compressor:
    """Makes one archive of the bytes given to :meth:`compress`; :meth:`flush` ends it."""

    def __init__(self, codec: BlockCodec, *, block_size: int | None = None) -> None:
        self._codec = codec
        self._splitter = (
            Splitter(block_size)
            if block_size
            else Splitter(codec.block_size, codec.first_block_size)
        )
        self._writer = MemberWriter(codec.model_id)
        self._finished = False

    def compress(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take ``data`` and return what is ready of the archive, often nothing."""
        self._check_open()
        return b"".join([self._code(block, last=False) for block in self._splitter.push(data)])

    def flush(self) -> bytes:
        """Return the rest of the archive; the object cannot be used afterwards."""
        self._check_open()
        self._finished = True
        return self._code(self._splitter.rest(), last=True)

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("the compressor has been flushed")

    def _code(self, block: bytes, *, last: bool) -> bytes:
        method, payload = encode_block(self._codec, block)
        return self._writer.block(block, method, payload, last=last)


class Decompressor:
    """Restores the contents of one archive, or of several joined together.

    ``max_block`` and ``max_output`` bound, in bytes, what a block may take and what may come
    out in all.
    """

    def __init__(
        self, source: CodecSource, *, max_block: int | None = None, max_output: int | None = None
    ) -> None:
        self._source = source
        self._parser = RecordParser(max_block)
        self._checker = Checker(max_output)

    @property
    def eof(self) -> bool:
        """Whether the bytes so far are a whole archive, or several."""
        return self._parser.position > 0 and self._parser.at_boundary

    def decompress(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take a piece of the archive and return what can be decoded and checked so far."""
        out = []
        for record in self._parser.feed(data):
            if isinstance(record, MemberEnd):
                self._checker.end(record)
                continue
            self._checker.declare(record.header)
            block = decode_record(self._source, record)
            self._checker.add(record.header, block)
            out.append(block)
        return b"".join(out)

    def close(self) -> None:
        """Say that the archive has ended; raises TruncatedArchiveError if it has not."""
        self._parser.close()

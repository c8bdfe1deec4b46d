"""Compress and decompress bytes that come in pieces, in memory bounded by the block size.

:class:`Compressor` and :class:`Decompressor` work like those of :mod:`lzma` and :mod:`bz2`: bytes
go in, in pieces of any size, and bytes come out.
"""

from __future__ import annotations

from collections.abc import Iterable

from nncompress.archive.codec import BlockCodec, CodecSource, encode_block
from nncompress.archive.reader import BlockRecord, Checker, RecordParser, decode_record
from nncompress.archive.writer import MemberWriter, Splitter

from .coder import CodedBlock, RawBlock
from .limits import Limits
from .stream import check_contents, declare_blocks, frame_blocks


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
        self._begun = self._finished = False

    def compress(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take ``data`` and return what is ready of the archive, often nothing."""
        self._check_open()
        return self._write((block, False) for block in self._splitter.push(data))

    def flush(self) -> bytes:
        """Return the rest of the archive; the object cannot be used afterwards."""
        self._check_open()
        self._finished = True
        return self._write([(self._splitter.rest(), True)])

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("the compressor has been flushed")

    def _write(self, blocks: Iterable[RawBlock]) -> bytes:
        coded = ((block, self._encode(*block)) for block in blocks)
        return b"".join(record for _, record in frame_blocks(self._writer, coded))

    def _encode(self, raw: bytes, last: bool) -> CodedBlock:
        alone, self._begun = last and not self._begun, True
        return encode_block(self._codec, raw, alone=alone)


class Decompressor:
    """Restores the contents of one archive, or of several joined together."""

    def __init__(self, source: CodecSource, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._source = source
        self._parser = RecordParser(limits.max_block)
        self._checker = Checker(limits.max_output)

    @property
    def eof(self) -> bool:
        """Whether the bytes so far are a whole archive, or several."""
        return self._parser.position > 0 and self._parser.at_boundary

    def decompress(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take a piece of the archive and return what can be decoded and checked so far."""
        decoded = (
            (
                record,
                decode_record(self._source, record) if isinstance(record, BlockRecord) else b"",
            )
            for record in declare_blocks(self._parser.feed(data), self._checker)
        )
        return b"".join(check_contents(self._checker, decoded))

    def close(self) -> None:
        """Say that the archive has ended.

        Raises:
            TruncatedArchiveError: it has not.
        """
        self._parser.close()

"""Reading archives in order, from bytes that come in pieces of any size.

:class:`RecordParser` finds and checks the records, without decoding a block. It holds one record at
most, and never waits for more bytes than a header it has checked declares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from nncompress.errors import (
    ArchiveError,
    DamagedArchiveError,
    NotAnArchiveError,
    OutputLimitError,
    TruncatedArchiveError,
)

from .codec import (
    CodecSource,
    Decoded,
    Progress,
    ReadModel,
    check_block_memory,
    complete_block,
    decode_block,
    no_progress,
)
from .embedded import keep_model, unpack_model
from .fields import Cursor, Incomplete
from .format import (
    MAX_BLOCKS,
    BlockHeader,
    Header,
    Method,
    check_literal_start,
    parse_block_header,
    parse_header,
)
from .history import LiteralHistory
from .index import INDEX_TAIL, IndexBuilder, new_digest, parse_index
from .walk import unexpected_data


@dataclass(frozen=True)
class BlockRecord:
    """A block as it stands in the archive.

    ``member`` is the header of its member, ``position`` that of its first byte, ``size`` counts its
    header too, ``literal_start`` is the number of its first literal in the member. ``embedded``
    reads the model that the block needs, where the archive carries it.
    """

    header: BlockHeader
    member: Header
    payload: bytes
    position: int
    size: int
    literal_start: int
    embedded: ReadModel | None = None


@dataclass(frozen=True)
class MemberEnd:
    """The index at the end of a member; ``digest`` is that of its raw bytes.

    A member of one block has none: it ends with its block.
    """

    digest: bytes


class RecordParser:
    """Splits archive bytes into :class:`BlockRecord` and :class:`MemberEnd`.

    ``max_block`` bounds raw size plus payload size of a block, in bytes; a larger one raises
    MemoryLimitError before anything of its size is held.
    """

    def __init__(self, max_block: int | None = None) -> None:
        self.position = 0
        self._max_block = max_block
        self._buffer = bytearray()
        self._index: IndexBuilder | None = None
        self._offset = self._literals = 0
        self._wait = 0
        self._after_last = self._padded = False
        self._models: dict[bytes, ReadModel] = {}

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[BlockRecord | MemberEnd]:
        """Add ``data`` and yield every record that is complete.

        Raises ArchiveError where the bytes are wrong.
        """
        self._buffer += data
        while self._buffer and len(self._buffer) >= self._wait:
            if self._skip_padding():
                break
            try:
                record, used = self._parse()
            except Incomplete:
                break
            except ArchiveError as error:
                error.offset = self.position
                raise
            self._wait = 0
            self._advance(used)
            yield record

    def _skip_padding(self) -> bool:
        """Whether all that is left are zero bytes after a member, which stand for nothing."""
        if self._index is not None or not (self._padded or (self.position and not self._buffer[0])):
            return False
        zeros = len(self._buffer) - len(self._buffer.lstrip(b"\0"))
        self._padded = True
        self._advance(zeros)
        if self._buffer:
            raise unexpected_data(self.position)
        return True

    @property
    def at_boundary(self) -> bool:
        """Whether the bytes so far are whole members."""
        return self._index is None and not self._buffer

    def close(self) -> None:
        """Say that no more bytes come; TruncatedArchiveError when some are missing."""
        if self.position == 0 and not self._buffer:
            raise TruncatedArchiveError("the input is empty, which is no archive", offset=0)
        if not self.at_boundary:
            what = (
                "its index is missing"
                if self._after_last
                else f"its contents after byte {self._offset} are missing"
            )
            raise TruncatedArchiveError(
                f"the archive is cut off: {what}",
                offset=self.position,
                block=self._index.count if self._index else 0,
            )

    def _advance(self, used: int) -> None:
        del self._buffer[:used]
        self.position += used

    def _parse(self) -> tuple[BlockRecord | MemberEnd, int]:
        if self._after_last:
            return self._parse_index()
        cursor = Cursor(self._buffer)
        header = self._index.header if self._index else self._parse_header(cursor)
        block = parse_block_header(cursor, header, self._offset)
        check_literal_start(block, self._literals)
        size = cursor.position + block.payload_size
        self._check_limits(block)
        self._wait = size
        if len(self._buffer) < size:
            raise Incomplete
        payload = cursor.take(block.payload_size)
        needed = block.needed_model(header)
        embedded = self._models.get(needed) if needed is not None else None
        record = BlockRecord(block, header, payload, self.position, size, self._literals, embedded)
        if block.method is Method.MODEL and header.model_id is not None:
            read = partial(unpack_model, payload, block.crc)
            self._models = keep_model(self._models, header.model_id, read)
        index = self._index = self._index or IndexBuilder(header)
        index.add(size if self._offset else size - len(header.pack()), block)
        self._offset += block.raw_size
        self._literals += block.literal_size
        self._after_last = block.last
        if block.last and index.count == 1:
            self._end_member()
        return record, size

    def _parse_header(self, cursor: Cursor) -> Header:
        try:
            return parse_header(cursor)
        except NotAnArchiveError:
            if self.position == 0:
                raise
            raise unexpected_data(self.position) from None

    def _check_limits(self, block: BlockHeader) -> None:
        check_block_memory(block, self._max_block)
        if self._index and self._index.count >= MAX_BLOCKS:
            raise DamagedArchiveError("damaged archive: too many blocks")

    def _parse_index(self) -> tuple[MemberEnd, int]:
        assert self._index is not None
        start = self._index.start()
        size = self._wait = len(start) + INDEX_TAIL
        if len(self._buffer) < size:
            raise Incomplete
        found = bytes(self._buffer[:size])
        digest = parse_index(found).digest
        if not found.startswith(start):
            raise DamagedArchiveError("damaged archive: the index does not fit the blocks")
        self._end_member()
        return MemberEnd(digest), size

    def _end_member(self) -> None:
        self._index, self._after_last = None, False
        self._offset = self._literals = 0


class Checker:
    """Checks decoded members as a whole, and the limit on the size of the output."""

    def __init__(self, max_output: int | None = None) -> None:
        self.size = 0
        self._declared = 0
        self._max_output = max_output
        self._digest = new_digest()

    def declare(self, header: BlockHeader) -> None:
        """Raise OutputLimitError if this block, yet to be decoded, would pass the limit."""
        self._declared += header.raw_size
        if self._max_output is not None and self._declared > self._max_output:
            raise OutputLimitError(
                f"the output would be larger than the limit of {self._max_output} bytes",
                limit=self._max_output,
                needed=self._declared,
            )

    def add(self, header: BlockHeader, data: bytes) -> None:
        """Take note of a decoded block."""
        if header.offset == 0:
            self._digest = new_digest()
        self.size += len(data)
        self._digest.update(data)

    def end(self, member: MemberEnd) -> None:
        """Compare with the digest of the index, at the end of a member."""
        if member.digest != self._digest.digest():
            raise DamagedArchiveError("damaged archive: wrong checksum of the whole contents")


def decode_record(
    source: CodecSource, record: BlockRecord, progress: Progress = no_progress
) -> Decoded:
    """Decode a block's literals; an ArchiveError tells where in the archive it stands."""
    try:
        return decode_block(
            source, record.member, record.header, record.payload, record.embedded, progress
        )
    except ArchiveError as error:
        error.offset = record.position
        raise


class Restorer:
    """Puts the copies into decoded blocks, one after the other.

    Args:
        history: keeps the literals that later blocks may repeat.
    """

    def __init__(self, history: LiteralHistory) -> None:
        self._history = history

    def restore(self, record: BlockRecord, decoded: Decoded) -> bytes:
        """Return the raw bytes of a block; an ArchiveError tells where in the archive it stands."""
        header, history = record.header, self._history
        if header.offset == 0:
            history.begin(record.member.window)
        try:
            data = complete_block(header, decoded, history.find)
        except ArchiveError as error:
            error.offset = record.position
            raise
        history.add(record.literal_start, decoded, len(data))
        return data

"""Writing archives: raw bytes are split into blocks, and coded blocks become the bytes of members.

Neither class does any input or output; :mod:`nncompress.pipeline.stream`
puts them together.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from .codec import check_block_size, check_model_id
from .copies import NO_COPIES, Copies, pack_copies
from .format import (
    MAX_BLOCKS,
    WINDOWS,
    BlockHeader,
    Header,
    LiteralsHeader,
    Method,
)
from .index import IndexBuilder, new_digest


@dataclass(frozen=True)
class RawBlock:
    """A block before it is coded.

    Attributes:
        raw: all its bytes.
        literals: those of them that are no copies, which are coded.
        last: whether the stream ends with it.
        copies: the others.
        start: number of its first literal in the stream.
    """

    raw: bytes
    literals: bytes
    last: bool = False
    copies: Copies = NO_COPIES
    start: int = 0


class BlockSizes:
    """The sizes of the blocks of a stream, one after the other: ``current`` bytes at most.

    With a smaller ``first``, the first two blocks have that size, the next two twice as much, and
    so on up to ``most``: a short stream can be coded by several threads, while a long one loses
    little.
    """

    def __init__(self, most: int, first: int | None = None) -> None:
        self.most = check_block_size(most)
        self.current = min(most, check_block_size(first or most))
        self._second = False

    def advance(self) -> None:
        """Note that a block has been cut."""
        if self._second:
            self.current = min(2 * self.current, self.most)
        self._second = not self._second


class Splitter:
    """Cuts a stream of bytes into blocks; the last may be shorter.

    A block is given out only when a later byte has been seen or the stream has ended, so that the
    last one is known as such.
    """

    def __init__(self, sizes: BlockSizes) -> None:
        self._sizes = sizes
        self._buffer = bytearray()

    def prepare(self, size: int, *, last: bool = False) -> None:
        """Do nothing: all calls are soon over."""

    def push(self, data: bytes | bytearray | memoryview) -> list[RawBlock]:
        """Add ``data`` and return the blocks that are complete, none of them the last."""
        self._buffer += data
        blocks = []
        start = 0
        while len(self._buffer) - start > (size := self._sizes.current):
            raw = bytes(self._buffer[start : start + size])
            blocks.append(RawBlock(raw, raw))
            start += size
            self._sizes.advance()
        del self._buffer[:start]
        return blocks

    def rest(self, *, last: bool = True) -> RawBlock:
        """Return what is left, at most one block and perhaps nothing, and forget it."""
        raw = bytes(self._buffer)
        self._buffer.clear()
        return RawBlock(raw, raw, last)


def declared_window(window: int) -> int:
    """Return the window that a header can state and that has room for ``window`` literals."""
    return next((size for size in WINDOWS if size >= window), WINDOWS[-1])


class MemberWriter:
    """Turns coded blocks into archive bytes.

    ``model_id`` is the identity of the model that the codec uses, or None; a file of
    a single block names it only if that block needs it. ``window`` is how many literals before a
    block its copies may reach back. ``embedded``, a member that carries that model, is put
    before the first one that names it.
    """

    def __init__(
        self, model_id: bytes | None = None, window: int = 0, embedded: bytes | None = None
    ) -> None:
        self._model_id = check_model_id(model_id)
        self._embedded = embedded or b""
        self._window = declared_window(window)
        self._start()

    def _start(self) -> None:
        self._index: IndexBuilder | None = None
        self._offset = 0
        self._digest = new_digest()

    def block(
        self, block: RawBlock, method: Method, coded: bytes, model_id: bytes | None = None
    ) -> bytes:
        """Return the bytes for one more block, whose literals were ``coded``.

        They include the member's header before the first and its index after the last. Only the
        last block may be empty. A member of ``MAX_BLOCKS`` blocks is ended and another follows.
        ``model_id`` is the model that the block needs; None for the one of the codec.
        """
        out = b""
        last_of_member = block.last
        if method.needs_model:
            model_id = model_id or self._model_id
        if self._index is None:
            header = self._header(block, model_id if method.needs_model else None)
            self._index = IndexBuilder(header)
            out = header.pack()
            if header.model_id is not None:
                out, self._embedded = self._embedded + out, b""
        elif self._index.count == MAX_BLOCKS - 1:
            last_of_member = True
        index = self._index
        literals, payload = self._payload(block, coded)
        head = BlockHeader(
            method,
            len(block.raw),
            len(payload),
            zlib.crc32(block.raw),
            last_of_member,
            self._offset,
            literals,
            model_id if method.needs_model and model_id != index.header.model_id else None,
        )
        record = head.pack(index.header) + payload
        index.add(len(record), head)
        self._digest.update(block.raw)
        self._offset += len(block.raw)
        out += record
        if last_of_member:
            if index.count > 1:
                out += index.pack(self._digest.digest())
            self._start()
        return out

    def _header(self, first: RawBlock, needed: bytes | None) -> Header:
        """Return the header of a member, which names the model that its first block needs.

        Without such a need, it names that of the codec, for what follows.
        """
        if first.last:
            return Header(needed)
        return Header(needed or self._model_id, self._window)

    def _payload(self, block: RawBlock, coded: bytes) -> tuple[LiteralsHeader | None, bytes]:
        """Put the copies before the coded literals, and say in the header how many there are."""
        if not block.copies:
            return None, coded
        section = pack_copies(block.copies, block.start)
        crc = zlib.crc32(block.literals, zlib.crc32(section))
        return LiteralsHeader(len(block.literals), block.start, len(section), crc), section + coded

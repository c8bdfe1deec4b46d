"""Writing archives: raw bytes are split into blocks, and coded blocks become the bytes of members.

Neither class does any input or output; :mod:`nncompress.pipeline.stream`
puts them together.
"""

from __future__ import annotations

import zlib

from .codec import check_block_size, check_model_id
from .format import MAX_BLOCKS, BlockHeader, Header, IndexBuilder, Method, new_digest


class Splitter:
    """Cuts a stream of bytes into blocks of ``block_size`` bytes; the last may be shorter.

    With a smaller ``first_size``, the first two blocks have that size, the next two twice as much,
    and so on up to ``block_size``: a short stream can be coded by several threads, while a long one
    loses little. A block is given out only when a later byte has been seen or the stream has ended,
    so that the last one is known as such.
    """

    def __init__(self, block_size: int, first_size: int | None = None) -> None:
        self.block_size = check_block_size(block_size)
        self._size = min(block_size, check_block_size(first_size or block_size))
        self._second = False
        self._buffer = bytearray()

    def push(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """Add ``data`` and return the blocks that are complete, none of them the last."""
        self._buffer += data
        blocks = []
        start = 0
        while len(self._buffer) - start > self._size:
            blocks.append(bytes(self._buffer[start : start + self._size]))
            start += self._size
            if self._second:
                self._size = min(2 * self._size, self.block_size)
            self._second = not self._second
        del self._buffer[:start]
        return blocks

    def rest(self) -> bytes:
        """Return what is left, at most one block and perhaps nothing, and forget it."""
        block = bytes(self._buffer)
        self._buffer.clear()
        return block


class MemberWriter:
    """Turns coded blocks into archive bytes.

    ``model_id`` is the identity of the model that the codec uses, or None; a file of
    a single block names it only if that block needs it.
    """

    def __init__(self, model_id: bytes | None = None) -> None:
        self._model_id = check_model_id(model_id)
        self._start()

    def _start(self) -> None:
        self._index: IndexBuilder | None = None
        self._offset = 0
        self._digest = new_digest()

    def block(self, raw: bytes, method: Method, payload: bytes, *, last: bool) -> bytes:
        """Return the bytes for one more block.

        They include the member's header before the first and its index after the last. Only the
        last block may be empty. A member of ``MAX_BLOCKS`` blocks is ended and another follows.
        """
        out = b""
        last_of_member = last
        if self._index is None:
            names_model = method.needs_model or not last
            header = Header(self._model_id if names_model else None)
            self._index = IndexBuilder(header)
            out = header.pack()
        elif self._index.count == MAX_BLOCKS - 1:
            last_of_member = True
        index = self._index
        block = BlockHeader(
            method, len(raw), len(payload), zlib.crc32(raw), last_of_member, self._offset
        )
        record = block.pack(index.header) + payload
        index.add(len(record), block)
        self._digest.update(raw)
        self._offset += len(raw)
        out += record
        if last_of_member:
            if index.count > 1:
                out += index.pack(self._digest.digest())
            self._start()
        return out

"""Decode blocks of a seekable archive before they are asked for, in threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import BinaryIO, NamedTuple

from nncompress.archive.access import BlockPlace, read_block_header, read_coded, read_literals
from nncompress.archive.codec import CodecSource, Decoded, source_of
from nncompress.archive.format import BlockHeader, Method
from nncompress.archive.reader import decode_record
from nncompress.errors import NNCompressError

from .begun import Begun
from .limits import needed_to_decode


class _InWork(NamedTuple):
    """A block that is decoded, and the bytes of memory that this takes."""

    header: BlockHeader
    decoded: Begun[Decoded]
    needed: int


class BlocksAhead:
    """Decodes the literals of blocks, some of them before they are asked for.

    Args:
        file: the archive.
        places: where its blocks are.
        source: gives codecs.
        max_block: bytes that raw bytes and payload of a block may take.
        threads: how many blocks are decoded at once.
        room: bytes of memory that those may take which were not asked for yet.
    """

    def __init__(
        self,
        file: BinaryIO,
        places: Sequence[BlockPlace],
        source: CodecSource,
        max_block: int | None = None,
        threads: int = 1,
        room: int = 0,
    ) -> None:
        self._file, self._places, self._source = file, places, source
        self._max_block, self._threads, self._room = max_block, threads, room
        self._in_work: dict[int, _InWork] = {}

    def decode(self, number: int) -> tuple[BlockHeader, Decoded]:
        """Return a block's header and its literals.

        Raises:
            ArchiveError: it is damaged, or cut off.
            MemoryLimitError: it takes more than ``max_block`` bytes.
        """
        block = self._in_work.pop(number, None)
        if block is None or not block.decoded.is_here:
            return read_literals(self._file, self._places[number], self._source, self._max_block)
        try:
            return block.header, block.decoded.result()
        finally:
            block.decoded.give_up()  # after Ctrl-C

    def expect(self, numbers: Iterable[int]) -> None:
        """Decode the first of these blocks at once, and give up others that were begun."""
        wanted = list(islice(numbers, self._threads))
        for number in self._in_work.keys() - set(wanted):
            self._in_work.pop(number).decoded.give_up()
        if len(wanted) < 2:  # the caller's thread can do that
            return
        for number in wanted:
            if number not in self._in_work and not self._begin(number):
                return

    def _begin(self, number: int) -> bool:
        """Have a thread decode a block; return whether more can be begun."""
        place = self._places[number]
        try:
            if read_block_header(self._file, place).method is Method.STORED:
                return True
            record = read_coded(self._file, place, self._max_block)
            codec = self._source(record.header.needed_model(record.member), record.embedded)
            needed = needed_to_decode(codec, record)
        except (NNCompressError, OSError):  # raised again when the block is asked for
            return False
        if needed + sum(block.needed for block in self._in_work.values()) > self._room:
            return False
        try:
            decoded = Begun(partial(decode_record, source_of(codec), record))
        except RuntimeError:
            return False
        self._in_work[number] = _InWork(record.header, decoded, needed)
        return True

    def close(self) -> None:
        """Give up all that was begun."""
        self.expect(())

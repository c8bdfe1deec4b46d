"""Decode blocks of a seekable archive before they are asked for, in threads.

Each begun block has a thread of its own, which the end of the program does not wait for, unlike
those of :mod:`concurrent.futures`: nobody may want the block by then, and it can take minutes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import BinaryIO

from nncompress.archive.access import BlockPlace, read_block_header, read_coded, read_literals
from nncompress.archive.codec import BlockCodec, CodecSource, Decoded, ReadModel
from nncompress.archive.format import BlockHeader, Method
from nncompress.archive.reader import BlockRecord, decode_record
from nncompress.errors import NNCompressError

from .limits import needed_to_decode
from .pool import result_of


class _Unwanted(Exception):
    """Nobody will ask for this block."""


class _Begun:
    """A block that a thread decodes."""

    def __init__(self, record: BlockRecord, codec: BlockCodec, needed: int) -> None:
        self.record, self.needed = record, needed
        self.decoded = Future[Decoded]()
        self.unwanted = False
        self._codec = codec

    def run(self) -> None:
        """Decode it."""
        try:
            self.decoded.set_result(decode_record(self._source, self.record, self._look))
        except BaseException as error:  # raised where the block is asked for
            self.decoded.set_exception(error)

    def _source(self, _: bytes | None, __: ReadModel | None = None, /) -> BlockCodec:
        return self._codec

    def _look(self, _: int, __: int = 0, /) -> None:
        if self.unwanted:
            raise _Unwanted


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
        self._begun: dict[int, _Begun] = {}
        self._process = os.getpid()

    def decode(self, number: int) -> tuple[BlockHeader, Decoded]:
        """Return a block's header and its literals.

        Raises:
            ArchiveError: it is damaged, or cut off.
            MemoryLimitError: it takes more than ``max_block`` bytes.
        """
        begun = self._begun.pop(number, None)
        if begun is None or os.getpid() != self._process:  # a forked child lacks the thread
            return read_literals(self._file, self._places[number], self._source, self._max_block)
        try:
            return begun.record.header, result_of(begun.decoded)
        finally:
            begun.unwanted = True  # after Ctrl-C

    def expect(self, numbers: Iterable[int]) -> None:
        """Decode the first of these blocks at once, and give up others that were begun."""
        wanted = list(islice(numbers, self._threads))
        for number in self._begun.keys() - set(wanted):
            self._begun.pop(number).unwanted = True
        if len(wanted) < 2:  # the caller's thread can do that
            return
        for number in wanted:
            if number not in self._begun and not self._begin(number):
                return

    def _begin(self, number: int) -> bool:
        """Have a thread decode a block; return whether more can be begun."""
        place = self._places[number]
        try:
            if read_block_header(self._file, place).method is Method.STORED:
                return True
            record = read_coded(self._file, place, self._max_block)
            needs = record.header.needed_model(record.member)
            codec = self._source(needs, record.embedded)
            needed = needed_to_decode(codec, record)
        except (NNCompressError, OSError):  # raised again when the block is asked for
            return False
        if needed + sum(begun.needed for begun in self._begun.values()) > self._room:
            return False
        begun = _Begun(record, codec, needed)
        try:
            threading.Thread(target=begun.run, daemon=True).start()
        except RuntimeError:  # the system grants no more threads
            return False
        self._begun[number] = begun
        return True

    def close(self) -> None:
        """Give up all that was begun."""
        self.expect(())

"""Compress and decompress bytes that come in pieces, in memory bounded by the block size.

:class:`Compressor` and :class:`Decompressor` work like those of :mod:`lzma` and :mod:`bz2`: bytes
go in, in pieces of any size, and bytes come out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from nncompress.archive.codec import (
    BlockCodec,
    CodecSource,
    Coded,
    Decoded,
    Progress,
    encode_block,
    no_progress,
)
from nncompress.archive.history import KeptLiterals, LiteralHistory
from nncompress.archive.reader import (
    BlockRecord,
    Checker,
    RecordParser,
    Restorer,
    decode_record,
)
from nncompress.archive.writer import MemberWriter, RawBlock
from nncompress.machine.resources import memory

from .begun import Begun
from .coder import HISTORY_SHARE
from .limits import SHARE, Limits
from .splitting import open_splitter
from .stream import READ_SIZE, check_contents, declare_blocks, frame_blocks

if TYPE_CHECKING:
    from typing_extensions import Buffer


def as_bytes(data: Buffer) -> memoryview:
    """Return the bytes of an object that has some; raise TypeError for what has none."""
    return memoryview(data).cast("B")


@dataclass
class _InLine:
    """A block that is to be coded, and what becomes of it; None while nothing is begun.

    ``alone`` says whether the archive has no other.
    """

    block: RawBlock
    alone: bool
    coded: Begun[Coded] | None = None


class Compressor:
    """Makes one archive of the bytes given to :meth:`compress`; :meth:`flush` ends it.

    A call that an exception such as KeyboardInterrupt ends while a block is coded loses nothing:
    the next call codes that block.

    Args:
        codec: codes the blocks.
        block_size: raw bytes a block; None for the codec's own.
        at_once: how many blocks are coded at once, in threads, while :meth:`compress` is given
            more; with 1, each is coded by the call that fills it.
    """

    def __init__(
        self, codec: BlockCodec, *, block_size: int | None = None, at_once: int = 1
    ) -> None:
        self._codec = codec
        self._splitter = open_splitter(codec, block_size)
        self._writer = MemberWriter(codec.model_id, codec.copy_rules.window, codec.embedded)
        self._at_once = at_once
        self._line: deque[_InLine] = deque()
        self._ready = bytearray()
        self._entered = self._ending = self._finished = False
        self._resumable = True

    @property
    def resumable(self) -> bool:
        """Whether another call can go on after one that was interrupted.

        It cannot where a block was being handed on, which takes microseconds, or where repeats were
        being sought, which takes a millisecond for each quarter of a MiB.
        """
        return self._resumable

    def compress(self, data: Buffer) -> bytes:
        """Take ``data`` and return what is ready of the archive, often nothing."""
        self._check_open()
        view = as_bytes(data)
        for start in range(0, len(view), READ_SIZE):
            self._splitter.prepare(min(READ_SIZE, len(view) - start))
            self._resumable = False
            blocks = self._splitter.push(view[start : start + READ_SIZE])
            for block in blocks:
                self._enter(block)
            self._resumable = True
            self._code(to_end=False)
        return self._take_ready()

    def flush(self) -> bytes:
        """Return the rest of the archive; the object cannot be used afterwards."""
        if not self._ending:
            self._check_open()
            self._splitter.prepare(0, last=True)
            self._resumable = False
            self._enter(self._splitter.rest())
            self._ending = self._resumable = True
        elif self._finished:
            self._check_open()
        self._code(to_end=True)
        self._finished = True
        return self._take_ready()

    def _check_open(self) -> None:
        if self._ending:
            raise ValueError("the compressor has been flushed")
        if not self._resumable:
            raise ValueError("the compressor was interrupted: begin the archive again")

    def _enter(self, block: RawBlock) -> None:
        self._line.append(_InLine(block, alone=block.last and not self._entered))
        self._entered = True

    def _code(self, *, to_end: bool) -> None:
        """Code the blocks in the line; not to the end, as many as are coded at once may stay."""
        for _, record in frame_blocks(self._writer, self._coded(to_end)):
            self._ready += record
            self._resumable = True

    def _coded(self, to_end: bool) -> Iterator[tuple[RawBlock, Coded]]:
        """Yield blocks, each taken from the line only once it is coded."""
        while self._begin_next():
            first = self._line[0]
            may_stay = 1 < self._at_once >= len(self._line) and not to_end
            if may_stay and not (first.coded is not None and first.coded.done):
                return
            coded = self._result(first)
            self._resumable = False
            self._line.popleft()
            yield first.block, coded

    def _begin_next(self) -> bool:
        """Have the next blocks coded by threads; return whether there are any blocks."""
        needs_none = len(self._line) == 1 and self._line[0].block.last
        if self._at_once > 1 and not needs_none:
            with suppress(RuntimeError):  # there are no threads
                for entry in islice(self._line, self._at_once):
                    if entry.coded is None or not entry.coded.is_here:
                        entry.coded = Begun(partial(self._encode, entry))
        return bool(self._line)

    def _encode(self, entry: _InLine, progress: Progress = no_progress) -> Coded:
        return encode_block(self._codec, entry.block.literals, progress, alone=entry.alone)

    def _result(self, entry: _InLine) -> Coded:
        """Return what became of a block; after an error it is coded anew by the next call."""
        if entry.coded is None or not entry.coded.is_here:
            return self._encode(entry)
        try:
            return entry.coded.result()
        except BaseException:
            if entry.coded.done:
                entry.coded = None
            raise

    def give_up(self) -> None:
        """End the work on blocks, whose archive nobody will complete."""
        for entry in self._line:
            if entry.coded is not None:
                entry.coded.give_up()

    def _take_ready(self) -> bytes:
        ready = bytes(self._ready)
        self._ready.clear()
        return ready


class Decompressor:
    """Restores the contents of one archive, or of several joined together."""

    def __init__(
        self,
        source: CodecSource,
        limits: Limits | None = None,
        history: LiteralHistory | None = None,
    ) -> None:
        limits = limits or Limits()
        self._source = source
        self._restorer = Restorer(history or KeptLiterals(memory() // SHARE // HISTORY_SHARE))
        self._parser = RecordParser(limits.max_block)
        self._checker = Checker(limits.max_output)

    @property
    def eof(self) -> bool:
        """Whether the bytes so far are a whole archive, or several."""
        return self._parser.position > 0 and self._parser.at_boundary

    def decompress(self, data: Buffer) -> bytes:
        """Take a piece of the archive and return what can be decoded and checked so far."""
        decoded = (
            (
                record,
                decode_record(self._source, record)
                if isinstance(record, BlockRecord)
                else Decoded(b""),
            )
            for record in declare_blocks(self._parser.feed(as_bytes(data)), self._checker)
        )
        return b"".join(check_contents(self._checker, self._restorer, decoded))

    def close(self) -> None:
        """Say that the archive has ended.

        Raises:
            TruncatedArchiveError: it has not.
        """
        self._parser.close()

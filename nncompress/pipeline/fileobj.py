"""File objects over archives: reading from any place, and writing."""

from __future__ import annotations

import codecs
import errno
import io
import os
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from nncompress.archive.access import read_map
from nncompress.archive.codec import CodecSource
from nncompress.archive.history import LiteralHistory
from nncompress.archive.origins import Blocks
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError, DamagedArchiveError

from .ahead import BlocksAhead
from .coder import Coder
from .filewriter import ArchiveWriter
from .incremental import Compressor, Decompressor
from .limits import Limits
from .remote import Place, Url, place_of
from .remote_files import create_remote, open_remote
from .stream import READ_SIZE
from .waiting import can_wait, read_some, would_block

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


FilePath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""What names a file; text may be a URL."""


def open_archive(
    file: FilePath | BinaryIO,
    mode: str,
    options: CodingOptions,
    block_size: int | None = None,
    *,
    close_file: bool = False,
) -> BinaryIO:
    """Open an archive as a binary file object.

    Args:
        file: a path or a URL, or an open binary file; that is read or written from where it stands,
            and needs no more than ``read`` or ``write``.
        mode: "r", "w", "x" or "a".
        options: how blocks are coded.
        block_size: raw bytes a block when writing; None for the level's own.
        close_file: whether an open file is closed with the object that is returned.

    Raises:
        ArchiveError: mode "a", and the file does not end as an archive does.
    """
    own = isinstance(file, (str, bytes, os.PathLike))
    text = isinstance(file, (io.TextIOBase, codecs.StreamReaderWriter))
    if text or not (own or hasattr(file, "read" if mode == "r" else "write")):
        raise TypeError("file must be a path (str, bytes or os.PathLike) or an open binary file")
    coder = Coder(options)
    place = place_of_file(file) if isinstance(file, (str, bytes, os.PathLike)) else None
    close_file = close_file or place is not None
    if mode == "r":
        raw = _open_place(place, "rb", -1) if place else cast(BinaryIO, file)
        return _open_reader(raw, coder, close_file)
    # What may fail comes before a file is emptied.
    at_once = coder.at_once(block_size)
    compressor = Compressor(coder.encoder, block_size=block_size, at_once=at_once)
    if mode == "a" and place is not None:
        _check_end(place)
    # Records are large; and a child process would write a buffer's contents a second time.
    raw = _open_place(place, mode + "b", 0) if place else cast(BinaryIO, file)
    return cast(BinaryIO, ArchiveWriter(raw, compressor, close_file=close_file))


def place_of_file(file: FilePath) -> Place:
    """Return where a file is: text may be a URL; bytes and paths never are."""
    return place_of(file) if isinstance(file, str) else Path(os.fsdecode(file))


def _open_place(place: Place, mode: str, buffering: int) -> BinaryIO:
    """Open a path or a URL."""
    if not isinstance(place, Url):
        return cast(BinaryIO, place.open(mode, buffering))
    if mode == "rb":
        return cast(BinaryIO, open_remote(place, searched=True))
    if mode == "xb" and place.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
    return cast(BinaryIO, create_remote(place))


def _open_reader(raw: BinaryIO, coder: Coder, own: bool) -> BinaryIO:
    try:
        reader: io.RawIOBase
        if hasattr(raw, "seek") and hasattr(raw, "seekable") and raw.seekable():
            start = raw.tell()
            seekable = cast(BinaryIO, _Rest(raw, start)) if start else raw
            limit = coder.options.memory_limit
            reader = BlockReader(
                seekable,
                coder.decoder,
                close_file=own,
                max_block=limit,
                room=coder.history_room,
                at_once=coder.threads,
                ahead_room=coder.blocks_room,
            )
        else:
            limits = Limits(max_block=coder.options.memory_limit)
            history = coder.history()
            reader = StreamReader(raw, coder.decoder, limits, close_file=own, history=history)
        return cast(BinaryIO, io.BufferedReader(reader))
    except BaseException:
        if own:
            raw.close()
        raise


def _check_end(name: Place) -> None:
    """Raise ArchiveError where more cannot be added to the file: it is no archive, or cut off.

    Headers and indexes are read, no block is decoded. A file that is missing or empty will do, and
    so does what is no regular file and cannot be looked into.
    """
    if isinstance(name, Url):
        raise ConfigError(f"cannot append to {name}: what a URL names is only written whole")
    if not name.is_file() or not name.stat().st_size:
        return
    with name.open("rb") as file:
        found = read_map(file)
    if found.padding:
        raise DamagedArchiveError(f"cannot append to {name}: zero bytes follow the archive")
    if (fault := found.fault) is not None:
        message = f"cannot append to {name}: {fault}; recover it first"
        raise type(fault)(message, offset=fault.offset)


class _Rest:
    """A seekable file from ``start`` on, as a file of its own."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._start = file, start
        self.read, self.close = file.read, file.close

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position, counted from the start."""
        return self._file.tell() - self._start

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Change the position, and return the new one."""
        place = offset + self._start if whence == os.SEEK_SET else offset
        return max(0, self._file.seek(place, whence) - self._start)


class BlockReader(io.RawIOBase):
    """Reads the contents of a seekable archive, decoding only the blocks that are needed.

    Each block read is checked by its CRC-32. Of an archive that is cut off or damaged, what stands
    before the fault can be read; to read past it, or to seek from the end, raises that fault. Takes
    one block of memory, whose raw bytes and payload may have ``max_block`` bytes, and of an archive
    with copies the literals of other blocks, ``room`` bytes of them or one block.

    Once blocks are read in order, the next ones are decoded meanwhile, ``at_once`` in all, if they
    take ``ahead_room`` bytes of memory at most; so are those up to where :meth:`expect` says that
    reading will go.
    """

    def __init__(
        self,
        file: BinaryIO,
        source: CodecSource,
        *,
        close_file: bool = False,
        max_block: int | None = None,
        room: int = 0,
        at_once: int = 1,
        ahead_room: int = 0,
    ) -> None:
        super().__init__()
        self._file = file
        self._close_file = close_file
        found = read_map(file)
        self._fault, self._blocks = found.fault, found.known
        if self._fault is not None and not self._blocks:
            raise self._fault
        self._starts = [place.start for place in self._blocks]
        self._size = self._starts[-1] + self._blocks[-1].raw_size
        self._ahead = BlocksAhead(file, self._blocks, source, max_block, at_once, ahead_room)
        self._decoded = Blocks(file, self._blocks, self._ahead.decode, room)
        self._position = self._expected = 0
        self._number, self._in_order = -1, 0
        self._block = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the contents."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Change the position in the contents; nothing is decoded.

        Raises:
            ArchiveError: it counts from the end, and the archive is cut off or damaged.
        """
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        if whence not in base:
            raise ValueError(f"invalid whence ({whence})")
        if whence == os.SEEK_END and self._fault is not None:
            raise self._fault
        position = base[whence] + offset
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into ``buffer``, at most to the end of a block; 0 at the end of the contents."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if self._position >= self._size:
            if self._fault is not None:
                raise self._fault
            return 0
        number = bisect_right(self._starts, self._position) - 1
        if number != self._number:
            self._look_ahead(number)
            self._block = self._decoded.read(number)
            self._number = number
        view = memoryview(buffer).cast("B")
        start = self._position - self._starts[number]
        piece = self._block[start : start + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def expect(self, end: int) -> None:
        """Take notice that contents will be read in order up to a position."""
        self._expected = end

    def _look_ahead(self, number: int) -> None:
        """Have blocks decoded that will be read from this one on, as far as that is known."""
        self._in_order = self._in_order + 1 if number == self._number + 1 else 0
        end = self._size if self._in_order > 1 else self._expected
        self._ahead.expect(range(number, max(number + 1, bisect_left(self._starts, end))))

    def close(self) -> None:
        """Close, with the file if it was opened for this object."""
        if not self.closed:
            self._ahead.close()
            if self._close_file:
                self._file.close()
        super().close()


class StreamReader(io.RawIOBase):
    """Reads an archive in order, from a ``file`` that cannot seek."""

    def __init__(
        self,
        file: BinaryIO,
        source: CodecSource,
        limits: Limits | None = None,
        *,
        close_file: bool = False,
        history: LiteralHistory | None = None,
    ) -> None:
        super().__init__()
        self._file = file
        self._close_file = close_file
        self._decompressor = Decompressor(source, limits, history)
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into ``buffer``; 0 at the end of the contents."""
        while not self._ready and not self._ended:
            data = self._file.read(READ_SIZE)
            if data is None:  # nothing yet, which is not the end
                if not can_wait(self._file):
                    raise would_block()
                data = read_some(self._file, READ_SIZE)
            if not data:
                self._decompressor.close()
                self._ended = True
            self._ready = memoryview(self._decompressor.decompress(data))
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._ready))
        view[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        """Close, with the file if it was opened for this object."""
        if not self.closed and self._close_file:
            self._file.close()
        super().close()

"""File objects over archives: reading from any place, and writing."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from nncompress.archive.access import ArchiveMap, BlockPlace, read_block, read_map
from nncompress.archive.codec import CodecSource
from nncompress.coding.options import CodingOptions

from .coder import Coder
from .incremental import Compressor, Decompressor
from .stream import READ_SIZE, write_all

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


def open_archive(
    file: str | os.PathLike[str] | BinaryIO,
    mode: str,
    options: CodingOptions,
    block_size: int | None = None,
) -> BinaryIO:
    """Open an archive as a binary file object.

    Args:
        file: a path, or an open binary file, which stays open.
        mode: "r", "w", "x" or "a".
        options: how blocks are coded.
        block_size: raw bytes a block when writing; None for the level's own.
    """
    own = isinstance(file, (str, os.PathLike))
    if isinstance(file, (str, os.PathLike)):
        raw = cast(BinaryIO, Path(file).open(mode + "b"))  # noqa: SIM115 - closed by its user
    else:
        raw = file
    try:
        coder = Coder(options)
        if mode != "r":
            compressor = Compressor(coder.encoder, block_size=block_size)
            return cast(BinaryIO, ArchiveWriter(raw, compressor, close_file=own))
        reader: io.RawIOBase
        if raw.seekable():
            reader = BlockReader(raw, coder.decoder, close_file=own)
        else:
            reader = StreamReader(raw, coder.decoder, close_file=own)
        return cast(BinaryIO, io.BufferedReader(reader))
    except BaseException:
        if own:
            raw.close()
        raise


class BlockReader(io.RawIOBase):
    """Reads the contents of a seekable archive, decoding only the blocks that are needed.

    Each block read is checked by its CRC-32. Reading past the last good block of an archive that is
    cut off or damaged raises that fault. Takes one block of memory.
    """

    def __init__(self, file: BinaryIO, source: CodecSource, *, close_file: bool = False) -> None:
        super().__init__()
        self._file = file
        self._source = source
        self._close_file = close_file
        self._map: ArchiveMap = read_map(file)
        if self._map.fault is not None and not self._map.blocks:
            raise self._map.fault
        self._starts = [place.start for place in self._map.blocks]
        self._position = 0
        self._place: BlockPlace | None = None
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
        """Change the position in the contents; nothing is decoded."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._map.raw_size}
        if whence not in base:
            raise ValueError(f"invalid whence ({whence})")
        position = base[whence] + offset
        if position < 0:
            raise ValueError(f"negative seek position {position}")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into ``buffer``, at most to the end of a block; 0 at the end of the contents."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if self._position >= self._map.raw_size:
            if self._map.fault is not None:
                raise self._map.fault
            return 0
        place = self._map.blocks[bisect_right(self._starts, self._position) - 1]
        if place is not self._place:
            self._block = read_block(self._file, place, self._source)
            self._place = place
        view = memoryview(buffer).cast("B")
        start = self._position - place.start
        piece = self._block[start : start + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close, with the file if it was opened for this object."""
        if not self.closed and self._close_file:
            self._file.close()
        super().close()


class StreamReader(io.RawIOBase):
    """Reads an archive in order, from a ``file`` that cannot seek."""

    def __init__(self, file: BinaryIO, source: CodecSource, *, close_file: bool = False) -> None:
        super().__init__()
        self._file = file
        self._close_file = close_file
        self._decompressor = Decompressor(source)
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into ``buffer``; 0 at the end of the contents."""
        while not self._ready and not self._ended:
            data = self._file.read(READ_SIZE)
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


class ArchiveWriter(io.BufferedIOBase):
    """Compresses what is written to ``file``; :meth:`close` completes the archive."""

    def __init__(self, file: BinaryIO, compressor: Compressor, *, close_file: bool = False) -> None:
        super().__init__()
        self._file = file
        self._compressor = compressor
        self._close_file = close_file
        self._position = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._position

    def write(self, data: ReadableBuffer, /) -> int:
        """Take all of ``data``; it is compressed once a block is full."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        view = memoryview(data).cast("B")
        write_all(self._file, self._compressor.compress(view))
        self._position += len(view)
        return len(view)

    def close(self) -> None:
        """Write the rest of the archive."""
        if self.closed:
            return
        try:
            write_all(self._file, self._compressor.flush())
            if self._close_file:
                self._file.close()
            else:
                self._file.flush()
        finally:
            super().close()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Complete the archive, or after an error leave it cut off, so that it is seen as such."""
        if error is None:
            self.close()
            return
        if self._close_file:
            self._file.close()
        super().close()

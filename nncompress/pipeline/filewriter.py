"""Write an archive through a file object that completes it, whatever ends the writing.

Only an error of the writer itself, such as a full disk, leaves an archive cut off.
"""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO
from weakref import WeakSet

from .incremental import Compressor
from .remote_files import RemoteWriter
from .waiting import can_wait, flush_all, would_block, write_all

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class ArchiveWriter(io.BufferedIOBase):
    """Compresses what is written to ``file``; :meth:`close` completes the archive.

    So does the end of a ``with`` block, after an exception too, the loss of the last reference, and
    the end of the program. After an error while a block was coded or written, :meth:`close` raises
    that error again, and the archive stays cut off; behind a URL nothing appears.

    Args:
        file: a file with ``write``; ``flush`` and ``tell`` are used where it has them.
        compressor: makes the archive.
        close_file: whether to close ``file`` too.
    """

    def __init__(self, file: BinaryIO, compressor: Compressor, *, close_file: bool = False) -> None:
        super().__init__()
        self._file = file
        self._compressor = compressor
        self._close_file = close_file
        self._position = 0
        self._ended = False
        self._failure: BaseException | None = None
        self._process = os.getpid()
        _unfinished.add(self)

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
        self._pass_on(lambda: self._compressor.compress(view))
        self._position += len(view)
        return len(view)

    def close(self) -> None:
        """Write the rest of the archive.

        Raises:
            Exception: coding or writing failed, now or before; the archive is cut off.
        """
        if self.closed:
            return
        try:
            try:
                self._complete()
            except BaseException as error:
                if isinstance(error, Exception):
                    raise
                self._complete()  # a first Ctrl-C does not leave it cut off
                raise
        finally:
            self._release()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Complete the archive, after an exception too, unless it is the writer's own."""
        if error is None or self._failure is None:
            self.close()
        else:
            self._release()

    def __del__(self) -> None:
        if not self.closed and os.getpid() != self._process:
            self._release()  # of a forked child: the parent completes it
        super().__del__()

    def finish_at_exit(self) -> None:
        """Complete the archive at the end of the program, with what text layers above it hold."""
        if self._failure is None:
            try:
                _flush_layers_above(self)
            finally:
                self.close()

    def _complete(self) -> None:
        if not self._ended:
            self._pass_on(self._end)
        if not self._close_file:
            _flush(self._file)

    def _end(self) -> bytes:
        record = self._compressor.flush()
        self._ended = True
        return record

    def _release(self) -> None:
        _unfinished.discard(self)
        self._compressor.give_up()
        try:
            if self._close_file:
                if self._failure is not None and isinstance(self._file, RemoteWriter):
                    self._file.discard()  # what is cut off does not appear
                self._file.close()
        finally:
            super().close()

    def _pass_on(self, code: Callable[[], bytes]) -> None:
        """Write what ``code`` returns, and remember an error that leaves the archive wrong."""
        if self._failure is not None:
            raise self._failure
        try:
            record = code()
        except BaseException as error:
            if isinstance(error, Exception) or not self._compressor.resumable:
                self._failure = error
            raise
        before = _position(self._file)
        try:
            _write_fully(self._file, record)
        except BaseException as error:
            self._failure = error
            if before is not None and not isinstance(error, Exception):
                # Ctrl-C: the file knows how much of the record it has.
                _write_fully(self._file, record[self._file.tell() - before :])
                self._failure = None
            raise


_unfinished: WeakSet[ArchiveWriter] = WeakSet()


@atexit.register
def _finish_all() -> None:
    """Complete the archives of writers that are still open when the program ends."""
    failure: Exception | None = None
    for writer in list(_unfinished):
        try:
            writer.finish_at_exit()
        except Exception as error:  # reported below; the others are completed all the same
            failure = error
    if failure is not None:
        raise failure


if hasattr(os, "register_at_fork"):
    # What a parent process has begun to write is its own to complete.
    os.register_at_fork(after_in_child=_unfinished.clear)


def _flush_layers_above(file: io.IOBase) -> None:
    """Flush text and buffer objects that write to ``file``, before it is closed below them."""
    for above in gc.get_referrers(file):
        if isinstance(above, (io.TextIOWrapper, io.BufferedWriter)) and not above.closed:
            _flush_layers_above(above)
            above.flush()


def _write_fully(file: BinaryIO, data: bytes) -> None:
    """Write all of ``data``, to a file that may take only a part of it, or return no number."""
    if can_wait(file):
        write_all(file, data)
        return
    while data:
        taken: object = file.write(data)
        if taken is None and isinstance(file, io.RawIOBase):
            raise would_block()
        if type(taken) is not int:
            return
        if taken <= 0:
            raise OSError(errno.EIO, "the file takes no more bytes")
        data = data[taken:]


def _flush(file: BinaryIO) -> None:
    if can_wait(file):
        flush_all(file)
    elif hasattr(file, "flush"):
        file.flush()


def _position(file: BinaryIO) -> int | None:
    """Return where ``file`` stands, None where it cannot say."""
    try:
        return file.tell()
    except (AttributeError, OSError, ValueError):
        return None

"""Files behind URLs, open for reading in any place, or for writing as a whole."""

from __future__ import annotations

import errno
import io
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .remote import Url
from .remote_errors import remote_errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

READ_AHEAD = 1 << 22
"""Bytes that are fetched at once of a file that is read in order."""

SEARCH_AHEAD = 1 << 13
"""Bytes that are fetched beyond what is asked for, of a file of which only parts are read."""

TRIES, TRY_PAUSE = 3, 1.0
"""How often a part is asked for that does not come, and the seconds before the second time."""

LASTING = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTSUP})
"""Errors after which nothing is asked for again."""

CHANGES = (
    *("size", "ETag", "etag", "Content-MD5", "md5Hash", "generation", "Last-Modified"),
    *("LastModified", "last_modified", "mtime", "modified", "updated", "created"),
)
"""What a store may say of a file that differs once it was written anew."""


def open_remote(url: Url, *, searched: bool = False) -> RemoteReader:
    """Open a file for reading; ``searched`` says that only parts of it will be read.

    Raises:
        OSError: it is not there, is a folder, or cannot be read.
    """
    info = url.info()
    if info.get("type") == "directory":
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(url))
    system, path = url.opened
    with remote_errors(url.text):
        size = SEARCH_AHEAD if searched else READ_AHEAD
        file = system.open(path, "rb", block_size=size)
    return RemoteReader(url, file, info)


def create_remote(url: Url) -> RemoteWriter:
    """Open a file for writing; what is there is replaced when that is closed.

    Raises:
        OSError: it cannot be written.
    """
    if url.is_read_only:
        raise OSError(errno.EROFS, "no file can be written there", str(url))
    return RemoteWriter(url)


class RemoteReader(io.RawIOBase):
    """A file behind a URL, open for reading; it can be searched if its size is known."""

    def __init__(self, url: Url, file: Any, info: dict[str, Any]) -> None:
        super().__init__()
        self.url = url
        self.size: int | None = info.get("size")
        self._file = file
        self._then = _state(info)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether its size is known."""
        return self.size is not None

    def tell(self) -> int:
        """Return the position."""
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Change the position, and return the new one; nothing is read."""
        if not self.seekable():
            raise io.UnsupportedOperation("the server does not say how large it is")
        with remote_errors(self.url.text):
            return int(self._file.seek(offset, whence))

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, none at the end.

        What does not come is asked for again, of a file that can be searched.
        """
        left = TRIES if self.seekable() else 1
        while True:
            try:
                with remote_errors(self.url.text):
                    return bytes(self._file.read(size))
            except OSError as error:
                left -= 1
                if not left or error.errno in LASTING:
                    raise
                time.sleep(TRY_PAUSE * (TRIES - left) ** 2)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into ``buffer``; 0 at the end."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    @property
    def changed(self) -> bool:
        """Whether the file was written anew, or deleted, since it was opened."""
        try:
            return _state(self.url.info()) != self._then
        except FileNotFoundError:
            return True

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            with remote_errors(self.url.text):
                self._file.close()
        super().close()


class RemoteWriter(io.RawIOBase):
    """A file behind a URL, open for writing; it appears when it is closed, and not before.

    That is so where the store can do it, as object stores can. Elsewhere a part of it may be seen
    until then; :meth:`discard` deletes that.
    """

    def __init__(self, url: Url) -> None:
        super().__init__()
        self._url = url
        self._system, self._path = url.opened
        there = url.exists()
        with remote_errors(url.text):
            # "autocommit" is how a file of a transaction is opened. This one belongs to none.
            self._file = self._system.open(self._path, "wb", autocommit=False)
            with suppress(ValueError):
                self._system.transaction.files.remove(self._file)
        self._seen_early = not there and url.exists()
        self._size = 0
        self._process = os.getpid()

    def writable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._size

    def write(self, data: ReadableBuffer, /) -> int:
        """Take all of ``data``."""
        view = memoryview(data).cast("B")
        with remote_errors(self._url.text):
            self._file.write(bytes(view))
        self._size += len(view)
        return len(view)

    def close(self) -> None:
        """Complete the file, and check that the store has all of it.

        Raises:
            OSError: it could not be written; nothing is there then, or what was there before.
        """
        if self.closed:
            return
        if os.getpid() != self._process:  # a forked child: the parent completes it
            super().close()
            return
        try:
            with remote_errors(self._url.text):
                self._file.close()
                if hasattr(self._file, "commit"):
                    self._file.commit()
        except BaseException:
            self.discard()
            raise
        super().close()
        found = self._url.info().get("size")
        if found != self._size:
            with suppress(OSError):
                self._url.remove()
            message = f"{found} bytes arrived of {self._size}"
            raise OSError(errno.EIO, message, str(self._url))

    def discard(self) -> None:
        """Give the file up; the store keeps nothing of it."""
        if self.closed:
            return
        super().close()
        with suppress(Exception):  # the error that led here says more
            if hasattr(self._file, "discard"):
                self._file.discard()
        if self._seen_early:
            with suppress(Exception):
                self._system.rm_file(self._path)


def _state(info: dict[str, Any]) -> dict[str, Any]:
    return {key: info[key] for key in CHANGES if key in info}

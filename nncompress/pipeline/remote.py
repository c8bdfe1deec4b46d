"""Files that a URL names, through fsspec: what they are, reading them anywhere, writing them whole.

fsspec is imported when the first URL is used. Settings such as an endpoint come from its own
configuration and from that of each store's package; passwords in a URL are never shown.
"""

from __future__ import annotations

import errno
import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nncompress.errors import FileError, MissingLibraryError, NNCompressError

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

READ_ONLY = frozenset({"http", "https", "zip", "tar", "libarchive", "github", "git", "data"})
"""Protocols by which fsspec writes no files, or not in place."""

CHANGES = (
    *("size", "ETag", "etag", "Content-MD5", "md5Hash", "generation", "Last-Modified"),
    *("LastModified", "last_modified", "mtime", "modified", "updated", "created"),
)
"""What a store may say of a file that differs once it was written anew."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+(://|::.*://)", re.DOTALL)
_SECRETS = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"(\bhttps?://[^\s?'\"]*)\?[^\s'\"]*")


def hide_secrets(text: str) -> str:
    """Return ``text`` without the users, passwords and signatures that URLs in it carry."""
    return _QUERY.sub(r"\1?...", _SECRETS.sub("", text))


@dataclass(frozen=True, repr=False)
class Url:
    """A file or folder behind a URL; as text without what must not be shown.

    Its methods raise OSError as those of a path do, MissingLibraryError, and FileError for a URL
    that cannot be understood.
    """

    text: str

    def __str__(self) -> str:
        return hide_secrets(self.text)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    @cached_property
    def opened(self) -> tuple[Any, str]:
        """The file system, and what the file is called in it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise MissingLibraryError(
                f"{self}: URLs need fsspec, which is missing: pip install 'nncompress[remote]'"
            ) from None
        try:
            system, path = url_to_fs(self.text)
        except ImportError as error:
            raise MissingLibraryError(
                f"{self}: a package that this protocol needs is not installed: {error}"
            ) from None
        except NNCompressError:
            raise
        except Exception as error:
            text = _as_os_error(error, self).strerror
            raise FileError(f"{self}: {text}", str(self)) from None
        return system, path

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        """What stands before the path of the file, the path, and what follows it."""
        links = self.text.split("::")
        number = next(n for n, link in enumerate(links) if "://" in link)
        protocol, _, path = links[number].partition("://")
        before = "".join(f"{link}::" for link in links[:number]) + protocol + "://"
        after = "".join(f"::{link}" for link in links[number + 1 :])
        if protocol in ("http", "https"):
            path, _, query = path.partition("?")
            after = (f"?{query}" if query else "") + after
        return before, path, after

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self._parts[1].rstrip("/").rpartition("/")[2]

    def with_name(self, name: str) -> Url:
        """Return the URL of another file in the same folder."""
        before, path, after = self._parts
        folder, slash, _ = path.rstrip("/").rpartition("/")
        return Url(f"{before}{folder}{slash}{name}{after}")

    def __truediv__(self, name: str) -> Url:
        before, path, after = self._parts
        return Url(f"{before}{path.rstrip('/')}/{name}{after}")

    @property
    def is_read_only(self) -> bool:
        """Whether no file can be written there, as far as is known."""
        return bool(READ_ONLY & _protocols(self.opened[0]))

    def info(self) -> dict[str, Any]:
        """Ask what the store knows of it; nothing that was answered before counts."""
        system, path = self.opened
        with remote_errors(self):
            system.invalidate_cache()
            return dict(system.info(path))

    def exists(self) -> bool:
        """Return whether a file or a folder is there."""
        try:
            self.info()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Return whether it is a folder, as it is if it ends in a slash.

        By HTTP everything can be read as a file, so there nothing else is one.
        """
        system, path = self.opened
        if self._parts[1].endswith("/"):
            return True
        if {"http", "https"} & _protocols(system):
            return False
        with remote_errors(self):
            return bool(system.isdir(path))

    def find(self) -> Iterator[Url]:
        """Yield the files in a folder and in those below it, in the order of their names."""
        system, path = self.opened
        before, own, after = self._parts
        folder = path.rstrip("/")
        with remote_errors(self):
            system.invalidate_cache()
            found = sorted(system.find(path))
        for each in found:
            inner = each.removeprefix(folder)
            # Some stores list a folder as if it were a file in itself.
            if (inner.startswith("/") or not folder) and not inner.endswith("/"):
                yield Url(f"{before}{own.rstrip('/')}{inner}{after}")

    def open(self, *, searched: bool = False) -> RemoteReader:
        """Open it for reading; ``searched`` says that only parts of it will be read."""
        info = self.info()
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self))
        system, path = self.opened
        with remote_errors(self):
            size = SEARCH_AHEAD if searched else READ_AHEAD
            file = system.open(path, "rb", block_size=size)
        return RemoteReader(self, file, info)

    def create(self) -> RemoteWriter:
        """Open it for writing; what is there is replaced when that is closed."""
        if self.is_read_only:
            raise OSError(errno.EROFS, "no file can be written there", str(self))
        return RemoteWriter(self)

    def remove(self) -> None:
        """Delete the file."""
        system, path = self.opened
        with remote_errors(self):
            if self.is_read_only:
                raise OSError(errno.EROFS, "no file can be deleted there")
            system.rm_file(path)


Place = Path | Url
"""Where a file is: on a disk, or behind a URL."""


def is_url(name: object) -> bool:
    """Return whether ``name`` is text that stands for a URL; a file that has this name is none.

    ``./a://b`` always stands for a file, and so does a :class:`pathlib.Path`.
    """
    return isinstance(name, str) and bool(_URL.match(name)) and not os.path.lexists(name)


def place_of(name: str) -> Place:
    """Return the place that ``name`` stands for; file:// stands for a path.

    Raises:
        MissingLibraryError: fsspec, or what it needs for this protocol, is not installed.
        FileError: fsspec does not know the protocol, or cannot understand the URL.
    """
    if not is_url(name):
        return Path(name)
    url = Url(name)
    system, path = url.opened
    return Path(unquote(path)) if "file" in _protocols(system) else url


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
        with remote_errors(self.url):
            return int(self._file.seek(offset, whence))

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, none at the end.

        What does not come is asked for again, of a file that can be searched.
        """
        left = TRIES if self.seekable() else 1
        while True:
            try:
                with remote_errors(self.url):
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
            with remote_errors(self.url):
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
        with remote_errors(url):
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
        with remote_errors(self._url):
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
            with remote_errors(self._url):
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


@contextmanager
def remote_errors(url: Url) -> Iterator[None]:
    """Turn what packages of stores raise into OSErrors that name the URL, on one line."""
    try:
        yield
    except (NNCompressError, io.UnsupportedOperation, MemoryError):
        raise
    except Exception as error:
        raise _as_os_error(error, url) from None


def _as_os_error(error: Exception, url: Url) -> OSError:
    text = getattr(error, "strerror", None) or str(error)
    cause = error.__cause__
    if isinstance(error, FileNotFoundError):
        # HTTP raises it for everything; the cause tells whether there is really no such file.
        if getattr(cause, "status", 404) == 404 and not isinstance(cause, OSError):
            missing = "" if text in url.text else _one_line(text)
            return FileNotFoundError(errno.ENOENT, missing or os.strerror(errno.ENOENT), str(url))
        text = str(cause)
    number = getattr(error, "errno", None) or errno.EIO
    if number == errno.EPIPE:  # which would pass for standard output, closed by its reader
        number = errno.EIO
    if getattr(error, "status", None) in range(400, 408):  # HTTP's word for what will not change
        number = errno.EACCES
    if isinstance(error, ValueError) and "range requests" in text:
        number, text = errno.ENOTSUP, "the server does not send parts of files; copy it first"
    return OSError(number, _one_line(text) or type(error).__name__, str(url))


def _one_line(text: str) -> str:
    return hide_secrets(" ".join(text.split()))


def _protocols(system: Any) -> set[str]:
    found = system.protocol
    return {found} if isinstance(found, str) else set(found)


def _state(info: dict[str, Any]) -> dict[str, Any]:
    return {key: info[key] for key in CHANGES if key in info}

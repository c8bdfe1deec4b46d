"""Places that URLs name, through fsspec: which names are URLs, and what a store says of them.

fsspec is imported when the first URL is used. Settings such as an endpoint come from its own
configuration and from that of each store's package; passwords in a URL are never shown.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nncompress.errors import FileError, MissingLibraryError, NNCompressError

from .remote_errors import as_os_error, hide_secrets, remote_errors

READ_ONLY = frozenset({"http", "https", "zip", "tar", "libarchive", "github", "git", "data"})
"""Protocols by which fsspec writes no files, or not in place."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+(://|::.*://)", re.DOTALL)


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
            text = as_os_error(error, self.text).strerror
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

    def info(self, *, fresh: bool = True) -> dict[str, Any]:
        """Ask what the store knows of it; if ``fresh``, nothing that was answered before counts."""
        system, path = self.opened
        with remote_errors(self.text):
            if fresh:
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
        with remote_errors(self.text):
            return bool(system.isdir(path))

    def find(self) -> Iterator[Url]:
        """Yield the files in a folder and in those below it, in the order of their names."""
        system, path = self.opened
        before, own, after = self._parts
        folder = path.rstrip("/")
        with remote_errors(self.text):
            system.invalidate_cache()
            found = sorted(system.find(path))
        for each in found:
            inner = each.removeprefix(folder)
            # Some stores list a folder as if it were a file in itself.
            if (inner.startswith("/") or not folder) and not inner.endswith("/"):
                yield Url(f"{before}{own.rstrip('/')}{inner}{after}")

    def remove(self) -> None:
        """Delete the file."""
        system, path = self.opened
        with remote_errors(self.text):
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
    if "file" not in _protocols(system):
        return url
    from urllib.parse import unquote

    return Path(unquote(path))


def _protocols(system: Any) -> set[str]:
    found = system.protocol
    return {found} if isinstance(found, str) else set(found)

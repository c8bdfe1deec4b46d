"""Sources and results behind URLs, for the commands.

A result is made in a local temporary file, where it can be verified and read back, and is sent when
it is complete: coding may take hours, for which no store keeps an upload open.
"""

from __future__ import annotations

import os
import re
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from nncompress.errors import FileError
from nncompress.pipeline.remote import Place, Url
from nncompress.pipeline.remote_files import RemoteReader, create_remote, open_remote
from nncompress.pipeline.stream import READ_SIZE

from .output import OutputFile, os_failure


class RemoteSource:
    """An open source behind a URL; its errors name it."""

    attributes = None

    def __init__(self, path: Url, file: RemoteReader) -> None:
        self.path = path
        self.file = file
        self._read = 0

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end; FileError if they cannot be read.

        A file that was written anew meanwhile, or that ends too early, is an error at the end.
        """
        try:
            data = self.file.read(size)
            self._read += len(data)
            if not data:
                self._check_end()
            return data
        except OSError as error:
            raise os_failure(self.path, error) from None

    def _check_end(self) -> None:
        size = self.file.size
        if size is not None and self._read != size:
            text = f"{self.path}: ended after {self._read} of {size} bytes"
            raise FileError(text, str(self.path))
        self.refuse_changed()

    @property
    def url(self) -> str | None:
        """Where any part of it can be read; None where it comes as a whole only."""
        one_file = "::" not in self.path.text
        return self.path.text if one_file and self.file.seekable() else None

    @property
    def size(self) -> int:
        """Bytes that are still to be read; 0 where nobody knows."""
        return max(0, (self.file.size or 0) - self.file.tell())

    def is_at(self, target: Place) -> bool:
        """Return whether it is the file that ``target`` names."""
        return target == self.path

    def refuse_changed(self) -> None:
        """Raise FileError if it was written to, or replaced, since it was opened."""
        if self.file.changed:
            raise FileError(f"{self.path}: changed while it was read", str(self.path))

    def remove(self) -> None:
        """Delete it, whose result is complete and verified; not if it has changed."""
        try:
            self.refuse_changed()
            self.path.remove()
        except OSError as error:
            raise os_failure(self.path, error) from None


class RemoteOutput:
    """A result that appears behind its URL only at :meth:`commit`, complete.

    Nothing that exists there is replaced without ``force``; where a file appears while the result
    is sent, nobody notices.

    Args:
        path: the URL.
        force: whether to replace a file that exists.
        sparse: whether the local file may have holes.
        read_back: whether to compare what the store has with what was sent.

    Attributes:
        path: the URL.
        is_new_file: True.

    Raises:
        FileError: a file exists and is not to be replaced, or it cannot be written; the methods
            raise it too.
    """

    is_new_file = True

    def __init__(
        self, path: Url, *, force: bool = False, sparse: bool = False, read_back: bool = False
    ) -> None:
        self.path = path
        self._force = force
        self._read_back = read_back
        try:
            if path.is_read_only:
                text = f"{path}: no file can be written there; use -o or -c for the result"
                raise FileError(text, str(path))
            self._refuse_existing()
        except OSError as error:
            raise os_failure(path, error) from None
        self._local = OutputFile(_local_name(path), force=True, sparse=sparse, direct=False)

    def _refuse_existing(self) -> None:
        if not self._force and self.path.exists():
            raise FileError(f"{self.path}: already exists; use -f to replace it", str(self.path))

    @property
    def data_path(self) -> Path | None:
        """Return the local file with the bytes before :meth:`commit`."""
        return self._local.data_path

    def write(self, data: bytes) -> None:
        """Write all of ``data``."""
        self._local.write(data)

    def flush(self) -> None:
        """Pass on what is buffered."""
        self._local.flush()

    def sync(self, like: os.stat_result | None = None) -> None:
        """Complete the bytes of the local file, which stays the user's own."""
        if self._local.data_path is not None:
            self._local.sync(self._local.data_path.stat())

    def commit(self) -> None:
        """Send the file, and check what has arrived.

        Raises:
            FileError: it did not; the message says where the local file is kept.
        """
        try:
            try:
                self._refuse_existing()
                self._send()
            except OSError as error:
                raise os_failure(self.path, error) from None
        except FileError as error:
            self._local.commit()
            kept = f"{error}; the complete result is kept as {self._local.path}"
            raise FileError(kept, str(self.path)) from None

    def _send(self) -> None:
        path = self._local.data_path
        assert path is not None
        with path.open("rb") as file, create_remote(self.path) as remote:
            try:
                while data := file.read(READ_SIZE):
                    remote.write(data)
            except BaseException:
                remote.discard()
                raise
        if self._read_back and not self._is_stored(path):
            with suppress(OSError):
                self.path.remove()
            text = f"{self.path}: what was stored there is not what was sent"
            raise FileError(text, str(self.path))

    def _is_stored(self, path: Path) -> bool:
        with path.open("rb") as file, open_remote(self.path) as remote:
            while data := file.read(READ_SIZE):
                found = b""
                while len(found) < len(data) and (piece := remote.read(len(data) - len(found))):
                    found += piece
                if found != data:
                    return False
            return not remote.read(1)

    def __enter__(self) -> RemoteOutput:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._local.__exit__(kind, error, trace)


Output = OutputFile | RemoteOutput
"""A result, complete when it appears."""


def open_output(
    place: Place, *, force: bool, sparse: bool, direct: bool = False, read_back: bool = False
) -> Output:
    """Open a result that appears on a disk, or behind a URL; arguments as there."""
    if isinstance(place, Url):
        return RemoteOutput(place, force=force, sparse=sparse, read_back=read_back)
    return OutputFile(place, force=force, sparse=sparse, direct=direct)


def _local_name(path: Url) -> Path:
    """Return what to call the local file, the same for each result with this URL."""
    name = re.sub(r"[^\w.-]", "_", path.name)[-100:]
    check = zlib.crc32(os.fsencode(path.text))
    return Path(tempfile.gettempdir(), f"nncompress-{check:08x}-{name}")

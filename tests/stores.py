"""A store of files for fsspec that counts what is read, and can fail as networks do."""

from __future__ import annotations

from typing import Any, ClassVar

import fsspec
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem


class CountingStore(AbstractFileSystem):
    """Files in memory, read by ranges and completed at commit, as object stores have them."""

    protocol = "counting"
    cachable = False
    files: ClassVar[dict[str, bytes]] = {}
    fetched = 0
    """Bytes that were read."""
    room: int | None = None
    """Bytes that a file may have before writing fails; None for any number."""
    gaps: ClassVar[int] = 0
    """How many of the next parts that are asked for do not come."""
    cuts = False
    """Whether the last byte of what is sent gets lost."""
    spoils = False
    """Whether what is stored differs from what was sent."""

    @classmethod
    def reset(cls) -> None:
        cls.files, cls.fetched, cls.room, cls.gaps = {}, 0, None, 0
        cls.cuts = cls.spoils = False

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path in self.files:
            data = self.files[path]
            return {"name": path, "size": len(data), "type": "file", "ETag": hash(data)}
        if any(name.startswith(f"{path}/") for name in self.files):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        path = self._strip_protocol(path).rstrip("/")
        below = [name for name in self.files if name.startswith(f"{path}/")]
        names = {"/".join(name.split("/")[: path.count("/") + 2]) for name in below}
        return [self.info(name) if detail else name for name in sorted(names)]

    def rm_file(self, path: str) -> None:
        del self.files[self._strip_protocol(path)]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> AbstractBufferedFile:
        return _StoredFile(self, path, mode, **options)


class _StoredFile(AbstractBufferedFile):
    fs: CountingStore

    def _fetch_range(self, start: int, end: int) -> bytes:
        if CountingStore.gaps:
            CountingStore.gaps -= 1
            raise TimeoutError("no answer")
        data = self.fs.files[self.path][start:end]
        CountingStore.fetched += len(data)
        return data

    def _initiate_upload(self) -> None:
        self.parts = b""

    def _upload_chunk(self, final: bool = False) -> None:
        self.parts += self.buffer.getvalue()
        if self.fs.room is not None and len(self.parts) > self.fs.room:
            raise ConnectionError("the network is\ngone")
        if final and self.autocommit:
            self.commit()

    def commit(self) -> None:
        if self.fs.spoils:
            self.parts = bytes([self.parts[0] ^ 1]) + self.parts[1:]
        self.fs.files[self.path] = self.parts[:-1] if self.fs.cuts else self.parts

    def discard(self) -> None:
        self.parts = b""


fsspec.register_implementation("counting", CountingStore, clobber=True)

"""Recognise enwik8 and enwik9, whole or in part, and split enwik8 as language models do.

Both files are described at http://mattmahoney.net/dc/textdata.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nncompress.errors import FileError
from nncompress.files.output import os_failure
from nncompress.pipeline.remote import Place, Url
from nncompress.pipeline.remote_files import open_remote

from .baselines import load

PIECE_SIZE = 1 << 20
"""Bytes that are read at once."""

SPLIT = {
    "train": (0, 90_000_000),
    "valid": (90_000_000, 95_000_000),
    "test": (95_000_000, 100_000_000),
}
"""Parts of enwik8: first byte and one past the last. The paper reports the test part."""

WHERE_TO_GET = (
    "get http://mattmahoney.net/dc/enwik8.zip (36 MB), unpack it, and give the file's path"
)


@dataclass(frozen=True)
class Recognised:
    """Hold what a file was found to be.

    Attributes:
        corpus: "enwik8" or "enwik9" if the file is all of it, else None.
        prefix: how many of its first bytes are known to be enwik8's first bytes, 0 if none.
        exact: whether those are the whole file.
    """

    corpus: str | None = None
    prefix: int = 0
    exact: bool = False

    def describe(self) -> str | None:
        """Return one line for people; None for an unknown file."""
        if self.corpus:
            return f"{self.corpus}, SHA-1 checked"
        if not self.prefix:
            return None
        known = f"the first {self.prefix:,} bytes of enwik8 (SHA-1 checked)"
        part = f"{known}, not enwik8" if self.exact else f"begins with {known}, but is not enwik8"
        return f"{part}: figures for the whole of it do not apply"


def recognise(path: Path) -> Recognised:
    """Find out whether a file is enwik8 or enwik9, or begins like them.

    It is read whole only if its size is that of one of them.

    Raises:
        FileError: it cannot be read.
    """
    size = _size(path)
    for name, facts in load()["corpora"].items():
        if size == facts["size"] and sha1(path, size) == facts["sha1"]:
            return Recognised(name, prefix=size, exact=True)
    prefixes = {int(length): digest for length, digest in load()["enwik8_prefix_sha1"].items()}
    for length in sorted((length for length in prefixes if length <= size), reverse=True):
        if sha1(path, length) == prefixes[length]:
            return Recognised(prefix=length, exact=length == size)
    return Recognised()


def require_enwik8(path: Path) -> None:
    """Check that a file is enwik8.

    Raises:
        FileError: it is not; the message says where to get it.
    """
    if recognise(path).corpus == "enwik8":
        return
    facts = load()["corpora"]["enwik8"]
    size = _size(path)
    wrong = (
        f"it has {size:,} bytes, not {facts['size']:,}"
        if size != facts["size"]
        else "its SHA-1 differs"
    )
    raise FileError(f"{path}: this is not enwik8 ({wrong}); {WHERE_TO_GET}", str(path))


def read_range(path: Place, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes start..stop-1 of a file in pieces, as far as it has them.

    Raises:
        FileError: they cannot be read.
    """
    try:
        with open_remote(path) if isinstance(path, Url) else path.open("rb") as file:
            if start:
                file.seek(start)
            while start < stop and (piece := file.read(min(PIECE_SIZE, stop - start))):
                start += len(piece)
                yield piece
    except OSError as error:
        raise os_failure(path, error) from None


def sha1(path: Path, length: int) -> str:
    """Return the SHA-1, in hexadecimal digits, of the first ``length`` bytes of a file."""
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in read_range(path, 0, length):
        digest.update(piece)
    return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise os_failure(path, error) from None

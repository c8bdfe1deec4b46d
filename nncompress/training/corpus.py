"""Find and read corpora for training: categories of documents, held-out documents apart.

A corpus is a file, a folder of files, or an ``.xz`` shard: NUL-separated documents, or a tar of
files, each of which is a document and may hold NUL. A shard ``code-03.xz`` belongs to the category
``code``; a file in a folder to the folder's name; a file named alone to its own stem.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from nncompress.errors import NNCompressError

from .tar import TAR_BLOCK, TarError, is_tar, read_members

DOCUMENT = 1 << 20
"""A document of more bytes is read as several of this many."""

Sources = Mapping[str, list[Path]]
"""The files of each category."""

_CHUNK = 1 << 18
_SHARD = re.compile(r"(.+?)-\d+\.xz\Z")


class CorpusError(NNCompressError):
    """A corpus cannot be read, or holds nothing to train on."""


def find_sources(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """List the files of each category, by name.

    Args:
        paths: files, folders or shards. Of a folder that holds shards all other files are left out,
            which describe them; of any folder ``manifest.json`` is.

    Raises:
        CorpusError: a path does not exist, or a folder holds no files.
    """
    sources: dict[str, list[Path]] = {}
    for path in paths:
        if path.is_dir():
            files = _files_in(path)
            if not files:
                raise CorpusError(f"{path}: the folder holds no files")
        elif path.is_file():
            files = [path]
        else:
            raise CorpusError(f"{path}: no such file or folder")
        for file in files:
            shard = _SHARD.match(file.name)
            name = shard[1] if shard else (file.parent.name if path.is_dir() else file.stem)
            sources.setdefault(name, []).append(file)
    return {name: sorted(set(files)) for name, files in sorted(sources.items())}


def _files_in(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    with_shards = {path.parent for path in found if _SHARD.match(path.name)}
    return [
        path
        for path in found
        if path.name != "manifest.json"
        and (path.parent not in with_shards or _SHARD.match(path.name))
    ]


def read_documents(path: Path, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the documents of one file in order, empty ones left out, decoding as it goes.

    A shard is a tar if it begins like one.

    Args:
        path: the file.
        start: of a file that is no shard, the first byte to read.
        stop: the first byte not to read; None for the end of the file.

    Raises:
        CorpusError: the file cannot be read, or is damaged.
    """
    with _opened(path) as file:
        if not is_shard(path):
            file.seek(start)
            yield from _pieces(file, None if stop is None else stop - start)
            return
        tar = is_tar(file.read(TAR_BLOCK))
        file.seek(0)
        yield from read_members(file, DOCUMENT) if tar else _separated(file)


def is_shard(path: Path) -> bool:
    """Say whether a file holds documents packed by xz, and not one document as it is."""
    return path.suffix == ".xz"


def _pieces(file: BinaryIO, left: int | None) -> Iterator[bytes]:
    """Yield what a file still holds, ``left`` bytes at most, as documents."""
    while piece := file.read(DOCUMENT if left is None else min(DOCUMENT, left)):
        yield piece
        left = None if left is None else left - len(piece)


def _separated(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        for document in whole:
            yield from cut(document, DOCUMENT)
        while len(rest) >= DOCUMENT:
            yield rest[:DOCUMENT]
            rest = rest[DOCUMENT:]
    yield from cut(rest, DOCUMENT)


def cut(document: bytes, size: int) -> Iterator[bytes]:
    """Yield a document in pieces of ``size`` bytes, the last one shorter; of an empty one, none."""
    for start in range(0, len(document), size):
        yield document[start : start + size]


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked if it is a shard; whatever is wrong with it is a CorpusError."""
    try:
        with lzma.open(path) if is_shard(path) else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (lzma.LZMAError, EOFError) as error:
        raise CorpusError(f"{path}: damaged xz file ({error})") from None
    except TarError as error:
        raise CorpusError(f"{path}: {error}") from None
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from None


def check_shares(sources: Sources, shares: Mapping[str, float]) -> dict[str, float]:
    """Return the share of every category to be read.

    Args:
        sources: what :func:`find_sources` returns.
        shares: on any positive scale; a category left out of a mapping is not read, and an empty
            mapping means each category's size on disk.

    Raises:
        CorpusError: there is no category, one is unknown, or a share is not a positive number.
    """
    unknown = sorted(set(shares) - set(sources))
    if unknown:
        raise CorpusError(f"no category {unknown[0]!r} in the corpus; it has {', '.join(sources)}")
    if not sources:
        raise CorpusError("no corpus given")
    if not shares:
        return sizes_on_disk(sources)
    if any(not 0 < share < float("inf") for share in shares.values()):
        raise CorpusError("weights must be positive numbers")
    return {name: float(shares[name]) for name in sources if name in shares}


def sizes_on_disk(sources: Sources) -> dict[str, float]:
    """Return the bytes that the files of each category have, at least 1."""
    return {
        name: float(max(1, sum(path.stat().st_size for path in paths)))
        for name, paths in sources.items()
    }

"""Read the files in an unpacked tar one after the other, in pieces, without knowing its end.

Only what GNU tar and POSIX ``ustar`` or ``pax`` archives hold is read; names play no part. Python's
``tarfile`` keeps extended headers of any length in memory and fills sparse files with zeros, which
a corpus from elsewhere could use against its reader.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from nncompress.errors import NNCompressError

TAR_BLOCK = tarfile.BLOCKSIZE
"""Bytes of a header; contents are filled up to a multiple of it."""

_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_ONLY_HEADERS = (
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
)
_EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class TarError(NNCompressError):
    """A tar is damaged, or holds what is not read here."""


def is_tar(beginning: bytes) -> bool:
    """Say whether data begins with the header of a tar: its checksum is right.

    Args:
        beginning: the first :data:`TAR_BLOCK` bytes, or all if there are fewer.
    """
    try:
        _parse(beginning)
    except TarError:
        return False
    return beginning[257:262] == b"ustar"


def read_members(file: BinaryIO, most: int) -> Iterator[bytes]:
    """Yield the contents of the files in a tar, in order, empty ones left out.

    Args:
        file: the unpacked tar, at its beginning.
        most: bytes in a piece; a longer file is several. No more is in memory.

    Raises:
        TarError: it is damaged or has no end, or holds sparse files or unknown kinds of members.
    """
    while header := _header(file):
        if header.type in _ONLY_HEADERS:
            continue
        if header.type not in (*_FILES, *_EXTENSIONS):
            raise TarError(f"the tar has a member of unknown kind {header.type!r}")
        for piece in _pieces(file, header.size, most):
            if header.type in _FILES:
                yield piece
        for _ in _pieces(file, -header.size % TAR_BLOCK, TAR_BLOCK):
            pass


def _header(file: BinaryIO) -> tarfile.TarInfo | None:
    """Read the next header; None at the blocks of zeros that end a tar."""
    block = file.read(TAR_BLOCK)
    return _parse(block) if any(block) or len(block) < TAR_BLOCK else None


def _parse(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise TarError(f"damaged tar ({error})") from None
    if header.size < 0:
        raise TarError("damaged tar (a size is negative)")
    return header


def _pieces(file: BinaryIO, size: int, most: int) -> Iterator[bytes]:
    """Yield the next ``size`` bytes, ``most`` at a time."""
    while size:
        piece = file.read(min(size, most))
        if not piece:
            raise TarError("damaged tar (it ends within a member)")
        size -= len(piece)
        yield piece

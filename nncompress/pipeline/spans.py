"""Literals that a worker reads itself, from the URL that a file has, in place of being sent them.

What it reads must have the digest of what this process read: otherwise, and where a worker cannot
read the URL at all, it says so, and is sent the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from nncompress.archive.writer import RawBlock
from nncompress.errors import NNCompressError

from .remote import Url
from .remote_errors import remote_errors

SPAN_DIGEST = 16


class NeedsLiterals(Exception):
    """A worker could not read a block's literals."""


@dataclass(frozen=True)
class Span:
    """Where the literals of a block are.

    Attributes:
        url: of the file.
        start: the block's first byte in it.
        size: bytes of the block, its copies included.
        places: literals before each copy.
        lengths: bytes of each copy.
        digest: BLAKE2b of the literals.
    """

    url: str
    start: int
    size: int
    places: Sequence[int]
    lengths: Sequence[int]
    digest: bytes

    @classmethod
    def of(cls, url: str, start: int, block: RawBlock) -> Span:
        """Return where a block is that was read from byte ``start`` on."""
        copies, digest = block.copies, _digest(block.literals)
        return cls(url, start, len(block.raw), copies.places, copies.lengths, digest)

    def read(self) -> bytes:
        """Read the literals.

        Raises:
            NeedsLiterals: they cannot be read, or are others.
        """
        try:
            system, path = Url(self.url).opened
            with remote_errors(self.url):
                raw = bytes(system.cat_file(path, start=self.start, end=self.start + self.size))
        except (OSError, NNCompressError) as error:
            raise NeedsLiterals(" ".join(str(error).split())) from None
        literals = self._without_copies(raw)
        if len(raw) != self.size or _digest(literals) != self.digest:
            raise NeedsLiterals("other bytes are there")
        return literals

    def _without_copies(self, raw: bytes) -> bytes:
        pieces, at, done = [], 0, 0
        for place, length in zip(self.places, self.lengths, strict=True):
            pieces.append(raw[at : at + place - done])
            at, done = at + place - done + length, place
        return b"".join([*pieces, raw[at:]])


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=SPAN_DIGEST).digest()

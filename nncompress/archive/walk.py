"""Follow an archive from header to header; no payload is read.

Blocks after a header that is wrong are not found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from nncompress.errors import (
    ArchiveError,
    DamagedArchiveError,
    LimitError,
    NotAnArchiveError,
    TruncatedArchiveError,
)

from .fields import Cursor, Incomplete
from .format import (
    MAX_BLOCKS,
    BlockHeader,
    Header,
    Method,
    check_literal_start,
    parse_block_header,
    parse_header,
)
from .index import INDEX_TAIL, IndexBuilder, IndexEntry, parse_index

Parsed = TypeVar("Parsed")

HEADER_ROOM = 128  # more than any header of a member and a block together


@dataclass(frozen=True)
class MemberBlocks:
    """A member's place in the file, and its blocks; whether a sound index has the same.

    ``is_model`` says that it carries a model.
    """

    position: int
    header: Header
    entries: tuple[IndexEntry, ...]
    indexed: bool = True
    is_model: bool = False


class MemberList:
    """Collects members, and stops before their blocks take too much memory."""

    def __init__(self) -> None:
        self.found: list[MemberBlocks] = []
        self.blocks = 0

    def add(self, member: MemberBlocks) -> None:
        """Take one more; raises LimitError where that is too much."""
        self.blocks += len(member.entries)
        if self.blocks > MAX_BLOCKS:
            raise LimitError(f"the archive has more than {MAX_BLOCKS} blocks", limit=MAX_BLOCKS)
        self.found.append(member)


def walk(
    file: BinaryIO, stop: int, end: int, used: int
) -> tuple[list[MemberBlocks], int, ArchiveError | None]:
    """Follow the headers from the start of the file until ``stop`` is reached or passed.

    ``end`` is that of the file, whose bytes from ``used`` on are zero. Returns the members, where
    the last of them ends, and the fault that ended the walk.
    """
    members = MemberList()
    position = 0
    fault: ArchiveError | None = None
    while position < stop and fault is None and not 0 < used <= position:
        try:
            member, position, fault = _walk_member(file, position, end)
        except NotAnArchiveError as error:
            error.offset = position
            return members.found, position, unexpected_data(position) if position else error
        except ArchiveError as error:
            error.offset = position
            return members.found, position, error
        members.add(member)
    return members.found, position, fault


def _walk_member(
    file: BinaryIO, start: int, end: int
) -> tuple[MemberBlocks, int, ArchiveError | None]:
    """Walk over one member: what was found, where it ends, and the fault that stopped the walk."""
    header, size = parse_at(file, start, end, 0, parse_header)
    position = start + size
    index = IndexBuilder(header)
    entries: list[IndexEntry] = []
    fault = None
    is_model = False
    try:
        offset, literals, last = 0, 0, False
        while not last:
            if len(entries) == MAX_BLOCKS:
                raise DamagedArchiveError("damaged archive: too many blocks")
            block, size = parse_block_at(file, position, end, header, offset)
            check_literal_start(block, literals)
            size += block.payload_size
            if position + size > end:
                raise cut_off(offset)
            index.add(size, block)
            entries.append(IndexEntry(size, block.raw_size, block.crc, block.literal_size))
            position += size
            offset += block.raw_size
            literals += block.literal_size
            last = block.last
            is_model = block.method is Method.MODEL
        if len(entries) > 1:
            position += _check_index(file, position, end, index.start())
    except ArchiveError as error:
        error.offset = position
        fault = error
    member = MemberBlocks(start, header, tuple(entries), fault is None, is_model)
    return member, position, fault


def _check_index(file: BinaryIO, position: int, end: int, start: bytes) -> int:
    """Compare the index at ``position`` with ``start``, how it must begin; returns its size."""
    size = len(start) + INDEX_TAIL
    if position + size > end:
        raise TruncatedArchiveError("the archive is cut off: its index is missing")
    file.seek(position)
    found = file.read(size)
    if not found.startswith(start):
        raise DamagedArchiveError("damaged archive: the index does not fit the blocks")
    parse_index(found)
    return size


def unexpected_data(position: int) -> DamagedArchiveError:
    """Return the error for what follows a member, at ``position``, and is none."""
    return DamagedArchiveError(
        f"unexpected data after the end of the archive, at byte {position}", offset=position
    )


def cut_off(offset: int) -> TruncatedArchiveError:
    """Return the error for contents that end at ``offset``."""
    return TruncatedArchiveError(
        f"the archive is cut off: its contents after byte {offset} are missing"
    )


def parse_at(
    file: BinaryIO, position: int, end: int, offset: int, parse: Callable[[Cursor], Parsed]
) -> tuple[Parsed, int]:
    """Parse what stands at ``position``; returns its size too."""
    file.seek(position)
    cursor = Cursor(file.read(max(0, min(HEADER_ROOM, end - position))))
    try:
        return parse(cursor), cursor.position
    except Incomplete:
        raise cut_off(offset) from None


def parse_block_at(
    file: BinaryIO, position: int, end: int, header: Header, offset: int
) -> tuple[BlockHeader, int]:
    """Parse the block header at ``position``; returns its size too."""
    return parse_at(
        file, position, end, offset, lambda cursor: parse_block_header(cursor, header, offset)
    )

"""Where the blocks of an archive are: by its indexes, else by walking from header to header.

Nothing is decoded here, and no payload is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from nncompress.errors import ArchiveError, DamagedArchiveError, TruncatedArchiveError

from .codec import CodecSource, Decoded, check_block_memory
from .copies import NO_COPIES, Copies, parse_copies
from .embedded import keep_model, unpack_model
from .fields import pack_varint
from .format import (
    CRC_SIZE,
    MAX_BLOCK_SIZE,
    MODEL_ID_SIZE,
    NARROW_SIZE,
    SYNC,
    BlockHeader,
    Header,
    Method,
    can_stand_for,
    check_literal_start,
    most_raw_bytes,
    parse_header,
    shortest,
)
from .index import INDEX_TAIL, MAX_INDEX_SIZE, Index, IndexEntry, parse_index
from .reader import BlockRecord, decode_record
from .walk import MemberBlocks, MemberList, cut_off, parse_at, parse_block_at, walk

WINDOW = 1 << 20
"""Bytes of a file that are searched at a time."""


@dataclass(frozen=True)
class ModelPlace:
    """Where the model that ``header`` names stands in the archive: ``position`` of its block."""

    header: Header
    position: int
    size: int


@dataclass(frozen=True)
class BlockPlace:
    """A block's place: ``position`` in the archive, ``start`` in the whole contents; bytes.

    ``offset`` is its start in the contents of its member, ``size`` what its record takes in the
    archive without the member's header, ``crc`` is the CRC-32 of the raw bytes. ``literal_start``
    is the number of its first literal in the member, None if that is not known. ``indexed`` says
    whether a sound index has all this, or the member has no other block. ``models`` are the places
    of the models that the archive carries before its member, by identity.
    """

    member: int
    header: Header
    position: int
    size: int
    start: int
    offset: int
    raw_size: int
    crc: int
    literal_size: int
    literal_start: int | None
    indexed: bool = field(compare=False)
    models: Mapping[bytes, ModelPlace] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class ArchiveMap:
    """The blocks of an archive, in order.

    ``members`` counts its members. ``fault`` is None, or the error that ended the walk over an
    archive that is cut off or damaged: blocks up to there are listed, and those of members behind
    it that have an index. ``padding`` counts the zero bytes after the last member.
    """

    blocks: tuple[BlockPlace, ...]
    members: int
    archive_size: int
    fault: ArchiveError | None = None
    padding: int = 0

    @property
    def known(self) -> tuple[BlockPlace, ...]:
        """The blocks before the fault, whose place in the contents is certain; else all."""
        at = self.fault.offset if self.fault is not None else None
        return self.blocks if at is None else tuple(b for b in self.blocks if b.position < at)

    @property
    def raw_size(self) -> int:
        """Bytes of the contents, as declared by the headers."""
        return self.blocks[-1].start + self.blocks[-1].raw_size if self.blocks else 0


def read_map(file: BinaryIO) -> ArchiveMap:
    """Find all blocks of the seekable ``file``.

    Indexes are followed from the end of the file to its start; what they do not cover is walked.
    Where that walk does not end where the first indexed member begins, the indexes may be those of
    an archive inside a block, and headers are followed through the whole file.
    Raises LimitError when there are more than ``MAX_BLOCKS`` blocks, which would take too much
    memory; such an archive can still be read in order.
    """
    size = file.seek(0, os.SEEK_END)
    used = _without_zeros(file, size)
    indexed, end = _follow_indexes(file, size, used)
    start = indexed[0].position if indexed else size
    members, position, fault = walk(file, start, size, used)
    if fault is not None and fault.offset is not None and fault.offset < start:
        members += indexed
    elif indexed and (position != start or fault is not None):
        members, end, fault = walk(file, size, size, used)
    elif indexed and not all(_begins(file, member, size) for member in indexed):
        walked = walk(file, size, size, used)
        members, end, fault = walked if walked[2] is None else (members + indexed, end, None)
    else:
        members += indexed
        end = end if indexed else position
    if not members and fault is None:
        fault = TruncatedArchiveError("the input is empty, which is no archive", offset=0)
    padding = size - end if fault is None else 0
    return ArchiveMap(tuple(_places(members)), len(members), size, fault, padding)


def _without_zeros(file: BinaryIO, end: int) -> int:
    """Return where the zero bytes begin that the file ends with; ``end`` without any."""
    size = INDEX_TAIL  # most archives end in no zeros, so a few bytes tell
    while end:
        start = max(0, end - size)
        file.seek(start)
        if left := len(file.read(end - start).rstrip(b"\0")):
            return start + left
        end, size = start, WINDOW
    return 0


def _follow_indexes(file: BinaryIO, size: int, used: int) -> tuple[list[MemberBlocks], int]:
    """Return the members at the end of the file that have an index, and where the last one ends."""
    found = MemberList()
    ends = [size, *range(used, min(used + 4, size))]  # its own last bytes may be 0
    for last in ends:
        end = last
        while (member := _member_before(file, end)) is not None:
            found.add(member)
            end = member.position
        if found.found:
            return found.found[::-1], last
    return [], size


def _can_be(index: Index) -> bool:
    """Whether the sizes are those that a member of two blocks or more can have."""
    offset, count = 0, len(index.entries)
    for number, entry in enumerate(index.entries, 1):
        if not _record_can_be(entry, offset, last=number == count):
            return False
        offset += entry.raw_size
    return count > 1


def _record_can_be(entry: IndexEntry, offset: int, *, last: bool) -> bool:
    """Whether a block at ``offset`` can have these sizes."""
    if not (0 if last else 1) <= entry.raw_size <= MAX_BLOCK_SIZE:
        return False
    mark = len(SYNC) + len(pack_varint(offset)) if offset else 0
    left = entry.record_size - mark - 1 - CRC_SIZE - 1
    raw_size, long = entry.raw_size, left - 1 - len(pack_varint(entry.raw_size))
    if entry.literal_size != raw_size:
        return long > 0 and entry.literal_size <= most_raw_bytes(long)
    if _is_coded(long - MODEL_ID_SIZE, raw_size, pack_varint):  # names a model of its own
        return True
    if raw_size < NARROW_SIZE:
        left -= len(shortest(raw_size))
        return left == raw_size or _is_coded(left, raw_size, shortest)
    return long == raw_size or _is_coded(long, raw_size, pack_varint)


def _is_coded(left: int, raw_size: int, pack: Callable[[int], bytes]) -> bool:
    """Whether ``left`` bytes can be the size of a coded payload and a payload for so many bytes.

    ``pack`` gives the field of a size.
    """
    return any(
        can_stand_for(left - field, raw_size, Method.MIXING) and len(pack(left - field)) == field
        for field in range(1, 5)
        if left > field
    )


def _begins(file: BinaryIO, member: MemberBlocks, end: int) -> bool:
    """Whether the first block is where the member's index says, and as it says."""
    try:
        header, size = parse_at(file, member.position, end, 0, parse_header)
        block, head = parse_block_at(file, member.position + size, end, header, 0)
    except ArchiveError:
        return False
    first = IndexEntry(head + block.payload_size, block.raw_size, block.crc, block.literal_size)
    return header == member.header and first == member.entries[0] and not block.last


def _member_before(file: BinaryIO, end: int) -> MemberBlocks | None:
    """Return the member whose index ends at ``end``, or None where no sound index ends there."""
    if end < INDEX_TAIL:
        return None
    file.seek(end - 4)
    size = int.from_bytes(file.read(4), "little")
    if not INDEX_TAIL < size <= min(end, MAX_INDEX_SIZE):
        return None
    file.seek(end - size)
    try:
        index = parse_index(file.read(size))
    except ArchiveError:
        return None
    position = end - size - index.blocks_size
    if position < 0 or not _can_be(index):
        return None
    return MemberBlocks(position, index.header, index.entries)


def _places(members: list[MemberBlocks]) -> list[BlockPlace]:
    places = []
    start = 0
    models: dict[bytes, ModelPlace] = {}
    for number, member in enumerate(members):
        position = member.position + len(member.header.pack())
        offset = literals = 0
        if member.is_model and member.header.model_id is not None:
            place = ModelPlace(member.header, position, member.entries[0].record_size)
            models = keep_model(models, member.header.model_id, place)
        for size, raw_size, crc, literal_size in member.entries:
            block = BlockPlace(
                number,
                member.header,
                position,
                size,
                start,
                offset,
                raw_size,
                crc,
                literal_size,
                literals,
                member.indexed,
                models,
            )
            places.append(block)
            position += size
            start += raw_size
            offset += raw_size
            literals += literal_size
    return places


def read_block_header(file: BinaryIO, place: BlockPlace) -> BlockHeader:
    """Read and check the header of a block, against its place too."""
    return _read_place(file, place)[0]


def read_section(file: BinaryIO, place: BlockPlace, header: BlockHeader) -> Copies:
    """Read the copies of a block, which only the CRC-32 of its literals proves right.

    Raises DamagedArchiveError.
    """
    if header.literals is None:
        return NO_COPIES
    file.seek(place.position + place.size - header.payload_size)
    section = file.read(header.literals.section)
    if len(section) != header.literals.section:
        raise cut_off(place.offset)
    return parse_copies(section, header.literals, header.raw_size, place.header.window)


def read_literals(
    file: BinaryIO, place: BlockPlace, source: CodecSource, max_block: int | None = None
) -> tuple[BlockHeader, Decoded]:
    """Read and check one block, and decode its literals.

    Raises MemoryLimitError where raw bytes and payload take more than ``max_block`` bytes.
    """
    record = read_coded(file, place, max_block)
    return record.header, decode_record(source, record)


def read_coded(file: BinaryIO, place: BlockPlace, max_block: int | None = None) -> BlockRecord:
    """Read and check one block, which is not decoded; errors are those of :func:`read_literals`."""
    header, head = _read_place(file, place)
    check_block_memory(header, max_block)
    file.seek(place.position + head)
    payload = file.read(header.payload_size)
    if len(payload) != header.payload_size:
        error = cut_off(place.offset)
        error.offset = place.position
        raise error
    needed = header.needed_model(place.header)
    model = place.models.get(needed) if needed is not None else None
    embedded = partial(read_model, file, model) if model is not None else None
    first = place.literal_start or 0
    return BlockRecord(header, place.header, payload, place.position, place.size, first, embedded)


def read_model(file: BinaryIO, place: ModelPlace) -> bytes:
    """Read the file of a model that the archive carries; raises ArchiveError."""
    end = place.position + place.size
    block, head = parse_block_at(file, place.position, end, place.header, 0)
    file.seek(place.position + head)
    return unpack_model(file.read(block.payload_size), block.crc)


def _read_place(file: BinaryIO, place: BlockPlace) -> tuple[BlockHeader, int]:
    end = place.position + place.size
    block, head = parse_block_at(file, place.position, end, place.header, place.offset)
    found = head + block.payload_size, block.raw_size, block.crc, block.literal_size
    if found != (place.size, place.raw_size, place.crc, place.literal_size):
        raise DamagedArchiveError(
            f"damaged archive: index and header of the block at byte {place.offset} disagree",
            offset=place.position,
        )
    if place.literal_start is not None:
        check_literal_start(block, place.literal_start)
    return block, head

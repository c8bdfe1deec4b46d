"""Write and read what a payload begins with: lanes, profile, filter, and what these need."""

from __future__ import annotations

from dataclasses import dataclass

from nncompress.archive.format import Method
from nncompress.errors import DamagedArchiveError
from nncompress.transforms.filters import HEAD_SIZE, Transform, read_transform

from .predictors import find_profile
from .records import NO_RECORDS, Records

RECORDS_SIZE = 2
"""Bytes that tell the records, where the profile takes them: the period, then the step."""

STEP_SHIFT = 12

CODED_SIZE = 4
"""Bytes that tell how many bytes are modelled, where the filter changes that."""


@dataclass(frozen=True)
class Head:
    """What a decoder must know of a block, beside its size, before it reads the stream.

    Attributes:
        method: how it is coded; it stands in the block's header.
        lanes_bits: log2 of the number of lanes.
        profile: number of the mixer's profile, 0 where there is none.
        transform: the filter.
        records: the block's; where the profile takes none they are not written.
        coded_size: bytes that are modelled, where the filter does not keep the block's size; else
            0, and not written.
    """

    method: Method
    lanes_bits: int
    profile: int
    transform: Transform
    records: Records = NO_RECORDS
    coded_size: int = 0

    @property
    def bytes(self) -> bytes:
        """The payload's first bytes."""
        first = bytes([self.profile << 4 | self.lanes_bits, self.transform.byte])
        if not self.transform.keeps_size:
            first += self.coded_size.to_bytes(CODED_SIZE, "little")
        if not _has_records(self.method, self.profile):
            return first
        number = self.records.step << STEP_SHIFT | self.records.period
        return first + number.to_bytes(RECORDS_SIZE, "little")

    def modelled(self, size: int) -> int:
        """Return how many bytes are modelled of a block of ``size`` raw bytes."""
        return self.coded_size or size


def read_head(method: int, payload: bytes, size: int) -> tuple[Head, bytes]:
    """Return a payload's head, and the stream behind it.

    Args:
        method: of the block.
        payload: of the block.
        size: raw bytes of the block.

    Raises:
        DamagedArchiveError: the first bytes cannot be.
    """
    if len(payload) < HEAD_SIZE:
        raise DamagedArchiveError("damaged archive: a coded block has no stream")
    lanes_bits, profile = payload[0] & 15, payload[0] >> 4
    transform, at = read_transform(payload[1]), HEAD_SIZE
    records, coded = NO_RECORDS, 0
    if not transform.keeps_size:
        coded, at = int.from_bytes(payload[at : at + CODED_SIZE], "little"), at + CODED_SIZE
        if not 0 < coded < size:
            raise DamagedArchiveError(f"damaged archive: {coded} bytes for a block of {size}")
    if _has_records(Method(method), profile):
        number, at = int.from_bytes(payload[at : at + RECORDS_SIZE], "little"), at + RECORDS_SIZE
        records = Records(number & (1 << STEP_SHIFT) - 1, number >> STEP_SHIFT)
        if not (records.period and records.step):
            raise DamagedArchiveError("damaged archive: a block's records have no length")
    return Head(Method(method), lanes_bits, profile, transform, records, coded), payload[at:]


def _has_records(method: Method, profile: int) -> bool:
    return method is not Method.NETWORK and find_profile(method, profile).records

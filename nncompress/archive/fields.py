"""Reading and writing the numbers of the wire format."""

from __future__ import annotations

from nncompress.errors import DamagedArchiveError

MAX_VARINT_BITS = 63


class Incomplete(Exception):
    """More bytes are needed before a record can be parsed."""


def pack_varint(value: int) -> bytes:
    """Unsigned LEB128 in its shortest form."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Cursor:
    """Reads fields from ``data`` in order; raises :class:`Incomplete` at its end."""

    def __init__(self, data: bytes | bytearray | memoryview, position: int = 0) -> None:
        self.data = data
        self.position = position

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        end = self.position + size
        if end > len(self.data):
            raise Incomplete
        piece = bytes(self.data[self.position : end])
        self.position = end
        return piece

    def integer(self, size: int) -> int:
        """Return the next ``size`` bytes as an unsigned number."""
        return int.from_bytes(self.take(size), "little")

    def varint(self) -> int:
        """Return the next varint."""
        data, position = self.data, self.position
        value = 0
        for shift in range(0, MAX_VARINT_BITS, 7):
            if position == len(data):
                raise Incomplete
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise DamagedArchiveError(
                        "damaged archive: a number is not in its shortest form"
                    )
                self.position = position
                return value
        raise DamagedArchiveError("damaged archive: a number is too large")

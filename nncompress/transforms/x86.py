"""Make the targets of x86 calls, jumps and data accesses absolute, so that they come again.

A call holds the distance from its end to the function; calls of one function from many places hold
as many distances. With the instruction's position added they all hold one number, which is what a
context finds again. In code of 64 bits most accesses to data hold distances too ("RIP-relative").

The bytes are read as instructions from the start, by their lengths alone. Lengths follow from
opcode, ModRM and SIB bytes, which are never changed, so encoder and decoder walk the same way and
change the same operands; none of them overlap. The operand is written with its high byte first, as
that says most about the others. Where bytes are no code the walk soon meets opcodes that code
hardly has, and changes nothing before it has read some likely ones in a row.

The format of instructions: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
chapter 2 and appendix A.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.jit import inline, jit

Bytes = NDArray[np.uint8]
OpcodeSpan: TypeAlias = int | tuple[int, int]

HAS_MODRM, HAS_BYTE, HAS_SHORT, HAS_LONG, HAS_WIDE, HAS_ADDRESS, HAS_TEST, HAS_BRANCH, UNLIKELY = (
    1 << bit for bit in range(9)
)
"""What follows an opcode: a ModRM byte, operands of one byte, of two, of four (two after the prefix
66), of four or after REX.W eight, of the size of an address; in group 3 one that only TEST has; a
distance of four bytes. UNLIKELY says that compiled code hardly has it."""

LIKELY_RUN = 4
"""An operand is changed when so many instructions in a row, its own the last, were likely ones."""

NEAR_TARGET = 1 << 24
"""Distances from -NEAR_TARGET to before NEAR_TARGET are changed; targets are kept in that range."""

OPCODE_BYTES = 16
"""Bytes of an instruction that are looked at at most; the walk ends where fewer are left."""

PREFIXES = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3)
MOST_PREFIXES = 6


def _opcodes(*spans: OpcodeSpan) -> list[int]:
    """List opcodes that are given one by one or as (first, last)."""
    pairs = [span if isinstance(span, tuple) else (span, span) for span in spans]
    return [opcode for first, last in pairs for opcode in range(first, last + 1)]


def _table(wide: bool) -> NDArray[np.uint16]:
    """Make the table of what follows each opcode, uint16 [4 maps x 256].

    The maps are those of one byte, of 0F, of 0F 38 and of 0F 3A.
    """
    table = np.zeros((4, 256), dtype=np.uint16)

    def add(number: int, flags: int, *spans: OpcodeSpan) -> None:
        table[number, _opcodes(*spans)] |= np.uint16(flags)

    for first in range(0, 0x40, 8):  # ADD, OR, ADC, SBB, AND, SUB, XOR, CMP
        add(0, HAS_MODRM, (first, first + 3))
        add(0, HAS_BYTE, first + 4)
        add(0, HAS_LONG, first + 5)
    add(0, HAS_MODRM, 0x62, 0x63, 0x69, 0x6B, (0x80, 0x8F), 0xC0, 0xC1, (0xC4, 0xC7), (0xD0, 0xD3))
    add(0, HAS_MODRM, (0xD8, 0xDF), 0xF6, 0xF7, 0xFE, 0xFF)
    add(
        0,
        HAS_BYTE,
        0x6A,
        0x6B,
        (0x70, 0x80),
        0x82,
        0x83,
        0xA8,
        (0xB0, 0xB7),
        0xC0,
        0xC1,
        0xC6,
        0xC8,
    )
    add(0, HAS_BYTE, 0xCD, 0xD4, 0xD5, (0xE0, 0xE7), 0xEB)
    add(0, HAS_SHORT, 0xC2, 0xC8, 0xCA)
    add(0, HAS_LONG, 0x68, 0x69, 0x81, 0xA9, 0xC7)
    add(0, HAS_WIDE, (0xB8, 0xBF))
    add(0, HAS_ADDRESS, (0xA0, 0xA3))
    add(0, HAS_TEST, 0xF6, 0xF7)
    add(0, HAS_BRANCH, 0xE8, 0xE9)
    add(0, UNLIKELY, 0x00, 0x02, 0x06, 0x07, 0x0E, 0x10, (0x14, 0x17), 0x1E, 0x1F, 0x20, 0x26, 0x27)
    add(0, UNLIKELY, 0x2E, 0x2F, 0x36, 0x37, 0x3E, 0x3F, 0x60, 0x61, (0x6C, 0x6F), 0x82, 0x8C)
    add(0, UNLIKELY, 0x8E, (0x9A, 0x9F), 0xC8, (0xCA, 0xCB), (0xCD, 0xCF), (0xD4, 0xD7))
    add(0, UNLIKELY, (0xE0, 0xE7), 0xEA, (0xEC, 0xEF), 0xF1, 0xF4, 0xF5, 0xFA, 0xFB)
    if wide:
        add(0, UNLIKELY, (0xA0, 0xA3))
    add(1, HAS_MODRM, (0x00, 0xFF))
    alone = _opcodes((0x05, 0x09), 0x0B, 0x0E, (0x30, 0x37), 0x77, (0xA0, 0xA2), (0xA8, 0xAA))
    table[1, alone + _opcodes((0xC8, 0xCF), (0x80, 0x8F))] = 0
    add(1, HAS_BRANCH, (0x80, 0x8F))
    add(1, HAS_BYTE, 0x0F, (0x70, 0x73), 0xA4, 0xAC, 0xBA, 0xC2, (0xC4, 0xC6))
    add(2, HAS_MODRM, (0x00, 0xFF))
    add(3, HAS_MODRM | HAS_BYTE, (0x00, 0xFF))
    return table.ravel()


CODE32, CODE64 = _table(wide=False), _table(wide=True)

IS_PREFIX = np.zeros(256, dtype=np.bool_)
IS_PREFIX[list(PREFIXES)] = True


def convert_x86(data: bytes, *, wide: bool, forward: bool) -> bytes:
    """Make distances in x86 code absolute, or undo that.

    Args:
        data: any bytes.
        wide: whether to read code of 64 bits.
        forward: whether to make distances absolute; else to undo it.
    """
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    _walk(changed, CODE64 if wide else CODE32, wide, forward, np.zeros((0, 2), dtype=np.int32))
    result: bytes = changed.tobytes()
    return result


def find_x86_targets(data: bytes, *, wide: bool) -> NDArray[np.int32]:
    """Return what :func:`convert_x86` would change, int32 [count, 2]: distances and targets."""
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    found = np.empty((len(data) // 5 + 1, 2), dtype=np.int32)
    return found[: _walk(changed, CODE64 if wide else CODE32, wide, True, found)]


@jit
def _walk(
    data: Bytes, table: NDArray[np.uint16], wide: bool, forward: bool, found: NDArray[np.int32]
) -> int:
    """Change operands in place, list them in ``found`` as far as it has rows, and count them."""
    size, position, run, count = data.size, 0, 0, 0
    while position + OPCODE_BYTES <= size:
        flags, place, end = _instruction(data, table, wide, position)
        run = 0 if flags & UNLIKELY else run + 1
        if place > 0 and run >= LIKELY_RUN and end <= size:
            value = _read(data, place, forward)
            if -NEAR_TARGET <= value < NEAR_TARGET:
                other = _absolute(value, end) if forward else _distance(value, end)
                if count < found.shape[0]:
                    found[count, 0], found[count, 1] = value, other
                count += 1
            else:
                other = value
            _write(data, place, other, forward)
        position = end
    return count


@jit
def _instruction(
    data: Bytes, table: NDArray[np.uint16], wide: bool, position: int
) -> tuple[int, int, int]:
    """Return the flags of an instruction, where its distance stands (0: it has none), its end."""
    half = broad = False
    last = position + MOST_PREFIXES
    while position < last and IS_PREFIX[data[position]]:
        half |= data[position] == 0x66
        position += 1
    opcode = data[position]
    if wide and opcode & 0xF0 == 0x40:  # REX
        broad = opcode & 8 != 0
        position += 1
        opcode = data[position]
    first, number, vector = opcode, 0, False
    if opcode == 0x0F:
        position += 1
        number = 1
        if data[position] == 0x38 or data[position] == 0x3A:
            number = 2 if data[position] == 0x38 else 3
            position += 1
    elif (opcode == 0xC5 or opcode == 0xC4 or opcode == 0x62) and (
        wide or data[position + 1] >= 0xC0
    ):  # VEX of two bytes and of three, EVEX
        vector = True
        number = 1 if opcode == 0xC5 else data[position + 1] & (31 if opcode == 0xC4 else 7)
        number = number if number in (1, 3) else 2
        position += 2 if opcode == 0xC5 else 3 if opcode == 0xC4 else 4
    opcode = data[position]
    position += 1
    flags = int(table[number << 8 | opcode])
    if vector and flags & HAS_BRANCH:
        flags = HAS_MODRM
    place = 0
    if flags & HAS_MODRM:
        mode, reg, base = data[position] >> 6, data[position] >> 3 & 7, data[position] & 7
        position += 1
        if base == 4 and mode != 3:
            if mode == 0 and data[position] & 7 == 5:
                position += 4
            position += 1
        elif base == 5 and mode == 0:
            if wide:
                place = position
            position += 4
        if mode == 1:
            position += 1
        elif mode == 2:
            position += 4
        if flags & HAS_TEST and reg < 2:
            position += 1 if opcode == 0xF6 else 2 if half else 4
    if flags & HAS_BRANCH:
        place = position
        position += 4
    position += _operands(flags, wide, half, broad)
    return flags | (int(table[first]) & UNLIKELY), place, position


@inline
def _operands(flags: int, wide: bool, half: bool, broad: bool) -> int:
    """Count the bytes of the operands that stand in the instruction."""
    size = 1 if flags & HAS_BYTE else 0
    if flags & HAS_SHORT:
        size += 2
    if flags & HAS_ADDRESS:
        size += 8 if wide else 4
    if flags & HAS_WIDE and broad:
        size += 8
    elif flags & (HAS_LONG | HAS_WIDE):
        size += 2 if half else 4
    return size


@inline
def _absolute(distance: int, end: int) -> int:
    """Return the target of a distance from ``end``.

    A distance of 0, which stands where a linker has yet to write one, stays 0; the one that would
    become 0 takes the place left by it. Sums wrap around at NEAR_TARGET.
    """
    if distance == 0:
        return 0
    if distance == -end:
        return end
    target = distance + end
    return target - 2 * NEAR_TARGET if target >= NEAR_TARGET else target


@inline
def _distance(target: int, end: int) -> int:
    """Undo :func:`_absolute`."""
    if target == 0:
        return 0
    if target == end:
        return -end
    distance = target - end
    return distance + 2 * NEAR_TARGET if distance < -NEAR_TARGET else distance


@inline
def _read(data: Bytes, place: int, little: bool) -> int:
    """Read a signed number of four bytes."""
    value = 0
    for index in range(4):
        value |= int(data[place + index]) << 8 * (index if little else 3 - index)
    return (value ^ 0x80000000) - 0x80000000


@inline
def _write(data: Bytes, place: int, value: int, big: bool) -> None:
    """Write a number of four bytes."""
    for index in range(4):
        data[place + index] = value >> 8 * (3 - index if big else index) & 255

"""Follow x86 code byte by byte: which part of an instruction comes next, and what came before.

The bytes are read as instructions by their lengths, as the x86 filter reads them
(:mod:`nncompress.transforms.x86`, whose tables are used). In other data the walk is meaningless,
and the mixer finds that its contexts are worth little.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import jit, part
from nncompress.transforms.x86 import (
    CODE64,
    HAS_ADDRESS,
    HAS_BRANCH,
    HAS_BYTE,
    HAS_LONG,
    HAS_MODRM,
    HAS_SHORT,
    HAS_TEST,
    HAS_WIDE,
    IS_PREFIX,
)

from .state import (
    IMMEDIATE,
    INSTRUCTION_BEFORE,
    MODRM,
    OPCODE,
    OPERAND_SIZE,
    PHASE,
    PREFIX_COUNT,
    REMAINING,
)

# What the next byte is: an opcode, its second or third byte, a VEX prefix's, ModRM and so on.
AT_OPCODE, AT_0F, AT_38, AT_3A, AT_VEX2, AT_VEX3, AT_VEX_END = range(7)
AT_MODRM, AT_SIB, AT_DISPLACEMENT, AT_IMMEDIATE = range(7, 11)
PREFIX_LIMIT = 4
REX_W = 0x48


@part
def _end(row):
    row[INSTRUCTION_BEFORE] = np.int32(row[OPCODE] << 8 | row[MODRM])
    row[PHASE] = AT_OPCODE
    row[OPCODE] = row[MODRM] = row[PREFIX_COUNT] = row[OPERAND_SIZE] = row[IMMEDIATE] = 0
    row[REMAINING] = 0


@part
def _expect_immediate(row):
    if row[IMMEDIATE]:
        row[PHASE], row[REMAINING] = AT_IMMEDIATE, row[IMMEDIATE]
    else:
        _end(row)


@part
def _read_opcode(row, number, byte):
    flags = np.int64(CODE64[256 * number + byte])
    row[OPCODE] = number << 8 | byte
    size = 1 if flags & HAS_BYTE else 0
    if flags & HAS_SHORT:
        size += 2
    short = row[OPERAND_SIZE] & 1
    if flags & HAS_LONG:
        size += 2 if short else 4
    if flags & HAS_WIDE:
        size += 8 if row[OPERAND_SIZE] & 2 else 2 if short else 4
    if flags & HAS_BRANCH:
        size += 4
    if flags & HAS_ADDRESS:
        size += 8
    row[IMMEDIATE] = size
    if flags & HAS_MODRM:
        row[PHASE], row[REMAINING] = AT_MODRM, 0
    else:
        _expect_immediate(row)


@part
def _read_prefix(row, byte):
    row[PREFIX_COUNT] += 1
    if byte == 0x66:
        row[OPERAND_SIZE] |= 1
    if byte & 0xF8 == REX_W:
        row[OPERAND_SIZE] |= 2
    if row[PREFIX_COUNT] > PREFIX_LIMIT:
        _end(row)


@part
def _read_first(row, byte):
    """Read a prefix or the first byte of an opcode."""
    if byte == 0x0F:
        row[PHASE] = AT_0F
    elif byte == 0xC5:
        row[PHASE] = AT_VEX2
    elif byte == 0xC4:
        row[PHASE] = AT_VEX3
    elif IS_PREFIX[byte] or byte & 0xF0 == 0x40:
        _read_prefix(row, byte)
    else:
        _read_opcode(row, 0, byte)


@part
def _read_modrm(row, byte):
    row[MODRM] = byte
    mod, rm, opcode = byte >> 6, byte & 7, row[OPCODE]
    if opcode < 256 and np.int64(CODE64[opcode]) & HAS_TEST and (byte >> 3) & 7 < 2:
        row[IMMEDIATE] = 1 if opcode == 0xF6 else 2 if row[OPERAND_SIZE] & 1 else 4
    row[REMAINING] = 1 if mod == 1 else 4 if mod == 2 or (mod == 0 and rm == 5) else 0
    if mod != 3 and rm == 4:
        row[PHASE] = AT_SIB
    elif row[REMAINING]:
        row[PHASE] = AT_DISPLACEMENT
    else:
        _expect_immediate(row)


@part
def _read_vex(row, byte):
    phase = row[PHASE]
    if phase == AT_VEX2:
        row[PHASE] = AT_0F
    elif phase == AT_VEX3:
        row[PHASE], row[REMAINING] = AT_VEX_END, byte & 31
    else:
        row[PHASE] = AT_38 if row[REMAINING] == 2 else AT_3A if row[REMAINING] == 3 else AT_0F
        row[REMAINING] = 0


@jit
def read_instruction(row, byte):
    """Go on by a byte, int64; ``row`` is a lane's row of ``State.lanes``, int32."""
    phase = row[PHASE]
    if phase == AT_OPCODE:
        _read_first(row, byte)
    elif phase == AT_0F and byte in (0x38, 0x3A):
        row[PHASE] = AT_38 if byte == 0x38 else AT_3A
    elif phase <= AT_3A:
        _read_opcode(row, phase, byte)
    elif phase <= AT_VEX_END:
        _read_vex(row, byte)
    elif phase == AT_MODRM:
        _read_modrm(row, byte)
    elif phase == AT_SIB:
        if row[MODRM] < 64 and byte & 7 == 5:
            row[REMAINING] = 4
        if row[REMAINING]:
            row[PHASE] = AT_DISPLACEMENT
        else:
            _expect_immediate(row)
    else:
        row[REMAINING] -= 1
        if row[REMAINING] == 0 and phase == AT_DISPLACEMENT:
            _expect_immediate(row)
        elif row[REMAINING] == 0:
            _end(row)

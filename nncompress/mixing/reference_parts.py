"""Define in plain Python what :mod:`.reference` is made of: cells, slots and match models."""

from __future__ import annotations

from collections.abc import Sequence

from .allocation import MATCH_TRUST
from .apm import APM_ROW
from .matchmodel import LONGEST, MATCH_LIMIT, MISS_LEVELS, RUN_BUCKETS, SURE, run_bucket
from .runs import LONGEST_RUN, RUN_LEVEL, RUN_LEVELS, RUN_LIMIT
from .tables import (
    COARSE_BITS,
    COARSE_SQUASH,
    COARSE_STRETCH,
    RECIPROCAL,
    SQUASH,
    STRETCH,
    STRETCH_MAX,
    STRETCH_ONE,
)


def clamped(x: int) -> int:
    """Keep a number within the logistic domain."""
    return min(max(x, 1 - STRETCH_MAX), STRETCH_MAX - 1)


def squash(x: int) -> int:
    """Return the probability, in 65536ths, of a stretched one."""
    return int(SQUASH[x + STRETCH_MAX])


def error_of(x: int, bit: int) -> int:
    """Return a bit less the probability that ``x`` stands for, about, in 65536ths."""
    return (bit << 16) - int(COARSE_SQUASH[(x + STRETCH_MAX) >> COARSE_BITS])


class Cell:
    """An adaptive probability: 22 bits of probability and a count."""

    def __init__(self, p16: int, count: int, limit: int) -> None:
        self.p, self.count, self.limit = p16 << 6, count, limit

    @property
    def p16(self) -> int:
        """The probability in 65536ths."""
        return self.p >> 6

    def learn(self, bit: int) -> None:
        """Move towards a bit by error / (count + 1.5)."""
        self.p += ((bit << 22) - bit - self.p) * int(RECIPROCAL[self.count]) >> 16
        self.count = min(self.count + 1, self.limit)


def dot(weights: Sequence[int], inputs: Sequence[int]) -> int:
    """Sum products; the sum of each two loses 8 bits."""
    products = [w * x for w, x in zip(weights, inputs, strict=True)]
    pairs = zip(products[::2], products[1::2], strict=True)
    return sum((even + odd) >> 8 for even, odd in pairs)


def train(weights: list[int], inputs: Sequence[int], factor: int) -> None:
    """Add inputs times a factor, in 2**-15 and rounded, to weights of 16 bits."""
    for i, x in enumerate(inputs):
        moved = weights[i] + ((x * factor + (1 << 14)) >> 15)
        weights[i] = min(max(moved, -(1 << 15)), (1 << 15) - 1)


class Slots:
    """The hash table of bit histories: pairs of slots, a check and 15 histories each."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.slots: dict[int, list[int]] = {}

    def find(self, key: int) -> list[int]:
        """Return the slot of a context, its check and its histories; cleared if it is new."""
        at, check = key >> (64 - self.bits), key >> 16 & 255
        pair = [self.slots.setdefault(k, [0] * 16) for k in (at, at ^ 1)]
        for slot in pair:
            if slot[0] == check:
                return slot
        slot = pair[1] if pair[1][1] < pair[0][1] else pair[0]
        slot[:] = [check] + [0] * 15
        return slot


class Match:
    """A match model: where in the block the lane's last bytes stood before."""

    def __init__(self, least: int, table: dict[int, int]) -> None:
        self.least, self.table = least, table
        self.pointer = self.run = self.misses = 0
        self.expected = -1
        self.used: tuple[Cell, int] | None = None

    def fits(self, node: int) -> bool:
        """Return whether the expected byte begins with the bits of a node."""
        return self.expected >= 0 and (self.expected | 256) >> (9 - node.bit_length()) == node

    def predict(self, node: int, plane: int, cells: dict[tuple[int, int], Cell]) -> list[int]:
        """Return two inputs, 0 where there is no match or the byte has left it."""
        self.used = None
        if not self.fits(node):
            return [0, 0]
        bit = self.expected >> (7 - plane) & 1
        cell = cells[int(run_bucket(self.run)), self.misses]
        self.used = cell, bit
        sign = 2 * bit - 1
        return [sign * int(STRETCH[cell.p16]), sign * ((cell.p16 - 32768) >> 2)]

    def learn(self, bit: int) -> None:
        """Learn whether the expected bit came."""
        if self.used:
            self.used[0].learn(int(self.used[1] == bit))

    def follow(self, history: Sequence[int], size: int, byte: int) -> None:
        """Move behind a byte: it lengthens the match, or ends it."""
        if not self.pointer:
            return
        if history[self.pointer] == byte:
            self.run = min(self.run + 1, LONGEST)
            if self.run >= SURE:
                self.misses >>= 1
        else:
            self.run = 0
            self.misses = min(self.misses + 4, MISS_LEVELS - 1)
        self.pointer += 1
        if self.pointer >= size or self.misses == MISS_LEVELS - 1:
            self.pointer = 0

    def search(self, history: Sequence[int], string: int, position: int, done: int) -> None:
        """Take the last occurrence of the string, where it agrees for longer."""
        found = self.table.get(string, 0)
        if self.run < SURE and done >= self.least and found not in (0, self.pointer):
            most, common = min(32, done, found), 0
            while common < most and history[found - 1 - common] == history[position - 1 - common]:
                common += 1
            if common >= self.least and common > self.run:
                self.pointer, self.run, self.misses = found, common, 0
        self.expected = history[self.pointer] if self.pointer else -1


class Runs:
    """What followed a context last, and how often in a row; the contexts share one table."""

    def __init__(self, table: dict[int, tuple[int, int, int]], bits: int) -> None:
        self.table, self.bits = table, bits
        self.cells = {
            (level, plane): Cell(65536 - 65536 // (2 * level + 4), MATCH_TRUST, RUN_LIMIT)
            for level in range(RUN_LEVELS)
            for plane in range(8)
        }

    def find(self, key: int) -> Run:
        """Return the run of a context, of length 0 if there is none."""
        at, check = key >> (64 - self.bits), key & 0xFFFF
        found, byte, length = self.table.get(at, (0, 0, 0))
        return Run(self, at, check, byte, length if found == check else 0)


class Run:
    """A run while a byte is coded."""

    def __init__(self, runs: Runs, at: int, check: int, byte: int, length: int) -> None:
        self.runs, self.at, self.check, self.byte, self.length = runs, at, check, byte, length
        self.lasts = length > 0

    def predict(self, plane: int) -> int:
        """Return an input, 0 where there is no run or the byte has left it."""
        if not self.lasts:
            return 0
        self.cell = self.runs.cells[int(RUN_LEVEL[self.length]), plane]
        stretched = int(COARSE_STRETCH[self.cell.p16 >> 4])
        return stretched if self.byte >> (7 - plane) & 1 else -stretched

    def learn(self, plane: int, bit: int) -> None:
        """Learn whether the expected bit came, and leave the run if it did not."""
        if self.lasts:
            self.lasts = self.byte >> (7 - plane) & 1 == bit
            self.cell.learn(int(self.lasts))

    def end(self, byte: int) -> None:
        """Lengthen the run, or begin one of another byte."""
        goes_on = self.length > 0 and byte == self.byte
        length = min(self.length + 1, LONGEST_RUN) if goes_on else 1
        self.runs.table[self.at] = self.check, byte, length


def match_cells() -> dict[tuple[int, int], Cell]:
    """Return the cells of a match model: by the length of the match and its recent misses."""
    return {
        (bucket, misses): Cell(65536 - 65536 // (2 * bucket + 4), MATCH_TRUST, MATCH_LIMIT)
        for bucket in range(RUN_BUCKETS)
        for misses in range(MISS_LEVELS)
    }


def knots() -> list[int]:
    """Return what the cells of a row say at first: each what its place says."""
    return [squash(min((k - 12) * STRETCH_ONE, STRETCH_MAX)) for k in range(APM_ROW)]

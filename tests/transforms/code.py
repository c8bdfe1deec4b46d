"""Make bytes that look like compiled code and like sound, without any file."""

from __future__ import annotations

import random

import numpy as np


def x86_code(functions: int, *, wide: bool = True, seed: int = 0) -> bytes:
    """Return functions that call one another, and read data: with ``wide`` by distances."""
    chance = random.Random(seed)
    out = bytearray(b"\x90" * 16)
    starts = [len(out)]
    for _ in range(functions):
        out += b"\x55" + (b"\x48" if wide else b"") + b"\x89\xe5"
        for _ in range(chance.randrange(1, 5)):
            out += bytes([0x83, 0xC0, chance.randrange(256)])
            out += b"\xe8" + _distance(chance.choice(starts[:16]), len(out) + 5)
            place = 1 << 20 | chance.randrange(8)
            if wide:
                out += b"\x48\x8b\x05" + _distance(place, len(out) + 7)
            else:
                out += b"\x8b\x0d" + place.to_bytes(4, "little")
        out += b"\x5d\xc3"
        starts.append(len(out))
    return bytes(out)


def _distance(target: int, end: int) -> bytes:
    return (target - end).to_bytes(4, "little", signed=True)


def arm64_code(functions: int, *, phase: int = 0, seed: int = 0) -> bytes:
    """Return functions of ARM64 that call one another, after ``phase`` other bytes."""
    chance = random.Random(seed)
    words = [0xD503201F] * 4
    starts = [len(words)]
    for _ in range(functions):
        words += [0xA9BF7BFD, 0x910003FD]
        for _ in range(chance.randrange(1, 5)):
            words.append(0x91000000 | chance.randrange(1 << 12) << 10)
            words.append(0x94000000 | (chance.choice(starts[:16]) - len(words)) % (1 << 26))
            words.append(0x90000000 | chance.randrange(4) << 29 | chance.randrange(32))
        words += [0xA8C17BFD, 0xD65F03C0]
        starts.append(len(words))
    return bytes(phase) + b"".join(word.to_bytes(4, "little") for word in words)


def sound(samples: int, *, channels: int = 1, width: int = 2, seed: int = 0) -> bytes:
    """Return samples that move little by little, little-endian and of all channels in turn."""
    steps = np.random.default_rng(seed).integers(-30, 31, (samples, channels))
    table = np.cumsum(steps, axis=0).astype(f"<u{width}")
    if channels == 2:
        table[:, 1] += table[:, 0]
    return table.tobytes()


def tones(samples: int, *, channels: int = 1, width: int = 2) -> bytes:
    """Return what rings as a string does that is plucked by chance, in whole numbers.

    Samples of one byte have no sign, longer ones have one.
    """
    chance = np.random.default_rng(5)
    plucked = chance.integers(-9, 10, (samples, channels)) << (0, 8, 5)[width - 1]
    plucked[:, -1] += plucked[:, 0]
    table = np.zeros((samples, channels), np.int64)
    for t in range(2, samples):
        table[t] = (473 * table[t - 1] - 240 * table[t - 2] + 16 * plucked[t]) >> 8
    if width == 3:
        table = 256 * table + chance.integers(-100, 101, (samples, channels))
    limit = 128 << 8 * width - 8
    numbers = np.clip(table, -limit, limit - 1) + (limit if width == 1 else 0)
    return numbers.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes()

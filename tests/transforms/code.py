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

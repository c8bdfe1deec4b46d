"""Hash 64-bit words in wrapping arithmetic.

numba keeps uint64 exact as long as no signed number is mixed in.
"""

from __future__ import annotations

import numpy as np

from nncompress.machine.jit import jit

U = np.uint64
BYTE = np.uint64(255)
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio
STIR = np.uint64(0xD1B54A32D192ED03)


@jit
def mix64(a, b):
    """Hash two words, uint64, into one whose upper bits are all well mixed."""
    h = (a + b) * SPREAD
    h ^= h >> U(29)
    h *= STIR
    return h ^ (h >> U(32))


@jit
def low_bytes(word, count):
    """Keep the lowest ``count`` bytes (0 to 8) of a word, uint64."""
    return word & ((U(1) << U(8 * count)) - U(1)) if count < 8 else word


@jit
def small_hash(value, bits):
    """Hash a word, uint64, to ``bits`` bits, int64."""
    return np.int64((value * SPREAD) >> U(64 - bits))

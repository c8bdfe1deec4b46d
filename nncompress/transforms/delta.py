"""Turn samples of sound into differences from the sample before of the same channel."""

from __future__ import annotations

import numpy as np

SAMPLE_KINDS = ((1, 1, False), (2, 1, False), (2, 2, False), (2, 2, True))
"""Bytes of a sample, channels, and whether the first channel is taken from the second one before,
by the filter's parameter."""


def convert_delta(data: bytes, kind: int, *, forward: bool) -> bytes:
    """Take differences of samples, or undo that.

    Samples are little-endian, from the first byte on. Differences wrap around, and stand with their
    high byte first, which says most about the other one. Bytes at the end of ``data`` that make no
    whole frame stay as they are.

    Args:
        data: any bytes.
        kind: which of :data:`SAMPLE_KINDS`.
        forward: whether to take differences; else to add them up.
    """
    width, channels, joint = SAMPLE_KINDS[kind]
    count = len(data) // (width * channels) * channels
    read, write = (f"<u{width}", f">u{width}") if forward else (f">u{width}", f"<u{width}")
    samples = np.frombuffer(data, dtype=read, count=count).reshape(-1, channels)
    changed = samples.astype(f"u{width}")
    if forward:
        if joint:
            changed[:, 1] -= changed[:, 0]
        changed[1:] -= changed[:-1].copy()
    else:
        changed = np.cumsum(changed, axis=0, dtype=changed.dtype)
        if joint:
            changed[:, 1] += changed[:, 0]
    return changed.astype(write).tobytes() + data[count * width :]

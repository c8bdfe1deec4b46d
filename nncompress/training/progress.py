"""Say what an entry of the log holds, in a line for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def line(entry: dict[str, Any]) -> str:
    """Return a line for people that says what an entry of the log holds."""
    start = f"step {entry['step']:,}  {entry['bytes'] / 1e6:.2f} MB"
    if "validation" in entry:
        return f"{start}  {held_out_bits(entry['validation'])}"
    left = int(entry["seconds_left"])
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
    return (
        f"{start}  {entry['bits_per_byte']:.4f} bits/byte  rate {entry['rate']:.2e}  "
        f"{entry['bytes_per_second']:,.0f} B/s  {clock} left"
    )


def held_out_bits(result: Mapping[str, float]) -> str:
    """Return words for the bits per byte that held-out text takes, by category."""
    parts = (f"{name} {bits:.4f}" for name, bits in result.items())
    return f"held-out bits/byte: {', '.join(parts)}"

"""Estimate how fast long work goes, and how long it still takes; and write such numbers."""

from __future__ import annotations

HALF_LIFE = 60.0
"""Seconds after which what was measured counts half: speed changes with the data."""

LEAST = 2.0
"""Seconds that must have been measured before there is an estimate."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class SteadyRate:
    """Bytes a second, measured from the first report on.

    What comes before it is start-up: libraries, models and kernels are loaded or even compiled,
    which says nothing about the speed of what follows.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._bytes = self._seconds = self._longest = 0.0

    def add(self, size: int, now: float) -> None:
        """Note that ``size`` more bytes are done at the time ``now``, in seconds."""
        if self._last is not None:
            gap = now - self._last
            kept = 0.5 ** (gap / HALF_LIFE)
            self._bytes = self._bytes * kept + size
            self._seconds = self._seconds * kept + gap
            self._longest = max(self._longest, gap)
        self._last = now

    def skip(self, seconds: float) -> None:
        """Leave out a time in which the process did not run."""
        if self._last is not None:
            self._last += seconds

    def per_second(self, now: float) -> float | None:
        """Return the bytes a second; None while too little is known.

        The time since the last report counts only where it is longer than any before: blocks end
        in bursts, and between two nothing has become slower.
        """
        if self._last is None:
            return None
        late = max(0.0, now - self._last - self._longest)
        seconds = self._seconds + late
        return self._bytes / seconds if seconds >= LEAST and self._bytes else None


def duration(seconds: float) -> str:
    """Return a time as 0:07, 12:34, 1:02:03 or 3 d 04:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        days, hours = divmod(hours, 24)
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_text(size: float, *, of: float | None = None) -> str:
    """Return bytes as 812 B or 1.4 MiB, or of a whole as 0.9/1.4 MiB."""
    largest, power = max(size, of or 0), 0
    while largest >= 999.5 and power + 1 < len(_UNITS):
        largest /= 1024
        power += 1
    numbers = [size] if of is None else [size, of]
    digits = 0 if power == 0 else 1
    return f"{'/'.join(f'{number / 1024**power:.{digits}f}' for number in numbers)} {_UNITS[power]}"

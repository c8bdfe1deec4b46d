"""Find the records of a block: rows of pictures, frames of sound, entries of tables of numbers.

At a distance of one record bytes are like each other. The cost of a distance is the mean of
min(|a - b|, 32) over the bytes of a sample and those so far back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CAP = 32
SAMPLE = 1 << 15
MOST_DISTANCE = 2048
LEAST_DISTANCE = 16
"""A sample shorter than four times this is not looked at."""

LEAST_PERIOD = 5
ROW = 64
"""Records of so many bytes may be rows of pictures."""


@dataclass(frozen=True)
class Records:
    """The lengths of a record and of its parts.

    Attributes:
        period: bytes of a record or row, 1 to 4095; 0 where there are none.
        step: bytes of a pixel, or of a sound's frame, 1 to 15; 0 where there are no records. Sound
            has a period equal to its step.
    """

    period: int = 0
    step: int = 0


NO_RECORDS = Records()


def find_records(data: bytes) -> Records:
    """Return a block's records, none where no length stands out."""
    start = max(0, (len(data) - SAMPLE) // 2) & ~3
    sample = np.frombuffer(data, np.uint8)[start : start + SAMPLE].astype(np.int32)
    most = min(MOST_DISTANCE, len(sample) // 4)
    if most < LEAST_DISTANCE:
        return NO_RECORDS
    costs = _costs(sample, most)
    flat = int(costs[1:].sum()) // most
    step = _step(costs)
    if frame := _frame(sample, costs, flat, step):
        return Records(frame, frame)
    period = _period(costs, flat, step)
    if not period:
        return NO_RECORDS
    if period >= ROW and step == 1 and period % 3 == 0 and 10 * costs[3] < 6 * flat:
        step = 3
    return Records(period, step)


def _costs(sample: NDArray[np.int32], most: int) -> NDArray[np.int64]:
    """Return the costs of the distances 0 to ``most``, summed; that of 0 is 0."""
    base = sample[most:]
    costs = np.zeros(most + 1, np.int64)
    for distance in range(1, most + 1):
        differences = np.abs(base - sample[most - distance : len(sample) - distance])
        costs[distance] = np.minimum(differences, CAP).sum()
    return costs


def _step(costs: NDArray[np.int64]) -> int:
    """Return the bytes of a pixel or frame: longer ones must be clearly better."""
    step = 1
    for longer in (2, 3, 4):
        clear = 97 if (step, longer) == (2, 4) else 90
        if 100 * costs[longer] < clear * costs[step]:
            step = longer
    return step


def _frame(sample: NDArray[np.int32], costs: NDArray[np.int64], flat: int, step: int) -> int:
    """Return the bytes of a frame of 16-bit sound, 2 or 4; 0 if it is none."""
    if step not in (2, 4) or 100 * costs[step] >= 85 * min(costs[1], costs[3], flat):
        return 0
    whole = sample[: len(sample) // 2 * 2].astype(np.int64)
    low, high = whole[0::2], whole[1::2]
    values = ((low | high << 8) + 32768 & 65535) - 32768
    upper = values >> 8
    if 3 * int(np.abs(np.diff(upper)).sum()) >= int(np.abs(np.diff(low)).sum()):
        return 0
    curves = {k: _curve(values, k) for k in (1, 2)}
    spread = int(np.abs(values - int(values.sum()) // len(values)).sum())
    smooth = int(np.abs(np.diff(values)).sum()) < 6000 * len(values)
    if not smooth or 10 * min(curves.values()) >= 8 * spread:
        return 0
    return 2 if curves[1] <= curves[2] else 4


def _curve(values: NDArray[np.int64], k: int) -> int:
    return int(np.abs(values[2 * k :] - 2 * values[k:-k] + values[: -2 * k]).sum())


def _period(costs: NDArray[np.int64], flat: int, step: int) -> int:
    """Return the distance that stands out, or the shortest divisor that is nearly as good."""
    distance = np.arange(max(LEAST_PERIOD, 2 * step + 1), len(costs) - step)
    dips = (costs[distance] < costs[distance - 1]) & (costs[distance] < costs[distance + 1])
    if step > 1:
        dips &= costs[distance] < costs[distance - step]
        dips &= costs[distance] < costs[distance + step]
    highest = np.maximum.accumulate(costs)
    dips &= 100 * (highest[distance - 1] - costs[distance]) >= 12 * flat
    found = distance[dips]
    if not len(found):
        return 0
    best = int(found[np.argmin(costs[found])])
    if 100 * costs[best] > 82 * flat:
        return 0
    allowed = int(costs[best]) + 6 * (flat - int(costs[best])) // 100
    divisors = [int(d) for d in found if best % d == 0 and costs[d] <= allowed]
    return min([best, *divisors])

"""Turn samples of sound into what linear prediction leaves of them.

A sample is predicted from the differences between those before it, with weights of least squares
over the past, which both sides keep up: nothing of them stands in an archive. A sample counts for
less the older it is, and the worse those around it were predicted. One sweep of Gauss-Seidel a
sample over the normal equations takes the place of solving them anew; Zakharov, White and Liu
(2008, "Low-complexity RLS algorithms using dichotomous coordinate descent iterations",
https://doi.org/10.1109/TSP.2008.917874) show that such steps are enough. In stereo the other
channel takes part by its differences, less one's own, and by its level: so channels that are much
alike do not slow the sweeps down. One channel alone takes its own level, which draws to 0 what is
mostly noise.

All numbers are whole, and fit into 64 bits. What enters a moment is at most 2^15, and a moment
loses 1/512 of itself a sample: it stays below 2^39 + 2^9. With 21 weights, at most 2^19 each, the
sum in a sweep is below 2^63.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nncompress.machine.intrinsics import bit_length
from nncompress.machine.jit import inline, jit

_Bytes = NDArray[np.uint8]
_Numbers = NDArray[np.int64]

SOUND_KINDS = (
    (1, 1, 0),
    (1, 2, 0),
    (2, 1, 0),
    (2, 2, 0),
    *((3, 1, start) for start in range(3)),
    *((3, 2, start) for start in range(6)),
)
"""Bytes of a sample, channels, and bytes before the first frame, by the filter's parameter.

Frames of three and six bytes may begin anywhere: neither headers nor blocks are multiples of them.
"""

OWN = 16
"""Differences of the same channel that a prediction takes."""

OTHER = 4
"""Differences of the other channel. One number more is a level: what the last sample of the other
channel is above one's own, or with one channel that sample itself."""

PREDICTION_BITS = 16
PREDICTION_MAX = 8 << PREDICTION_BITS

MEMORY_BITS = 9
"""Moments lose 2**-MEMORY_BITS of themselves a sample."""

ERROR_BITS = 3
"""Bits of fraction of the mean error, which takes up 2**-ERROR_BITS of a new one."""

INPUT_BITS = 15
"""log2 of the most that may enter a moment."""

ERROR_SCALE = 10
"""An input as large as the mean error enters as about 2**ERROR_SCALE."""

RIDGE_BITS = 18
LEAST_RIDGE = 64
"""Weights are drawn to 0 as if each input had 2**-RIDGE_BITS more of its moment, and that."""


def convert_sound(data: bytes, kind: int, *, forward: bool) -> bytes:
    """Replace samples by their differences to what was predicted, or undo that.

    Samples are little-endian, and signed but for those of one byte. Differences wrap around; half
    of the range is added, and they stand with their high byte first, which says most about the
    others. Bytes before the first frame and after the last whole one stay as they are.

    Args:
        data: any bytes.
        kind: which of :data:`SOUND_KINDS`.
        forward: whether to predict; else to undo it.
    """
    width, channels, start = SOUND_KINDS[kind]
    n = OWN + 1 + OTHER * (channels - 1)
    source = np.frombuffer(data, dtype=np.uint8)
    changed = source.copy()
    past = np.zeros((channels, OWN + 2), np.int64)
    weights = np.zeros((channels, n), np.int64)
    moments = np.zeros((channels, n + 1, n), np.int64)
    _convert(source[start:], changed[start:], width, forward, past, weights, moments)
    result: bytes = changed.tobytes()
    return result


LAST_SAMPLE, MEAN_ERROR, NEWEST = 0, 1, 2
"""Columns of ``past``: a channel's last sample, its mean error, its differences."""


@jit
def _convert(
    source: _Bytes,
    changed: _Bytes,
    width: int,
    forward: bool,
    past: _Numbers,
    weights: _Numbers,
    moments: _Numbers,
) -> None:
    """Go through all samples.

    Args:
        source: what is read.
        changed: what is written, as long.
        width: bytes of a sample.
        forward: whether ``source`` holds samples.
        past: int64 [channels, NEWEST + OWN], the latest differences first.
        weights: int64 [channels, n], in 2**-PREDICTION_BITS.
        moments: int64 [channels, n + 1, n]: those of inputs with inputs; the last row has those
            with what is to be predicted.
    """
    channels, n = weights.shape
    inputs = np.zeros(n, np.int64)
    half = 128 << 8 * (width - 1)
    sign = half if width > 1 else 0  # turns a sample's bits into its distance from -half
    for frame in range(0, source.size - width * channels + 1, width * channels):
        for channel in range(channels):
            at = frame + width * channel
            _gather(past, channel, channels, inputs)
            level = past[channel, LAST_SAMPLE]
            expected = min(max(level + _predict(weights[channel], inputs), -half), half - 1)
            if forward:
                sample = (_read(source, at, width, True) ^ sign) - half
                _write(changed, at, width, False, sample - expected + half & 2 * half - 1)
            else:
                sample = (_read(source, at, width, False) + expected & 2 * half - 1) - half
                _write(changed, at, width, True, sample + half ^ sign)
            error = past[channel, MEAN_ERROR] + abs(sample - expected)
            past[channel, MEAN_ERROR] = error = error - (past[channel, MEAN_ERROR] >> ERROR_BITS)
            target = _scale(inputs, sample - level, error)
            _learn(moments[channel], weights[channel], inputs, target)
            for k in range(NEWEST + OWN - 1, NEWEST, -1):
                past[channel, k] = past[channel, k - 1]
            past[channel, NEWEST] = sample - level
            past[channel, LAST_SAMPLE] = sample


@inline
def _gather(past: _Numbers, channel: int, channels: int, inputs: _Numbers) -> None:
    """Collect what a prediction is made of."""
    for k in range(OWN):
        inputs[k] = past[channel, NEWEST + k]
    if channels == 2:
        # The second channel knows one difference more of the first one.
        for k in range(OTHER):
            own = past[channel, NEWEST + k - channel] if k >= channel else 0
            inputs[OWN + k] = past[1 - channel, NEWEST + k] - own
        before = past[1 - channel, LAST_SAMPLE] - channel * past[1 - channel, NEWEST]
        inputs[OWN + OTHER] = before - past[channel, LAST_SAMPLE]
    else:
        inputs[OWN] = past[channel, LAST_SAMPLE]


@inline
def _predict(weights: _Numbers, inputs: _Numbers) -> int:
    """Return the difference that is expected."""
    total = 1 << PREDICTION_BITS - 1
    for k in range(inputs.size):
        total += weights[k] * inputs[k]
    return total >> PREDICTION_BITS


@inline
def _scale(inputs: _Numbers, target: int, error: int) -> int:
    """Divide the inputs, in place, and the target by about the error; return the target."""
    largest = abs(target)
    for k in range(inputs.size):
        largest = max(largest, abs(inputs[k]))
    bits = max(bit_length(error >> ERROR_BITS), bit_length(largest) - (INPUT_BITS - ERROR_SCALE))
    for k in range(inputs.size):
        inputs[k] = inputs[k] << ERROR_SCALE >> bits
    scaled: int = target << ERROR_SCALE >> bits
    return scaled


@inline
def _learn(moments: _Numbers, weights: _Numbers, inputs: _Numbers, target: int) -> None:
    """Count a sample in, and move each weight in turn to where its own equation holds."""
    n = inputs.size
    for i in range(n):
        for j in range(n):
            moments[i, j] += inputs[i] * inputs[j] - (moments[i, j] >> MEMORY_BITS)
        moments[n, i] += inputs[i] * target - (moments[n, i] >> MEMORY_BITS)
    for i in range(n):
        ridge = (moments[i, i] >> RIDGE_BITS) + LEAST_RIDGE
        rest = (moments[n, i] << PREDICTION_BITS) - ridge * weights[i]
        for j in range(n):
            rest -= moments[i, j] * weights[j]
        divisor = moments[i, i] + ridge
        weight = weights[i] + (rest + (divisor >> 1)) // divisor
        weights[i] = min(max(weight, -PREDICTION_MAX), PREDICTION_MAX)


@inline
def _read(data: _Bytes, at: int, width: int, little: bool) -> int:
    """Return a number of ``width`` bytes."""
    value = 0
    for k in range(width):
        value = value << 8 | np.int64(data[at + (width - 1 - k if little else k)])
    return value


@inline
def _write(data: _Bytes, at: int, width: int, little: bool, value: int) -> None:
    """Write a number of ``width`` bytes."""
    for k in range(width):
        data[at + (k if little else width - 1 - k)] = value >> 8 * k & 255

"""Networks of random numbers as large as their bounds allow, and states as extreme."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncompress.exact.bounds import INT32_MAX
from nncompress.exact.config import SYMBOLS, SHARNNConfig
from nncompress.exact.engine import Lanes, Network
from nncompress.exact.fixedpoint import ACTIVATION_MAX, CELL_MAX, NORM_MAX, WEIGHT_MAX
from nncompress.exact.parameters import Parameters
from nncompress.exact.parts import Affine, Cell, IntegerAttention, IntegerBlock, Linear

SHIFTS = {"index": 19, "boom": 13, "logit": 10, "activation": 22, "stream": 10, "value": 8}
"""Shifts that take the largest sums to a little more than where their results saturate."""


class Extremes:
    """Draws the parts of a network.

    Args:
        seed: of the generator.
        spread: numbers are at most this share of what the bounds allow.
    """

    def __init__(self, seed: int, spread: float) -> None:
        self.generator, self.spread = np.random.default_rng(seed), spread

    def parameters(self, config: SHARNNConfig) -> Parameters:
        """Draw a network, which is refused if its numbers are beyond the bounds."""
        blocks = tuple(self._block(config, index) for index in range(config.layers))
        output = self._linear(SYMBOLS, config.dim, "logit")
        return Parameters(config, blocks, self._integer(1, 1 << 16), output)

    def _integer(self, least: int, end: int) -> int:
        return int(self.generator.integers(least, end))

    def _up_to(self, most: Any) -> Any:
        """Draw int32 numbers of either sign, up to magnitudes of which they have the shape."""
        most = (np.asarray(most) * self.spread).astype(np.int64)
        return self.generator.integers(-most, most + 1).astype(np.int32)

    def _shift(self, kind: str) -> int:
        """Draw a shift: the usual one, one that the spread asks for, or any."""
        usual = SHIFTS[kind]
        fitting = max(0, usual + round(float(np.log2(self.spread))))
        return int(self.generator.choice([usual, fitting, fitting, self._integer(0, 32)]))

    def _weight(self, rows: int, d: int, share: int) -> tuple[Any, Any, Any]:
        """Draw a weight and its multipliers; return how far their products reach, too.

        They reach an INT32_MAX's ``share``-th part at most.
        """
        weight = self.generator.integers(-WEIGHT_MAX, WEIGHT_MAX + 1, (rows, d)).astype(np.int8)
        weight[0] = WEIGHT_MAX
        reach = np.abs(weight.astype(np.int64)).sum(axis=1) * ACTIVATION_MAX
        most = np.maximum(INT32_MAX // share // np.maximum(reach, 1) * self.spread, 1)
        multiplier = self.generator.integers(1, most.astype(np.int64) + 1).astype(np.int32)
        return weight, multiplier, reach * multiplier

    def _linear(self, rows: int, d: int, kind: str) -> Linear:
        weight, multiplier, reach = self._weight(rows, d, 2)
        return Linear(weight, multiplier, self._up_to(INT32_MAX - reach), self._shift(kind))

    def _affine(self, d: int, kind: str) -> Affine:
        gain = self._up_to(np.full(d, INT32_MAX // NORM_MAX))
        bias = self._up_to(INT32_MAX - np.abs(gain.astype(np.int64)) * NORM_MAX)
        return Affine(gain, bias, self._shift(kind))

    def _cell(self, d: int, first: bool) -> Cell:
        recurrent, multiplier, reach = self._weight(4 * d, d, 3)
        own: dict[str, Any] = {}
        if first:
            top = 32767
            own["table"] = self.generator.integers(-top, top + 1, (SYMBOLS, 4 * d)).astype(np.int16)
            own["table_shift"] = self._integer(0, 15)
            reach += np.abs(own["table"].astype(np.int64)).max(axis=0) << own["table_shift"]
        else:
            own["inputs"], own["multiplier_inputs"], more = self._weight(4 * d, d, 3)
            reach += more
        bias, hidden = self._up_to(INT32_MAX - reach), self._integer(1, 1 << 16)
        return Cell(recurrent, multiplier, bias, self._shift("index"), hidden, **own)

    def _attention(self, d: int) -> IntegerAttention:
        shift = self._shift("value")
        most = (INT32_MAX - (1 << shift >> 1)) // (ACTIVATION_MAX << 8)
        return IntegerAttention(
            memory=self._affine(d, "activation"),
            stream=self._affine(d, "stream"),
            query_input=self._affine(d, "activation"),
            query=self._linear(d, d, "stream"),
            query_norm=self._affine(d, "activation"),
            multiplier=self._integer(1, 1 << self._integer(1, 20)),
            shift=self._integer(0, 32),
            value=self._up_to(np.full(d, most)),
            value_shift=shift,
        )

    def _block(self, config: SHARNNConfig, index: int) -> IntegerBlock:
        d = config.dim
        return IntegerBlock(
            cell=self._cell(d, index == 0),
            norm_stream=self._affine(d, "stream"),
            norm_boom=self._affine(d, "activation"),
            boom=self._linear(config.boom, d, "boom"),
            norm_lstm=self._affine(d, "activation") if index else None,
            attention=self._attention(d) if index in config.attention else None,
        )


def draw_state(seed: int, lanes: Lanes, count: int) -> None:
    """Fill the state of ``count`` lanes: cells, outputs and memories, with lanes of one number."""
    import torch

    generator = np.random.default_rng(seed)
    for tensor in lanes.state:
        most = CELL_MAX if tensor.dtype == torch.int32 else ACTIVATION_MAX
        numbers = generator.integers(-most, most + 1, (count, *tensor.shape[1:]))
        numbers[::3] = most * generator.choice([-1, 1])
        tensor[:count].copy_(torch.from_numpy(numbers))


def steps(network: Network, seed: int, count: int, number: int = 2) -> list[Any]:
    """Take steps from a drawn state, with rows whose memories are filled to any degree.

    Returns:
        All that ``count`` rows have afterwards: the stream, what is predicted, and their state.
    """
    generator = np.random.default_rng(seed)
    lanes, window = network.lanes(count), network.config.window
    advance: Any = lanes.advance
    draw_state(seed, lanes, count)
    host = lanes.exchange.host
    slot, filled = int(generator.integers(window)), generator.integers(1, window + 1, count)
    for _ in range(number):
        host.symbols[:count] = generator.integers(0, SYMBOLS, count)
        host.slot[0], host.filled[:count] = slot, filled
        advance.launch()
        advance.wait()
        slot, filled = (slot + 1) % window, np.minimum(filled + 1, window)
    found = [lanes.stream, lanes.activations, lanes.weights, *lanes.state]
    return [tensor[:count].cpu().numpy().copy() for tensor in found]

"""Describe the shape of a SHA-RNN, for training, quantisation and the integer network alike.

Source: S. Merity, "Single Headed Attention RNN: Stop Thinking With Your Head",
https://arxiv.org/abs/1911.11423.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

START_SYMBOL = 32
"""The "previous byte" that a lane reads before its first byte: a space."""

SYMBOLS = 256
"""Size of the alphabet: one symbol a byte value."""

_LARGEST = {"dim": 1 << 14, "boom": 1 << 17, "layers": 64, "heads": 64, "window": 1 << 16}
"""Largest value of each size; the least is 1."""


@dataclass(frozen=True)
class SHARNNConfig:
    """Sizes of a SHA-RNN.

    Attributes:
        dim: width of the stream, of the LSTMs and of the embedding; a multiple of ``heads``, 1 to
            2**14.
        boom: width of the Boom layer, a multiple of ``dim``, 1 to 2**17; its chunks of ``dim`` are
            summed.
        layers: number of blocks, 1 to 64.
        attention: indices of the blocks that attend, ascending; empty for none.
        heads: attention heads in each of those blocks, 1 to 64; 1 in the paper.
        window: positions an attention reads, the current one included, 1 to 2**16.
        dropout_embedding: rate in [0, 1) for the embedded bytes, in training.
        dropout_hidden: rate for the outputs of LSTM, attention and Boom in each block.
        dropout_output: rate for the stream before the output layer.

    Raises:
        ValueError: a value makes no network.
    """

    dim: int
    boom: int
    layers: int
    attention: tuple[int, ...] = ()
    heads: int = 1
    window: int = 256
    dropout_embedding: float = 0.0
    dropout_hidden: float = 0.0
    dropout_output: float = 0.0

    def __post_init__(self) -> None:
        for name, top in _LARGEST.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= top:
                raise ValueError(f"{name} must be a whole number from 1 to {top}, not {value!r}")
        if self.boom % self.dim:
            raise ValueError(f"boom ({self.boom}) must be a multiple of dim ({self.dim})")
        if self.dim % self.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of heads ({self.heads})")
        _check_attention(self.attention, self.layers)
        for name in ("dropout_embedding", "dropout_hidden", "dropout_output"):
            rate = getattr(self, name)
            if type(rate) not in (int, float) or not 0 <= rate < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, not {rate!r}")

    def parameter_count(self) -> int:
        """Count the trained parameters; the embedding, tied to the output layer, counts once."""
        d = self.dim
        norm = 2 * d
        lstm = 4 * d * (d + d) + 4 * d
        boom = self.boom * d + self.boom
        block = norm + lstm + 2 * norm + boom
        attention = 2 * norm + (d * d + d) + norm + 3 * d + (2 * d * d + 2 * d)
        return SYMBOLS * d + SYMBOLS + self.layers * block + len(self.attention) * attention

    def to_json(self) -> str:
        """Return the config as canonical JSON text, its keys sorted."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SHARNNConfig:
        """Read the text of :meth:`to_json`.

        Raises:
            ValueError: the text is not JSON, or not of a config.
        """
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise ValueError(f"the network's config is not JSON: {error}") from None
        if not isinstance(fields, dict):
            raise ValueError("the network's config must be a JSON object")
        return cls.from_fields(fields)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> SHARNNConfig:
        """Make a config from names of fields and their values.

        Raises:
            ValueError: a name is unknown or missing, or a value makes no network.
        """
        known = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(fields) - set(known))
        if unknown:
            raise ValueError(f"unknown field in the network's config: {unknown[0]!r}")
        required = [name for name, f in known.items() if f.default is dataclasses.MISSING]
        missing = [name for name in required if name not in fields]
        if missing:
            raise ValueError(f"the network's config lacks {missing[0]!r}")
        values = dict(fields)
        if isinstance(values.get("attention"), list):
            values["attention"] = tuple(values["attention"])
        return cls(**values)


def _check_attention(attention: Any, layers: int) -> None:
    if not isinstance(attention, tuple) or any(type(index) is not int for index in attention):
        raise ValueError(f"attention must be a tuple of block indices, not {attention!r}")
    if any(not 0 <= index < layers for index in attention):
        raise ValueError(f"attention names a block outside 0 to {layers - 1}: {attention!r}")
    if list(attention) != sorted(set(attention)):
        raise ValueError(f"attention must list each block once, ascending, not {attention!r}")

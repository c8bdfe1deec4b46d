"""Name the shapes of networks that training starts from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nncompress.errors import ConfigError
from nncompress.exact.config import SHARNNConfig

PRESETS: dict[str, SHARNNConfig] = {
    # "the second last layer" attends, section 6.1 of the paper; dropouts as in its released code.
    "paper": SHARNNConfig(
        dim=1024,
        boom=4096,
        layers=4,
        attention=(2,),
        window=5000,
        dropout_embedding=0.1,
        dropout_hidden=0.1,
        dropout_output=0.1,
    ),
    "small": SHARNNConfig(dim=384, boom=1536, layers=3, attention=(1,), window=256),
    # The shapes of the released models. The first block's input is a table, so that a single wide
    # block spends its multiplications well; and one GPU trains it fast.
    "quick": SHARNNConfig(dim=512, boom=512, layers=1, attention=(0,), window=128),
    "default": SHARNNConfig(dim=640, boom=640, layers=1, attention=(0,), window=128),
    "large": SHARNNConfig(dim=1024, boom=1024, layers=1, attention=(0,), window=256),
}
"""Shapes by the name that ``nncompress train --preset`` takes."""


def chosen_shape(
    preset: str | None = None,
    width: int | None = None,
    layers: int | None = None,
    heads: int | None = None,
    window: int | None = None,
) -> SHARNNConfig | None:
    """Return the shape of a new network.

    Args:
        preset: the shape whose sizes hold where others are not given; None for "default".
        width: of stream and LSTMs; Boom stays as many times as wide.
        layers: number of blocks, of which the second last one attends, or the only one.
        heads: of attention.
        window: positions that attention reads.

    Returns:
        The shape; None where nothing is given at all.

    Raises:
        ConfigError: there is no such preset, or no network of such sizes.
    """
    sizes = {"dim": width, "layers": layers, "heads": heads, "window": window}
    changed: dict[str, Any] = {name: size for name, size in sizes.items() if size is not None}
    if preset is None and not changed:
        return None
    base = PRESETS.get(preset or "default")
    if base is None:
        raise ConfigError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    if width is not None:
        changed["boom"] = width * base.boom // base.dim
    if layers is not None and base.attention:
        changed["attention"] = (max(0, layers - 2),)
    try:
        return replace(base, **changed)
    except ValueError as error:
        raise ConfigError(f"no network has such a shape: {error}") from None

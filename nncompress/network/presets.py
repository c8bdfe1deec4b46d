"""Name the shapes of networks that training starts from."""

from __future__ import annotations

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

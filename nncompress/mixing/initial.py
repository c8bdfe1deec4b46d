"""Take what a predictor has learnt that holds for other data too, and start another one with it.

Two arrays go into a model file: ``weights`` int16 [n], those of the weight sets;
``maps`` uint16 [m], the 16-bit probabilities of the contexts' maps and of the match model. The
hashed contexts, the last mix and the final maps depend on the data and on the size of the block,
so they are left out; weights that each lane has for itself become their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nncompress.errors import ConfigError

from .mixer import CHOICES
from .profiles import Profile, Selector
from .state import FINAL_WEIGHTS, INPUTS, NETWORK_CELLS, SET_WEIGHTS, State

Initial = dict[str, npt.NDArray[Any]]
"""Starting values by name."""

TRUST = 30
"""Count that trained maps start with."""


def export_initial(state: State, profile: Profile) -> Initial:
    """Take the starting values from the state of a predictor that has coded training data."""
    weights = state.weights[: state.config[FINAL_WEIGHTS]].copy()
    for selector, start in zip(profile.selectors, state.config[SET_WEIGHTS:], strict=False):
        if selector is Selector.LANE:
            _share(weights[start : start + CHOICES[selector] * state.config[INPUTS]], state)
    maps = state.cells[: state.config[NETWORK_CELLS]] >> np.uint32(16)
    return {
        "weights": weights,
        "maps": maps.astype(np.uint16),
    }


def _share(weights: npt.NDArray[Any], state: State) -> None:
    """Give all lanes the mean of what each has learnt.

    A lane of other data is not like the lane of the same number here.
    """
    rows = weights.reshape(CHOICES[Selector.LANE], -1)
    used = min(len(state.lanes), len(rows))
    rows[:] = rows[:used].sum(axis=0, dtype=np.int64) // used


def load_initial(state: State, profile: Profile, initial: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put starting values into the state of a new predictor.

    Args:
        state: what a predictor that has seen nothing works on.
        profile: the predictor's.
        initial: the arrays that :func:`export_initial` returns.

    Raises:
        ConfigError: an array is missing or has not the type and length that ``profile`` asks for.
    """
    weights = state.weights[: state.config[FINAL_WEIGHTS]]
    maps = state.cells[: state.config[NETWORK_CELLS]]
    for name, like, dtype in (("weights", weights, np.int16), ("maps", maps, np.uint16)):
        found = initial.get(name)
        if found is None or found.shape != like.shape or found.dtype != dtype:
            raise ConfigError(
                f"starting values of the mixer do not fit: {name} must be "
                f"{np.dtype(dtype)} {like.shape}"
            )
    weights[:] = initial["weights"]
    maps[:] = (initial["maps"].astype(np.uint32) << np.uint32(16)) | np.uint32(TRUST)

"""Take what a predictor has learnt that holds for other data too, and start another one with it.

Two arrays go into a model file: ``weights`` int16 [n], the mixer's weights with 12 fractional bits;
``maps`` uint16 [m], the 16-bit probabilities of the contexts' maps and of the match model. The
hashed contexts and the final maps depend on the data and on the size of the block, so they are
left out; weights that each lane has for itself become their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nncompress.errors import ConfigError

from .mixer import CHOICES
from .profiles import Profile, Selector
from .state import APM_CELLS, INPUTS, SET_WEIGHTS, State

Initial = dict[str, npt.NDArray[Any]]
"""Starting values by name."""

DROPPED_BITS = 4
LEAST_INT16, MOST_INT16 = -(1 << 15), (1 << 15) - 1
TRUST = 30
"""Count that trained maps start with."""


def export_initial(state: State, profile: Profile) -> Initial:
    """Take the starting values from the state of a predictor that has coded training data."""
    weights = state.weights.copy()
    for selector, start in zip(profile.selectors, state.config[SET_WEIGHTS:], strict=False):
        if selector is Selector.LANE:
            _share(weights[start : start + CHOICES[selector] * state.config[INPUTS]], state)
    rounded = (weights + (1 << (DROPPED_BITS - 1))) >> DROPPED_BITS
    maps = state.cells[: state.config[APM_CELLS]] >> np.uint32(16)
    return {
        "weights": np.clip(rounded, LEAST_INT16, MOST_INT16).astype(np.int16),
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
    maps = state.cells[: state.config[APM_CELLS]]
    for name, like, dtype in (("weights", state.weights, np.int16), ("maps", maps, np.uint16)):
        found = initial.get(name)
        if found is None or found.shape != like.shape or found.dtype != dtype:
            raise ConfigError(
                f"starting values of the mixer do not fit: {name} must be "
                f"{np.dtype(dtype)} {like.shape}"
            )
    state.weights[:] = initial["weights"].astype(np.int32) << DROPPED_BITS
    maps[:] = (initial["maps"].astype(np.uint32) << np.uint32(16)) | np.uint32(TRUST)

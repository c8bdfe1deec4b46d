"""Trained starting values: what a mixer has learnt that holds for other data too.

Two arrays go into a model file: ``weights`` int16 [n], mixer weights with 12 fractional bits; ``maps`` uint16 [m], the
16-bit probabilities of the contexts' maps and of the match model. The hashed contexts and the final maps depend on the
data and on the size of the block, so they stay behind; weights that each lane has for itself become their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nncompress.errors import ConfigError
from nncompress.mixing.kinds import Kinds
from nncompress.mixing.sets import CHOICES
from nncompress.mixing.spec import MixerSpec, Selector
from nncompress.mixing.state import APM_CELLS, INPUTS, SET_WEIGHTS, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from nncompress.exact.engine import Prediction

    Predictions = Callable[[bytes, int], Iterable[Prediction]]

DROPPED_BITS = 4
LEAST_INT16, MOST_INT16 = -(1 << 15), (1 << 15) - 1
TRUST = 30
"""Count that trained maps start with."""


def export_initial(state: State, spec: MixerSpec) -> dict[str, npt.NDArray[Any]]:
    """Take the starting values from a mixer that has coded training data."""
    weights = state.weights.copy()
    for selector, start in zip(spec.selectors, state.config[SET_WEIGHTS:], strict=False):
        if selector is Selector.LANE:
            _share(weights[start : start + CHOICES[selector] * state.config[INPUTS]], state)
    rounded = (weights + (1 << (DROPPED_BITS - 1))) >> DROPPED_BITS
    maps = state.cells[: state.config[APM_CELLS]] >> np.uint32(16)
    return {
        "weights": np.clip(rounded, LEAST_INT16, MOST_INT16).astype(np.int16),
        "maps": maps.astype(np.uint16),
    }


def _share(weights: npt.NDArray[Any], state: State) -> None:
    """Give all lanes the mean of what each has learnt: lanes of other data are not like those of that number."""
    rows = weights.reshape(CHOICES[Selector.LANE], -1)
    used = min(len(state.lanes), len(rows))
    rows[:] = rows[:used].sum(axis=0, dtype=np.int64) // used


def load_initial(state: State, spec: MixerSpec, initial: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put starting values into a new mixer.

    Raises:
        ConfigError: an array is missing or has not the type and length that ``spec`` asks for.
    """
    maps = state.cells[: state.config[APM_CELLS]]
    for name, like, dtype in (("weights", state.weights, np.int16), ("maps", maps, np.uint16)):
        found = initial.get(name)
        if found is None or found.shape != like.shape or found.dtype != dtype:
            raise ConfigError(
                f"starting values of the mixer do not fit: {name} must be {np.dtype(dtype)} {like.shape}"
            )
    state.weights[:] = initial["weights"].astype(np.int32) << DROPPED_BITS
    maps[:] = (initial["maps"].astype(np.uint32) << np.uint32(16)) | np.uint32(TRUST)


def train_initial(
    spec: MixerSpec,
    samples: Iterable[bytes],
    lanes: int = 32,
    predictions: Predictions | None = None,
    kinds: Kinds | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Code samples one after the other, each starting from what the ones before taught, and give what is learnt.

    Args:
        spec: the mixer to train.
        samples: data like that to be compressed; put the most typical last.
        lanes: number of lanes, as it will be used.
        predictions: ``predictions(sample, lanes)`` gives what the network says of the lanes with a byte in each
            step; needed if ``spec.network``.
        kinds: the kinds of the network's hidden vectors.

    Returns:
        starting values for ``Mixer(..., initial=...)``.
    """
    from nncompress.mixing.mixer import Mixer

    initial: dict[str, npt.NDArray[Any]] | None = None
    for sample in samples:
        mixer = Mixer(spec, lanes, len(sample), initial, kinds)
        coming = None if predictions is None else iter(predictions(sample, lanes))
        for symbols in _steps(sample, lanes):
            out = np.empty((8, len(symbols)))
            mixer.encode_step(
                0, len(symbols), symbols, None if coming is None else next(coming), out
            )
        initial = mixer.export_initial()
    return initial if initial is not None else Mixer(spec, lanes, 0).export_initial()


def _steps(data: bytes, lanes: int) -> Iterable[npt.NDArray[np.uint8]]:
    """Give the bytes of every lane that has one, step by step."""
    values = np.frombuffer(data, np.uint8)
    each, rest = divmod(len(values), lanes)
    number = np.arange(lanes)
    starts = number * each + np.minimum(number, rest)
    for t in range(each):
        yield values[starts + t]
    if rest:
        yield values[starts[:rest] + each]

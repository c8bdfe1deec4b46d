"""Trained starting values: what a mixer has learnt that holds for other data too.

Two arrays go into a model file: ``weights`` int16 [n], mixer weights with 12 fractional bits; ``maps`` uint16 [m], the
16-bit probabilities of the contexts' maps and of the match model. The hashed contexts and the final maps depend on the
data and on the size of the block, so they stay behind; weights that each lane has for itself become their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nncompress.errors import ConfigError

from .clusters import Kinds
from .mixer import CHOICES
from .profiles import MixerSpec, Selector
from .state import APM_CELLS, INPUTS, SET_WEIGHTS, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from nncompress.exact.engine import Prediction

    from .predictor import Mixer

    Initial = dict[str, npt.NDArray[Any]]
    Predictions = Callable[[bytes, int], Iterable[Prediction]]
    Step = tuple[npt.NDArray[np.uint8], Prediction | None]

DROPPED_BITS = 4
LEAST_INT16, MOST_INT16 = -(1 << 15), (1 << 15) - 1
TRUST = 30
"""Count that trained maps start with."""
BATCH = 64
"""Steps that the network is ahead of the mixers that are trained: 3 MB of predictions for 32 lanes."""


def export_initial(state: State, spec: MixerSpec) -> Initial:
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
    specs: Sequence[MixerSpec],
    samples: Iterable[bytes],
    lanes: int = 32,
    predictions: Predictions | None = None,
    kinds: Kinds | None = None,
) -> list[Initial]:
    """Code samples one after the other, each starting from what the ones before taught, and give what is learnt.

    All mixers learn from the same pass of the network, each in a thread, while the network reads on in another.
    What one learns depends neither on the others nor on the threads.

    Args:
        specs: the mixers to train, at least one.
        samples: data like that to be compressed; put the most typical last.
        lanes: number of lanes, as it will be used.
        predictions: ``predictions(sample, lanes)`` gives what the network says of the lanes with a byte in each
            step; needed if a mixer has ``spec.network``. It runs in one thread, not the caller's, and may overwrite
            a prediction when it is asked for the next.
        kinds: the kinds of the network's hidden vectors.

    Returns:
        starting values for ``Mixer(..., initial=...)``, one for each of ``specs``.
    """
    from .predictor import Mixer

    starts: list[Initial | None] = [None] * len(specs)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(len(specs)) as learners:
        for sample in samples:
            mixers = [
                Mixer(spec, lanes, len(sample), start, kinds)
                for spec, start in zip(specs, starts, strict=True)
            ]
            steps = _steps(sample, lanes, predictions)
            coming = reader.submit(_take, steps)
            while batch := coming.result():
                coming = reader.submit(_take, steps)
                list(learners.map(_learn, mixers, repeat(batch)))
            starts = [mixer.export_initial() for mixer in mixers]
    return [
        start if start is not None else Mixer(spec, lanes, 0).export_initial()
        for spec, start in zip(specs, starts, strict=True)
    ]


def _take(steps: Iterator[Step]) -> list[Step]:
    """Take the next steps, with predictions that last."""
    return [
        (symbols, p and p._replace(weights=p.weights.copy(), hidden=p.hidden.copy()))
        for symbols, p in islice(steps, BATCH)
    ]


def _learn(mixer: Mixer, steps: Iterable[Step]) -> None:
    for symbols, prediction in steps:
        out = np.empty((8, len(symbols)))
        mixer.encode_step(0, len(symbols), symbols, prediction, out)


def _steps(data: bytes, lanes: int, predictions: Predictions | None) -> Iterator[Step]:
    """Give the bytes of every lane that has one, step by step, and what the network says of them."""
    values = np.frombuffer(data, np.uint8)
    each, rest = divmod(len(values), lanes)
    number = np.arange(lanes)
    starts = number * each + np.minimum(number, rest)
    coming = repeat(None) if predictions is None else iter(predictions(data, lanes))
    for t in range(each):
        yield values[starts + t], next(coming)
    if rest:
        yield values[starts[:rest] + each], next(coming)

"""Train the starting values of predictors: see :mod:`.initial`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, repeat
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nncompress.lanes import Layout

from .clusters import Clusters
from .initial import Initial
from .predictor import Predictor
from .profiles import Profile

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction

    Predictions = Callable[[bytes, int], Iterable[Prediction]]
    Step = tuple[npt.NDArray[np.uint8], Prediction | None]

BATCH = 64
"""Steps that the network is ahead of the predictors that are trained.

For 32 lanes these are 3 MB of predictions."""


def train_initial(
    profiles: Sequence[Profile],
    samples: Iterable[bytes],
    lanes: int = 32,
    predictions: Predictions | None = None,
    clusters: Clusters | None = None,
    threads: int | None = None,
    first: Sequence[Initial | None] = (),
) -> list[Initial]:
    """Train starting values: code samples, each starting from what the ones before have taught.

    All predictors learn from the same pass of the network while it reads on. What one learns
    depends neither on the others nor on the threads.

    Args:
        profiles: those of the predictors to train, at least one.
        samples: data like that to be compressed; put the most typical last.
        lanes: number of lanes, as it will be used.
        predictions: ``predictions(sample, lanes)`` gives what the network says of the lanes with a
            byte in each step; needed if a profile has ``network``. It runs in one thread at a
            time, not the caller's, and may overwrite a prediction when it is asked for the next.
        clusters: the clusters of the network's hidden vectors.
        threads: how many there may be; None for one for each predictor and one for the network.
        first: what the first sample starts from, one for each of ``profiles``, None and none at
            all for the built-in values.

    Returns:
        Starting values for ``Predictor(..., initial=...)``, one for each of ``profiles``.
    """
    starts: list[Initial | None] = [*(first or repeat(None, len(profiles)))]
    with ThreadPoolExecutor(threads or 1 + len(profiles)) as workers:
        for sample in samples:
            predictors = [
                Predictor(profile, lanes, len(sample), start, clusters)
                for profile, start in zip(profiles, starts, strict=True)
            ]
            steps = _steps(sample, lanes, predictions)
            coming = workers.submit(_take, steps)
            while batch := coming.result():
                coming = workers.submit(_take, steps)
                list(workers.map(_learn, predictors, repeat(batch)))
            starts = [predictor.export_initial() for predictor in predictors]
    return [
        start if start is not None else Predictor(profile, lanes, 0).export_initial()
        for profile, start in zip(profiles, starts, strict=True)
    ]


def _take(steps: Iterator[Step]) -> list[Step]:
    """Take the next steps; their predictions are copies, which nothing overwrites."""
    return [
        (symbols, p and p._replace(weights=p.weights.copy(), hidden=p.hidden.copy()))
        for symbols, p in islice(steps, BATCH)
    ]


def _learn(predictor: Predictor, steps: Iterable[Step]) -> None:
    for symbols, prediction in steps:
        out = np.empty((8, len(symbols)))
        predictor.encode_step(0, len(symbols), symbols, prediction, out)


def _steps(data: bytes, lanes: int, predictions: Predictions | None) -> Iterator[Step]:
    """Yield each step's bytes of the lanes that have one, and what the network says of them."""
    layout = Layout(len(data), lanes)
    coming = repeat(None) if predictions is None else iter(predictions(data, lanes))
    for step, row in enumerate(layout.cut(data)):
        yield row[: layout.active(step)], next(coming)

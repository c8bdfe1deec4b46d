from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from nncompress.errors import ConfigError
from nncompress.exact.engine import Prediction
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import BEST, FAST, FULL, Selector
from nncompress.mixing.state import INPUTS, SET_WEIGHTS
from nncompress.mixing.training import train_initial
from tests.mixing import blocks
from tests.models import some_clusters

PAGES = [
    b"".join(b"<p id=%d>some %d words</p>\n" % (i, i * k % 97) for i in range(120))
    for k in (3, 5, 7)
]


def test_trained_starting_values_make_small_files_smaller():
    [initial] = train_initial([FAST], PAGES[:2], lanes=2)
    fresh = blocks.code_length(blocks.encode(PAGES[2][:400], FAST, 1)[1])
    trained = blocks.code_length(blocks.encode(PAGES[2][:400], FAST, 1, initial=initial)[1])
    assert trained < 0.98 * fresh


def test_they_are_small_integers_and_fit_any_block():
    [initial] = train_initial([FULL], [PAGES[0]], 4, _predictions, some_clusters(blocks.WIDTH))
    assert {name: array.dtype for name, array in initial.items()} == {
        "weights": np.int16,
        "maps": np.uint16,
    }
    assert sum(array.nbytes for array in initial.values()) < 400_000
    for lanes, size in ((1, 0), (64, 100_000)):
        Predictor(FULL, lanes, size, initial, some_clusters(blocks.WIDTH))


def _predictions(data, lanes):
    """Overwrites its arrays at the next step, as a network's lanes do."""
    weights, hidden = np.empty((lanes, 256), np.int32), np.empty((lanes, blocks.WIDTH), np.int8)
    for t, _, _, symbols in blocks.steps(data, lanes, [(0, lanes)]):
        made = Prediction(weights, hidden).first(len(symbols))
        made.weights[:], made.hidden[:] = blocks.prediction_for(t, symbols, 0)
        yield made


def _same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_predictors_trained_together_learn_what_each_learns_alone():
    """Alone as the coding loop would run it: in one thread, a step at a time."""
    clusters = some_clusters(blocks.WIDTH)
    together = train_initial([FULL, FAST, BEST], PAGES[:2], 3, _predictions, clusters)
    for profile, found in zip([FULL, FAST, BEST], together, strict=True):
        alone = None
        for page in PAGES[:2]:
            alone = blocks.encode(page, profile, 3, initial=alone)[0].export_initial()
        assert _same(found, alone)


def test_a_network_that_fails_is_heard():
    def predictions(data, lanes):
        yield from islice(_predictions(data, lanes), 100)
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        train_initial([FULL], PAGES, 3, predictions, some_clusters(blocks.WIDTH))


def test_they_survive_a_round_trip():
    [initial] = train_initial([FAST], PAGES[:1], lanes=2)
    again = Predictor(FAST, 3, 77, initial).export_initial()
    assert _same(initial, again)


def test_lanes_that_were_never_trained_start_like_those_that_were():
    lanes = replace(FAST, selectors=(Selector.NODE, Selector.LANE))
    [initial] = train_initial([lanes], PAGES[:1], lanes=2)
    fresh, state = Predictor(lanes, 8, 1000).state, Predictor(lanes, 8, 1000, initial).state
    inputs = state.config[INPUTS]
    first = state.config[SET_WEIGHTS + 1]
    lanes = state.weights[first : first + 8 * inputs].reshape(8, inputs)
    assert (lanes == lanes[0]).all()
    assert (lanes[0] != fresh.weights[first : first + inputs]).any()


def test_encoder_and_decoder_start_alike():
    [initial] = train_initial([FAST], PAGES[:1], lanes=2)
    encoder, _ = blocks.encode(PAGES[1], FAST, 3, initial=initial)
    decoder, _ = blocks.decode(PAGES[1], FAST, 3, initial=initial)
    assert blocks.same_state(encoder, decoder)


def test_training_on_nothing_gives_the_built_in_start():
    plain = Predictor(FAST, 1, 10).export_initial()
    assert _same(train_initial([FAST], [])[0], plain)


@pytest.mark.parametrize("change", ["missing", "length", "dtype"])
def test_values_that_do_not_fit_are_refused(change):
    initial = Predictor(FAST, 1, 10).export_initial()
    if change == "missing":
        del initial["maps"]
    elif change == "length":
        initial["weights"] = initial["weights"][:-1]
    else:
        initial["weights"] = initial["weights"].astype(np.int64)
    with pytest.raises(ConfigError, match="do not fit"):
        Predictor(FAST, 1, 10, initial)


def test_training_goes_on_from_what_is_given():
    [one] = train_initial([FAST], PAGES[:1], lanes=2)
    [both] = train_initial([FAST], PAGES[:2], lanes=2)
    assert _same(train_initial([FAST], PAGES[1:2], lanes=2, first=[one])[0], both)

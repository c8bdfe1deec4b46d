import numpy as np
import pytest

from nncompress.exact.fixedpoint import WEIGHT_MAX
from nncompress.quantize.gptq import error_spread, round_weights

WIDTH = 32


def inputs(seed, directions):
    """Inputs that lie near a few directions, as activations do."""
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((500, directions)) @ random.standard_normal((directions, WIDTH))
    return mixed + 0.1 * random.standard_normal(mixed.shape)


def weights(seed):
    return np.random.default_rng(seed).uniform(-WEIGHT_MAX, WEIGHT_MAX, (20, WIDTH))


@pytest.mark.parametrize("seed", range(5))
def test_products_with_inputs_that_go_together_keep_more_than_by_rounding_to_the_nearest(seed):
    x, w = inputs(seed, directions=4), weights(seed)
    careful = round_weights(w, error_spread(x.T @ x))

    def error(whole):
        return np.square(x @ (whole - w).T).sum()

    assert error(careful) < error(np.rint(w)) / 2


def test_unrelated_inputs_round_to_the_nearest():
    w = weights(0)
    np.testing.assert_array_equal(round_weights(w, error_spread(np.eye(WIDTH))), np.rint(w))


def test_inputs_that_were_never_seen_round_to_the_nearest():
    w = weights(1)
    nothing = np.zeros((WIDTH, WIDTH))
    np.testing.assert_array_equal(round_weights(w, error_spread(nothing)), np.rint(w))


def test_corrections_stay_within_the_weights_range():
    x = inputs(2, directions=1)
    whole = round_weights(np.sign(weights(2)) * WEIGHT_MAX, error_spread(x.T @ x))
    assert np.abs(whole.astype(int)).max() <= WEIGHT_MAX

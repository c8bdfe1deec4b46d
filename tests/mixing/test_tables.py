import math

import numpy as np

from nncompress.mixing import tables as t


def test_squash_is_the_logistic_function():
    for x in range(-t.STRETCH_MAX, t.STRETCH_MAX + 1, 331):
        exact = 65536 / (1 + math.exp(-x / t.STRETCH_ONE))
        assert abs(t.SQUASH[x + t.STRETCH_MAX] - min(max(exact, 1), 65535)) <= 1


def test_stretch_inverts_squash_over_all_probabilities():
    # A step of stretch is worth 8 / 65536 at p = 1/2.
    p = np.arange(1, 65536)
    back = t.SQUASH[t.STRETCH[p].astype(int) + t.STRETCH_MAX]
    assert np.abs(back - p).max() <= 8
    assert (np.diff(t.STRETCH.astype(int)) >= 0).all()


def test_stretch_is_symmetric_within_rounding():
    p = np.arange(1, 65536)
    assert np.abs(t.STRETCH[p].astype(int) + t.STRETCH[65536 - p]).max() <= 2


def test_rates_keep_probabilities_inside_their_range():
    assert t.RECIPROCAL.max() < 65536
    assert (np.diff(t.RECIPROCAL) <= 0).all()
    assert t.RECIPROCAL.min() > 0


def test_buckets_cover_what_they_index():
    assert set(t.CLASS.tolist()) == set(range(8))
    assert set(t.SIZE_CLASS.tolist()) == set(range(14))
    assert set(t.DIFFERENCE_CLASS.tolist()) == {*range(9), *range(17, 25)}


def test_coarse_tables_are_near_the_fine_ones():
    p = np.arange(4096, 61440)
    assert np.abs(t.COARSE_STRETCH[p >> 4].astype(int) - t.STRETCH[p]).max() <= 8
    x = np.arange(2 * t.STRETCH_MAX)
    assert np.abs(t.COARSE_SQUASH[x >> t.COARSE_BITS] - t.SQUASH[x]).max() <= 40

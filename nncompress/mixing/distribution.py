"""Compute a predictor's probabilities of whole bytes, for showing them; coding does not use these.

Coding learns after every bit plane, so that what a byte costs differs a little from its probability
here. The predictor is left as it was: the walk over the 255 nodes works on copies of the slots that
it would use, and claims none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nncompress.machine.jit import jit, part

from .clusters import find_clusters
from .contexts import hash_contexts
from .hashing import BYTE, U, mix64
from .hashtable import CHECK_SHIFT, SLOT_SIZE
from .kernels import _predict
from .networkmodel import sum_weights
from .predictor import Predictor
from .state import CONTEXTS, KEYS, NETWORK, NODE, SLOT, SLOT_BITS

if TYPE_CHECKING:
    from nncompress.exact.engine import Prediction


def expected_bytes(
    predictor: Predictor, lo: int, hi: int, prediction: Prediction | None
) -> npt.NDArray[np.float64]:
    """Return the probability that each byte comes next in lanes lo..hi-1.

    Args:
        predictor: the predictor; nothing that decides its predictions changes.
        lo: first lane.
        hi: one more than the last lane.
        prediction: what the network says of these lanes; None without one.

    Returns:
        P(next byte = k), float64 [hi - lo, 256].
    """
    weights = predictor.take(lo, hi, prediction)
    whole = predictor.state
    lanes, contexts = whole.lanes.shape[0], int(whole.config[CONTEXTS])
    walk = whole._replace(
        config=whole.config.copy(),
        slots=np.zeros(lanes * contexts * SLOT_SIZE, whole.slots.dtype),
        lanes=whole.lanes.copy(),
        inputs=whole.inputs.copy(),
        outputs=whole.outputs.copy(),
        where=whole.where.copy(),
    )
    tree = np.zeros((hi - lo, 512))
    _walk(whole, walk, lo, hi, weights, np.empty(hi - lo), tree)
    return tree[:, 256:]


@jit
def _walk(s, walk, lo, hi, weights, p, tree):
    """Fill ``tree``, float64 [hi - lo, 512], with the probability of reaching each node."""
    # What these two write is written anew before the byte is coded.
    if s.config[NETWORK]:
        sum_weights(s, lo, hi, weights)
        find_clusters(walk, lo, hi)
    hash_contexts(s, lo, hi)
    tree[:, 1] = 1.0
    _copy_slots(s, walk, lo, hi, 0)
    _walk_half(walk, 0, 1, lo, hi, p, tree)
    for half in range(16, 32):
        _copy_slots(s, walk, lo, hi, half)
        _walk_half(walk, 4, half, lo, hi, p, tree)


@part
def _walk_half(walk, plane, root, lo, hi, p, tree):
    """Predict at the 15 nodes of half a byte."""
    for depth in range(4):
        for node in range(root << depth, (root + 1) << depth):
            walk.lanes[lo:hi, NODE] = node
            _predict(walk, plane + depth, lo, hi, p)
            for i in range(hi - lo):
                tree[i, 2 * node + 1] = tree[i, node] * p[i]
                tree[i, 2 * node] = tree[i, node] * (1 - p[i])


@part
def _copy_slots(s, walk, lo, hi, half):
    """Copy the slots for the upper half (0), or for the lower one that follows ``half``.

    A copy is empty where the table has no such slot.
    """
    n = s.config[CONTEXTS]
    shift = U(64 - s.config[SLOT_BITS])
    for lane in range(lo, hi):
        for i in range(n):
            key = s.keys[lane, KEYS + i]
            if half:
                key = mix64(key, U(half))
            check = np.uint8((key >> CHECK_SHIFT) & BYTE)
            at = np.int64(key >> shift) * SLOT_SIZE
            if s.slots[at] != check:
                at ^= SLOT_SIZE
            found = s.slots[at] == check
            to = (lane * n + i) * SLOT_SIZE
            walk.where[lane, SLOT + i] = to
            for k in range(SLOT_SIZE):
                walk.slots[to + k] = s.slots[at + k] if found else 0

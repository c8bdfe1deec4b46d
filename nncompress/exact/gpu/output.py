"""Compute the output layer: the stream to int8, its product with the weight, and the softmax.

A program of the grid takes some rows with all 256 symbols.
"""

from __future__ import annotations

import triton
import triton.language as tl

from nncompress.exact.config import SYMBOLS
from nncompress.exact.fixedpoint import LOGIT_BITS

from .arithmetic import activation_of

_SYMBOLS = tl.constexpr(SYMBOLS)
_LOGIT_BITS = tl.constexpr(LOGIT_BITS)
_FRACTION = tl.constexpr((1 << LOGIT_BITS) - 1)


@triton.jit(do_not_specialize=["n"])
def output_kernel(
    n,
    stream,
    activations,
    weight,
    multiplier,
    bias,
    weights,
    exp2,
    SCALE: tl.constexpr,
    SHIFT: tl.constexpr,
    D: tl.constexpr,
    ROWS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """Compute the weights of the symbols; ``weight`` is int8 [256, D].

    The other arguments are as in :class:`nncompress.exact.stages.StreamToInt8`, whose multiplier is
    ``SCALE``, and in :class:`nncompress.exact.stages.Softmax`.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    symbol = tl.arange(0, _SYMBOLS)
    row_valid = row < n
    logits = tl.zeros((ROWS, _SYMBOLS), tl.int32)
    for start in range(0, D, DEPTH):
        depth = start + tl.arange(0, DEPTH)
        inside = depth < D
        place = row[:, None] * D + depth[None, :]
        valid = row_valid[:, None] & inside[None, :]
        given = activation_of(tl.load(stream + place, mask=valid, other=0), SCALE)
        tl.store(activations + place, given, mask=valid)
        part = tl.load(
            weight + symbol[None, :] * D + depth[:, None],
            mask=inside[:, None],
            other=0,
        )
        logits = tl.dot(given, part, logits, out_dtype=tl.int32)
    scaled = logits * tl.load(multiplier + symbol)[None, :]
    logits = (scaled + tl.load(bias + symbol)[None, :]) >> SHIFT
    below = tl.max(logits, axis=1).to(tl.int64)[:, None] - logits.to(tl.int64)
    whole = tl.minimum(below >> _LOGIT_BITS, 31).to(tl.int32)
    found = tl.maximum(tl.load(exp2 + (below & _FRACTION)) >> whole, 1)
    tl.store(weights + row[:, None] * _SYMBOLS + symbol[None, :], found, mask=row_valid[:, None])

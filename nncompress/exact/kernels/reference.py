"""Compute the elementwise steps of the integer network in torch: the reference, and GPU code.

Signatures are those of :mod:`.fused`, whose docstrings say what each step does; here arrays are
tensors on any device, written in place. What changes from step to step is a tensor, too: ``slot``,
int64 [1], is where in the memories this step's vectors go, for all rows; ``filled``, int32 [n], how
many of the newest vectors, this one included, are a row's own. All arithmetic is on integers but
for attention's two products, which are float32 matrix products of whole numbers below 2**24: exact
in any order.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from nncompress.exact.fixedpoint import (
    ACTIVATION_MAX,
    ATTENTION_END,
    BOOM_MAX,
    CELL_BITS,
    CELL_MAX,
    GELU_MULTIPLIER,
    HIDDEN_SHIFT,
    LOGIT_BITS,
    SIGMOID_BITS,
    SIGMOID_HALF,
    STREAM_MAX,
    UNIT_BITS,
    attention_table,
    exp2_table,
    rsqrt_table,
    sigmoid_table,
)

_ONE = 1 << UNIT_BITS
_HALF_UNIT = 1 << (UNIT_BITS - 1)
_CELL_SHIFT = CELL_BITS - 1 - SIGMOID_BITS

AVERAGE_CHUNK = 1024
"""Memory slots that a float32 product may sum: 1024 * 127 * 127 is below 2**24."""

_UNSEEN = -(1 << 40)
"""Below every score there can be."""


@cache
def _tables(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    tables = (sigmoid_table(), exp2_table(), attention_table(), rsqrt_table())
    sigmoid, exp2, attention, rsqrt = (torch.from_numpy(t).to(device, torch.int64) for t in tables)
    return sigmoid, exp2, attention, rsqrt


def _sigmoid(index: Tensor) -> Tensor:
    return _tables(index.device)[0][index.long().clamp(0, 2 * SIGMOID_HALF - 1)]


def _scaled(value: Tensor, multiplier: int) -> Tensor:
    """Turn values into int8 activations; see HIDDEN_SHIFT."""
    scaled = (value.long() * multiplier + (1 << (HIDDEN_SHIFT - 1))) >> HIDDEN_SHIFT
    return scaled.clamp(-ACTIVATION_MAX, ACTIVATION_MAX).to(torch.int8)


def normalise(rows: Tensor, eps: int) -> Tensor:
    """Centre each row and divide it by its Euclidean length.

    Args:
        rows: integers [n, d].
        eps: added to the squared length; at least 1024.

    Returns:
        int64 [n, d], Q15.
    """
    rows = rows.long()
    d = rows.shape[1]
    mean = torch.div(rows.sum(dim=1, keepdim=True) + d // 2, d, rounding_mode="floor")
    centred = rows - mean
    square = (centred * centred).sum(dim=1, keepdim=True) + eps
    half = torch.zeros_like(square)
    for step in (16, 8, 4, 2, 1):  # the least half with square >> 2 * half below 4096
        half += step * ((square >> (2 * (half + step - 1))) >= 4096).long()
    scale = _tables(rows.device)[3][(square >> (2 * half)) - 1024]
    return (centred * scale + (1 << (4 + half))) >> (5 + half)


def _affine8(normal: Tensor, gain: Tensor, bias: Tensor, shift: int) -> Tensor:
    value = (normal * gain + bias) >> shift
    return value.clamp(-ACTIVATION_MAX, ACTIVATION_MAX).to(torch.int8)


def _cell(gates: Tensor, cell: Tensor, stream: Tensor, hidden: Tensor, multiplier: int) -> None:
    write, keep, candidate, show = _sigmoid(gates).chunk(4, dim=1)
    value = (keep * cell + 2 * write * (2 * candidate - _ONE) + _HALF_UNIT) >> UNIT_BITS
    cell.copy_(value.clamp(-CELL_MAX, CELL_MAX))
    index = ((cell + (1 << (_CELL_SHIFT - 1))) >> _CELL_SHIFT) + SIGMOID_HALF
    output = (show * (2 * _sigmoid(index) - _ONE) + _HALF_UNIT) >> UNIT_BITS
    stream.copy_(output)
    hidden.copy_(_scaled(output, multiplier))


def lstm_first(
    symbols: Tensor,
    table: Tensor,
    table_shift: int,
    recurrent: Tensor,
    multiplier: Tensor,
    bias: Tensor,
    shift: int,
    hidden_multiplier: int,
    cell: Tensor,
    stream: Tensor,
    hidden: Tensor,
) -> None:
    given = table[symbols.long()].int() << table_shift
    _cell((given + recurrent * multiplier + bias) >> shift, cell, stream, hidden, hidden_multiplier)


def lstm(
    inputs: Tensor,
    multiplier_inputs: Tensor,
    recurrent: Tensor,
    multiplier: Tensor,
    bias: Tensor,
    shift: int,
    hidden_multiplier: int,
    cell: Tensor,
    stream: Tensor,
    hidden: Tensor,
) -> None:
    gates = (inputs * multiplier_inputs + recurrent * multiplier + bias) >> shift
    _cell(gates, cell, stream, hidden, hidden_multiplier)


def norm_to_int8(
    stream: Tensor, eps: int, gain: Tensor, bias: Tensor, shift: int, out: Tensor
) -> None:
    out.copy_(_affine8(normalise(stream, eps), gain, bias, shift))


def norm_split(
    stream: Tensor,
    eps: int,
    gain_stream: Tensor,
    bias_stream: Tensor,
    shift_stream: int,
    gain: Tensor,
    bias: Tensor,
    shift: int,
    out: Tensor,
) -> None:
    normal = normalise(stream, eps)
    stream.copy_(
        ((normal * gain_stream + bias_stream) >> shift_stream).clamp(-STREAM_MAX, STREAM_MAX)
    )
    out.copy_(_affine8(normal, gain, bias, shift))


def remember(
    stream: Tensor,
    eps: int,
    gain: Tensor,
    bias: Tensor,
    shift: int,
    memory: Tensor,
    slot: Tensor,
) -> None:
    memory.index_copy_(1, slot, _affine8(normalise(stream, eps), gain, bias, shift)[:, None])


def _average(weights: Tensor, memory: Tensor) -> Tensor:
    """Return the sums of memory vectors [n, W, d] times weights [n, W], int64 [n, d]."""
    total = torch.zeros(memory.shape[0], memory.shape[2], dtype=torch.int64, device=memory.device)
    for start in range(0, memory.shape[1], AVERAGE_CHUNK):
        part = slice(start, start + AVERAGE_CHUNK)
        total += torch.bmm(weights[:, None, part].float(), memory[:, part].float())[:, 0].long()
    return total


def attend(
    query: Tensor,
    query_multiplier: Tensor,
    query_bias: Tensor,
    query_shift: int,
    gain: Tensor,
    bias: Tensor,
    shift: int,
    memory: Tensor,
    eps: int,
    multiplier: int,
    score_shift: int,
    value: Tensor,
    value_shift: int,
    stream: Tensor,
    slot: Tensor,
    filled: Tensor,
) -> None:
    raw = (query * query_multiplier + query_bias) >> query_shift
    key = _affine8(normalise(raw.clamp(-STREAM_MAX, STREAM_MAX), eps), gain, bias, shift)
    # The whole memory, whatever is filled: a recorded step has one shape. Sums of integers do not
    # depend on where in the memory their terms stand.
    window = memory.shape[1]
    age = (slot - torch.arange(window, device=memory.device)) % window
    seen = age < filled[:, None]
    scores = torch.bmm(memory.float(), key.float()[:, :, None])[:, :, 0].long()
    scores.masked_fill_(~seen, _UNSEEN)
    end = min((ATTENTION_END << score_shift) // multiplier + 1, 1 << 24)
    distance = (scores.amax(dim=1, keepdim=True) - scores).clamp(max=end)
    exponent = (distance * multiplier + (1 << score_shift >> 1)) >> score_shift
    weights = _tables(query.device)[2][exponent.clamp(max=ATTENTION_END)] * seen
    mass = weights.sum(dim=1, keepdim=True)
    inverse = torch.div(torch.full_like(mass, 1 << 30), mass, rounding_mode="floor")
    mean = (_average(weights, memory) * inverse + (1 << 21)) >> 22
    part = (mean * value + (1 << value_shift >> 1)) >> value_shift
    stream.copy_((stream + part).clamp(-STREAM_MAX, STREAM_MAX))


def boom(product: Tensor, multiplier: Tensor, bias: Tensor, shift: int, stream: Tensor) -> None:
    value = ((product * multiplier + bias) >> shift).clamp(-BOOM_MAX, BOOM_MAX)
    index = ((value * GELU_MULTIPLIER + (1 << 15)) >> 16) + SIGMOID_HALF
    parts = (value * _sigmoid(index) + _HALF_UNIT) >> UNIT_BITS
    chunks = parts.view(parts.shape[0], -1, stream.shape[1])
    stream.copy_((stream + chunks.sum(dim=1)).clamp(-STREAM_MAX, STREAM_MAX))


def stream_to_int8(stream: Tensor, multiplier: int, out: Tensor) -> None:
    out.copy_(_scaled(stream, multiplier))


def softmax(product: Tensor, multiplier: Tensor, bias: Tensor, shift: int, weights: Tensor) -> None:
    logits = ((product * multiplier + bias) >> shift).long()
    below = logits.amax(dim=1, keepdim=True) - logits
    fraction = _tables(product.device)[1][below & ((1 << LOGIT_BITS) - 1)]
    weights.copy_((fraction >> (below >> LOGIT_BITS).clamp(max=31)).clamp(min=1))

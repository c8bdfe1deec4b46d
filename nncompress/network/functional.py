"""Compute those operations of the network for which PyTorch is slow on a CPU.

On other devices they are PyTorch's own.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .constants import GELU_SCALE
from .kernels import kernels_for, view


def boom_sum(up: Tensor, dim: int) -> Tensor:
    """Apply x * sigmoid(1.702 x) and sum chunks of ``dim``.

    Args:
        up: [..., n * dim], float32 or bfloat16.
        dim: width of a chunk.

    Returns:
        The sums of the n chunks, [..., dim], in the dtype of ``up``.
    """
    if kernels_for(up) is None:
        active = up * torch.sigmoid(GELU_SCALE * up)
        return active.view(*up.shape[:-1], -1, dim).sum(dim=-2)
    down: Tensor = _BoomSum.apply(up, dim)  # type: ignore[no-untyped-call]
    return down


class _BoomSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, up: Tensor, dim: int) -> Tensor:
        rows = up.detach().reshape(-1, up.shape[-1])
        down = rows.new_empty((rows.shape[0], dim))
        kernels_for(rows).boom_forward(view(rows), view(down))  # type: ignore[union-attr]
        ctx.save_for_backward(up)
        return down.view(*up.shape[:-1], dim)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (up,) = ctx.saved_tensors
        rows = up.reshape(-1, up.shape[-1])
        grad_rows = torch.empty_like(rows)
        grad_down = grad.to(rows.dtype).reshape(rows.shape[0], -1)
        arrays = view(rows), view(grad_down), view(grad_rows)
        kernels_for(rows).boom_backward(*arrays)  # type: ignore[union-attr]
        return grad_rows.view_as(up), None


def lookup(table: Tensor, indices: Tensor) -> Tensor:
    """Take rows of a table; their gradients add up in float32.

    Args:
        table: [n, w], float32 or bfloat16.
        indices: int64, of any shape, each 0 to n - 1.

    Returns:
        The rows, [*indices.shape, w].
    """
    if kernels_for(table) is None:
        return F.embedding(indices, table)
    rows: Tensor = _Lookup.apply(table, indices)  # type: ignore[no-untyped-call]
    return rows


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.shape, ctx.dtype = table.shape, table.dtype
        return F.embedding(indices, table)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (indices,) = ctx.saved_tensors
        sums = torch.zeros(ctx.shape)
        rows = grad.reshape(-1, grad.shape[-1])
        flat = indices.reshape(-1)
        arrays = view(flat), view(rows), view(sums)
        kernels_for(rows).lookup_backward(*arrays)  # type: ignore[union-attr]
        return sums.to(ctx.dtype), None


def attend_band(query: Tensor, memory: Tensor, seen: Tensor) -> Tensor:
    """Attend to a memory whose vectors are keys and values in one.

    PyTorch's own attention keeps no [T, S] weights, which saves memory but, for gradients in
    bfloat16 on a CPU, takes more than twice the time; and its fast kernels for CUDA are for heads
    of at most 256.

    Args:
        query: [B, heads, T, w].
        memory: [B, heads, S, w], in the dtype of ``query``.
        seen: bool [T, S], where each query looks.

    Returns:
        What each query reads, [B, heads, T, w].
    """
    if query.dtype != torch.bfloat16 or not query.requires_grad:
        return F.scaled_dot_product_attention(query, memory, memory, attn_mask=seen)
    flat = query.flatten(0, 1), memory.flatten(0, 1)
    read: Tensor = _Attend.apply(*flat, seen)  # type: ignore[no-untyped-call]
    return read.view_as(query)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, memory: Tensor, seen: Tensor) -> Tensor:
        ctx.scale = query.shape[-1] ** -0.5
        scores = torch.bmm(query, memory.transpose(1, 2)).float().mul_(ctx.scale)
        weights = torch.softmax(scores.masked_fill_(~seen, -torch.inf), dim=-1).to(query.dtype)
        ctx.save_for_backward(query, memory, weights)
        return torch.bmm(weights, memory)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        query, memory, weights = ctx.saved_tensors
        grad = grad.to(query.dtype)
        slopes = torch.bmm(grad, memory.transpose(1, 2)).mul_(weights)
        slopes.addcmul_(weights, slopes.sum(dim=-1, keepdim=True), value=-1).mul_(ctx.scale)
        grad_memory = torch.bmm(slopes.transpose(1, 2), query)
        grad_memory += torch.bmm(weights.transpose(1, 2), grad)
        return torch.bmm(slopes, memory), grad_memory, None

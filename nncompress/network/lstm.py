"""Run the recurrence of an LSTM layer, on the CPU with a backward pass written by hand.

The cell is that of ``torch.nn.LSTM`` (gates in the order input, forget, cell, output) with one
bias vector. Autograd through a loop over time would run a small GEMM a step for each weight
gradient; here the gradient of every weight, and of the layer's input, is one GEMM over all steps,
and only the recurrent product stays inside the loop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .kernels import kernels_for, view

LSTMState = tuple[Tensor, Tensor]
"""Hidden vectors and cells, each [B, d]."""


def recurrence(
    projected: Tensor, state: LSTMState, weight_hh: Tensor, scale: float | None = None
) -> tuple[Tensor, LSTMState]:
    """Run over inputs to which W_ih and the bias have been applied, on the CPU.

    Args:
        projected: [T, B, 4d], float32 or bfloat16.
        state: before the first step, float32.
        weight_hh: [4d, d].
        scale: rounds what is fed back to 8 bits, multiples of ``scale``; the gradient passes
            straight through. None rounds nothing.

    Returns:
        The outputs, [T, B, d] in the dtype of ``projected``, and the state after the last step, cut
        from the graph: truncated backpropagation ends at a segment's edge.

    Raises:
        TypeError: there are no kernels for this dtype or device.
    """
    outputs, hidden, cell = _Recurrence.apply(  # type: ignore[no-untyped-call]
        projected, *state, weight_hh, scale
    )
    return outputs, (hidden, cell)


def library_lstm(
    x: Tensor, state: LSTMState, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor
) -> tuple[Tensor, LSTMState]:
    """Run over inputs with PyTorch's own LSTM, which is cuDNN's on CUDA.

    Args:
        x: the inputs themselves, [T, B, d].
        state: before the first step, float32.
        weight_ih: [4d, d].
        weight_hh: [4d, d].
        bias: [4d].

    Returns:
        What :func:`recurrence` does.
    """
    kind = torch.get_autocast_dtype(x.device.type) if _autocast(x) else x.dtype
    weights = [w.to(kind) for w in (weight_ih, weight_hh, bias, torch.zeros_like(bias))]
    before = tuple(part.to(kind)[None] for part in state)
    # Autocast would have it in float16, whatever it is asked for, and small gradients would vanish.
    with torch.autocast(x.device.type, enabled=False):
        outputs, *after = torch.lstm(x.to(kind), before, weights, True, 1, 0.0, True, False, False)
    hidden, cell = (part[0].detach().float() for part in after)
    return outputs, (hidden, cell)


def _autocast(x: Tensor) -> bool:
    return torch.is_autocast_enabled(x.device.type)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        hidden: Tensor,
        cell: Tensor,
        weight_hh: Tensor,
        scale: float | None,
    ) -> tuple[Tensor, ...]:
        steps, lanes, width = projected.shape
        step = _kernels(projected).cell_forward
        projected = projected.contiguous()
        weight = weight_hh.to(projected.dtype)
        product = projected.new_empty((lanes, width))
        gates = torch.empty_like(projected)
        cells = projected.new_empty((steps + 1, lanes, width // 4), dtype=torch.float32)
        outputs = projected.new_empty((steps + 1, lanes, width // 4))
        cells[0], outputs[0] = cell, hidden
        arrays = [view(tensor) for tensor in (projected, product, gates, cells, outputs)]
        fed = outputs if scale is None else torch.empty_like(outputs)
        transposed = weight.t()
        for t in range(steps):
            if scale is not None:
                torch.div(outputs[t], scale, out=fed[t]).round_().clamp_(-127, 127).mul_(scale)
            torch.mm(fed[t], transposed, out=product)
            step(*arrays, t)
        ctx.save_for_backward(gates, cells, fed, weight)
        ctx.weight_dtype = weight_hh.dtype
        last = outputs[-1].float(), cells[-1].clone()
        ctx.mark_non_differentiable(*last)
        return outputs[1:], *last

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        gates, cells, fed, weight = ctx.saved_tensors
        steps, lanes, dim = grad_outputs.shape
        step = _kernels(gates).cell_backward
        grad_outputs = grad_outputs.to(gates.dtype).contiguous()
        grad_gates = torch.empty_like(gates)
        grad_cell = torch.zeros_like(cells[0])
        grad_hidden = torch.zeros_like(fed[0])
        tensors = (gates, cells, grad_outputs, grad_hidden, grad_cell, grad_gates)
        arrays = [view(tensor) for tensor in tensors]
        for t in reversed(range(steps)):
            step(*arrays, t)
            if t:
                torch.mm(grad_gates[t], weight, out=grad_hidden)
        flat = grad_gates.view(steps * lanes, 4 * dim)
        grad_weight = flat.t() @ fed[:-1].reshape(steps * lanes, dim)
        return grad_gates, None, None, grad_weight.to(ctx.weight_dtype), None


def _kernels(tensor: Tensor) -> Any:
    kernels = kernels_for(tensor)
    if kernels is None:
        raise TypeError(f"no recurrence for {tensor.dtype} on {tensor.device.type}")
    return kernels

"""An LSTM layer whose backward pass is written by hand.

The cell is that of ``torch.nn.LSTM`` (gates in the order input, forget, cell, output) with one
bias vector. Autograd through a loop over time would run a small GEMM a step for each weight
gradient; here the gradient of every weight, and of the layer's input, is one GEMM over all steps,
and only the recurrent product stays inside the loop.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

State = tuple[Tensor, Tensor]


def lstm(inputs: Tensor, state: State, weight_hh: Tensor) -> tuple[Tensor, State]:
    """Run the recurrence over inputs that W_ih and the bias have already been applied to.

    inputs: [T, B, 4d], float32 or bfloat16. state: (h, c), each [B, d], float32. weight_hh: [4d, d].
    Returns the outputs [T, B, d] in the dtype of ``inputs``, and the state after the last step. The
    state is cut from the graph: truncated backpropagation through time ends at a segment's edge.
    """
    outputs, hidden, cell = _Recurrence.apply(inputs, *state, weight_hh)  # type: ignore[no-untyped-call]
    return outputs, (hidden, cell)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, hidden: Tensor, cell: Tensor, weight_hh: Tensor
    ) -> tuple[Tensor, ...]:
        steps, lanes, width = inputs.shape
        dtype, dim = inputs.dtype, width // 4
        weight = weight_hh.to(dtype)
        gates = torch.empty_like(inputs)  # after their nonlinearities
        cells = inputs.new_empty((steps + 1, lanes, dim), dtype=torch.float32)
        outputs = inputs.new_empty((steps + 1, lanes, dim))
        cells[0] = cell
        outputs[0] = hidden
        for t in range(steps):
            torch.mm(outputs[t], weight.t(), out=gates[t])
            cell_forward(inputs[t], gates[t], cells[t], cells[t + 1], outputs[t + 1])
        ctx.save_for_backward(gates, cells, outputs, weight)
        ctx.weight_dtype = weight_hh.dtype
        last_hidden, last_cell = outputs[-1].float(), cells[-1].clone()
        ctx.mark_non_differentiable(last_hidden, last_cell)
        return outputs[1:], last_hidden, last_cell

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        gates, cells, outputs, weight = ctx.saved_tensors
        steps, lanes, dim = grad_outputs.shape
        grad_gates = torch.empty_like(gates)
        grad_cell = torch.zeros_like(cells[0])
        grad_hidden = torch.zeros_like(outputs[0])
        for t in reversed(range(steps)):
            cell_backward(
                gates[t],
                cells[t],
                cells[t + 1],
                grad_outputs[t],
                grad_hidden,
                grad_cell,
                grad_gates[t],
            )
            if t:
                torch.mm(grad_gates[t], weight, out=grad_hidden)
        flat = grad_gates.view(steps * lanes, 4 * dim)
        grad_weight = flat.t() @ outputs[:-1].reshape(steps * lanes, dim)
        return grad_gates, None, None, grad_weight.to(ctx.weight_dtype)


def cell_forward(
    inputs: Tensor, gates: Tensor, cell: Tensor, new_cell: Tensor, output: Tensor
) -> None:
    """Take one step; reads the recurrent product from ``gates`` and leaves the gates there."""
    dim = cell.shape[1]
    gates += inputs
    gates[:, : 2 * dim].sigmoid_()
    gates[:, 2 * dim : 3 * dim].tanh_()
    gates[:, 3 * dim :].sigmoid_()
    write, keep, candidate, show = gates.chunk(4, dim=1)
    torch.mul(cell, keep, out=new_cell)
    new_cell.addcmul_(write.to(new_cell.dtype), candidate.to(new_cell.dtype))
    torch.mul(new_cell.tanh(), show, out=output) if output.dtype == torch.float32 else output.copy_(
        new_cell.tanh() * show
    )


def cell_backward(
    gates: Tensor,
    cell: Tensor,
    new_cell: Tensor,
    grad_output: Tensor,
    grad_hidden: Tensor,
    grad_cell: Tensor,
    grad_gates: Tensor,
) -> None:
    """Go one step back; fills ``grad_gates``, turns ``grad_cell`` into that of the step before."""
    write, keep, candidate, show = gates.float().chunk(4, dim=1)
    squashed = new_cell.tanh()
    grad_h = grad_output.float() + grad_hidden
    grad_cell.addcmul_(grad_h * show, 1 - squashed * squashed)
    grad_write, grad_keep, grad_candidate, grad_show = grad_gates.chunk(4, dim=1)
    grad_write.copy_(grad_cell * candidate * write * (1 - write))
    grad_keep.copy_(grad_cell * cell * keep * (1 - keep))
    grad_candidate.copy_(grad_cell * write * (1 - candidate * candidate))
    grad_show.copy_(grad_h * squashed * show * (1 - show))
    grad_cell *= keep

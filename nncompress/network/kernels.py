"""Compile fused elementwise kernels for training on the CPU with numba.

There is each for float32 and for bfloat16, the latter kept as uint16. They take numpy views of
tensors, write in place and return nothing. On other devices the callers use PyTorch's operations
instead; the tests hold the two to the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from .constants import GELU_SCALE

_f = np.float32
_F = TypeVar("_F", bound=Callable[..., Any])


def _inline(function: _F) -> _F:
    return cast(_F, njit(inline="always")(function))


def _kernel(function: _F) -> _F:
    # Products may be fused with sums here: floats in training need not be reproducible elsewhere.
    return cast(_F, njit(nogil=True, error_model="numpy", fastmath={"contract"})(function))


_SCALE = _f(GELU_SCALE)


class Kernels(NamedTuple):
    """The kernels of one storage format; arrays [T, B, d] are indexed by the step ``t``.

    Attributes:
        cell_forward: takes (inputs, product, gates, cells, outputs, t); from the projected inputs
            [T, B, 4d] and the recurrent product [B, 4d], fills step t of gates [T, B, 4d], and step
            t + 1 of cells [T + 1, B, d], float32, and of outputs [T + 1, B, d].
        cell_backward: takes (gates, cells, grad_outputs, grad_hidden, grad_cell, grad_gates, t);
            fills step t of grad_gates, and turns grad_cell [B, d], float32, into that of the step
            before.
        boom_forward: takes (up, down); puts the activation of up [N, boom], its chunks summed, into
            down [N, d].
        boom_backward: takes (up, grad_down, grad_up); fills grad_up.
        lookup_backward: takes (indices, grad, grad_table); adds rows of grad [N, w] to rows of a
            float32 table.
    """

    cell_forward: Any
    cell_backward: Any
    boom_forward: Any
    boom_backward: Any
    lookup_backward: Any


def view(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor's memory as an array of numpy; bfloat16 becomes uint16."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint16).numpy()
    return tensor.numpy()


@_inline
def _tanh(x: Any) -> Any:
    # Rational minimax approximation on [-7.9, 7.9], as in Eigen (generic_fast_tanh_float); the
    # error is a few units in the last place.
    x = min(max(x, _f(-7.90531110763549805)), _f(7.90531110763549805))
    s = x * x
    p = s * _f(-2.76076847742355e-16) + _f(2.00018790482477e-13)
    p = s * p + _f(-8.60467152213735e-11)
    p = s * p + _f(5.12229709037114e-08)
    p = s * p + _f(1.48572235717979e-05)
    p = s * p + _f(6.37261928875436e-04)
    p = s * p + _f(4.89352455891786e-03)
    q = s * _f(1.19825839466702e-06) + _f(1.18534705686654e-04)
    q = s * q + _f(2.26843463243900e-03)
    q = s * q + _f(4.89352518554385e-03)
    return x * p / q


@_inline
def _sigmoid(x: Any) -> Any:
    return _f(0.5) + _f(0.5) * _tanh(_f(0.5) * x)


def _identity(x: Any) -> Any:
    return x


def _widen(x: Any) -> Any:
    return np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)


def _narrow(x: Any) -> Any:
    # Round to nearest, ties to even; finite values only.
    bits = _f(x).view(np.uint32)
    odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    return np.uint16(np.uint32(np.uint32(bits + odd) + np.uint32(0x7FFF)) >> np.uint32(16))


def _build(load: Any, store: Any) -> Kernels:
    """Compile the kernels for one storage format."""
    load, store = _inline(load), _inline(store)

    # LLVM vectorises a loop only while its arrays are few enough to check for overlap, hence the
    # many short loops: a row and the scratch vectors stay in the first-level cache.

    @_kernel
    def cell_forward(
        inputs: Any, product: Any, gates: Any, cells: Any, outputs: Any, t: int
    ) -> None:
        dim = cells.shape[2]
        g = np.empty(4 * dim, np.float32)
        for lane in range(cells.shape[1]):
            x, r = inputs[t, lane], product[lane]
            for j in range(4 * dim):
                g[j] = load(r[j]) + load(x[j])
            early, candidate, show = g[: 2 * dim], g[2 * dim : 3 * dim], g[3 * dim :]
            for j in range(2 * dim):
                early[j] = _sigmoid(early[j])
            for j in range(dim):
                candidate[j] = _tanh(candidate[j])
            for j in range(dim):
                show[j] = _sigmoid(show[j])
            write, keep, old, new = g[:dim], g[dim : 2 * dim], cells[t, lane], cells[t + 1, lane]
            for j in range(dim):
                new[j] = keep[j] * old[j] + write[j] * candidate[j]
            out, kept = outputs[t + 1, lane], gates[t, lane]
            for j in range(dim):
                out[j] = store(show[j] * _tanh(new[j]))
            for j in range(4 * dim):
                kept[j] = store(g[j])

    @_kernel
    def cell_backward(
        gates: Any,
        cells: Any,
        grad_outputs: Any,
        grad_hidden: Any,
        grad_cell: Any,
        grad_gates: Any,
        t: int,
    ) -> None:
        dim = cells.shape[2]
        one = _f(1)
        g = np.empty(4 * dim, np.float32)
        squashed = np.empty(dim, np.float32)
        dh = np.empty(dim, np.float32)
        for lane in range(cells.shape[1]):
            kept, dout, dhid = gates[t, lane], grad_outputs[t, lane], grad_hidden[lane]
            old, new, dc, dg = (
                cells[t, lane],
                cells[t + 1, lane],
                grad_cell[lane],
                grad_gates[t, lane],
            )
            for j in range(4 * dim):
                g[j] = load(kept[j])
            for j in range(dim):
                dh[j] = load(dout[j]) + load(dhid[j])
            for j in range(dim):
                squashed[j] = _tanh(new[j])
            write, keep, candidate, show = (
                g[:dim],
                g[dim : 2 * dim],
                g[2 * dim : 3 * dim],
                g[3 * dim :],
            )
            for j in range(dim):
                dc[j] += dh[j] * show[j] * (one - squashed[j] * squashed[j])
            dwrite, dkeep = dg[:dim], dg[dim : 2 * dim]
            for j in range(dim):
                dwrite[j] = store(dc[j] * candidate[j] * write[j] * (one - write[j]))
            for j in range(dim):
                dkeep[j] = store(dc[j] * old[j] * keep[j] * (one - keep[j]))
            dcandidate, dshow = dg[2 * dim : 3 * dim], dg[3 * dim :]
            for j in range(dim):
                dcandidate[j] = store(dc[j] * write[j] * (one - candidate[j] * candidate[j]))
            for j in range(dim):
                dshow[j] = store(dh[j] * squashed[j] * show[j] * (one - show[j]))
            for j in range(dim):
                dc[j] *= keep[j]

    @_kernel
    def boom_forward(up: Any, down: Any) -> None:
        rows, dim = down.shape
        total = np.empty(dim, np.float32)
        for row in range(rows):
            total[:] = 0
            for chunk in range(0, up.shape[1], dim):
                u = up[row, chunk : chunk + dim]
                for j in range(dim):
                    x = load(u[j])
                    total[j] += x * _sigmoid(_SCALE * x)
            y = down[row]
            for j in range(dim):
                y[j] = store(total[j])

    @_kernel
    def boom_backward(up: Any, grad_down: Any, grad_up: Any) -> None:
        rows, dim = grad_down.shape
        for row in range(rows):
            for chunk in range(0, up.shape[1], dim):
                u, dy = up[row, chunk : chunk + dim], grad_down[row]
                du = grad_up[row, chunk : chunk + dim]
                for j in range(dim):
                    x = load(u[j])
                    s = _sigmoid(_SCALE * x)
                    du[j] = store(load(dy[j]) * (s + _SCALE * x * s * (_f(1) - s)))

    @_kernel
    def lookup_backward(indices: Any, grad: Any, grad_table: Any) -> None:
        for position in range(indices.shape[0]):
            row, sums = grad[position], grad_table[indices[position]]
            for j in range(row.shape[0]):
                sums[j] += load(row[j])

    return Kernels(cell_forward, cell_backward, boom_forward, boom_backward, lookup_backward)


_KERNELS = {torch.float32: _build(_identity, _identity), torch.bfloat16: _build(_widen, _narrow)}


def kernels_for(tensor: Tensor) -> Kernels | None:
    """Return the kernels for a tensor's dtype; None where its operations are PyTorch's."""
    return _KERNELS.get(tensor.dtype) if tensor.device.type == "cpu" else None

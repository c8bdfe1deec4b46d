"""Multiply int8 matrices with 32-bit sums through torch, exactly on every device.

There are two ways, with equal results: the int8 product that torch has (``torch._int_mm``; exact on
x86 CPUs without VNNI because weights have 7 bits), and a float32 product, exact in any order since
all sums stay below 2**24, which :class:`~nncompress.exact.parameters.Parameters` checks.
"""

from __future__ import annotations

import platform

import torch
from torch import Tensor


class Gemm:
    """Computes ``out = activations @ weight.T`` over fixed buffers.

    Args:
        activations: int8 [n, K].
        prepared: what :func:`prepare` made of the weight, int8 [N, K].
        out: int32 [n, N], written by each call.
    """

    def __init__(self, activations: Tensor, prepared: Tensor, out: Tensor) -> None:
        self.activations, self.weight, self.out = activations, prepared, out

    def __call__(self) -> None:
        """Compute the product."""
        if self.weight.dtype == torch.int8:
            torch._int_mm(self.activations, self.weight, out=self.out)
        else:
            self.out.copy_(self.activations.float() @ self.weight)


def prepare(weight: Tensor) -> Tensor:
    """Bring a weight into the form that is the fastest to multiply by on its device.

    Args:
        weight: int8 [N, K].

    Returns:
        int8 or float32 [K, N].
    """
    return weight.t() if has_int8(weight.device) else weight.t().float()


def has_int8(device: torch.device) -> bool:
    """Return whether torch's int8 product is the fast one on this device.

    On a CPU that takes oneDNN's x86 kernels.
    """
    if device.type == "cuda":
        return True
    return (
        device.type == "cpu"
        and platform.machine().lower() in ("x86_64", "amd64")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "NO AVX")
    )

"""Compute with kernels written in Triton on a GPU, where there are such.

Triton is no requirement: it comes with PyTorch for CUDA on Linux. Where it is missing the reference
kernels do the same, with some sixty times as many launches.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from nncompress.errors import ConfigError, MissingLibraryError
from nncompress.machine.device import torch_device

from .backend import TorchBackend
from .config import SHARNNConfig
from .stages import Recipe

LEAST_CAPABILITY = (8, 0)
"""Triton's int8 products want a GPU of this compute capability: Ampere or newer."""

MOST_PLACES = 1024
"""Attention's kernel holds the scores of a window of so many positions at most."""


class TritonBackend(TorchBackend):
    """A CUDA device with Triton's kernels, or a CPU with Triton's interpreter, to test them."""

    def product(self, activations: Any, name: str, out: Any) -> Any:
        """Return the operands, which a kernel multiplies, and the product alone."""
        from .gpu.program import Product

        multiply = super().product(activations, name, out)
        return Product(activations, self.tensors[name], out, multiply)

    def stages(self, recipe: Recipe) -> Callable[[Any, Any], None]:
        """Return the launches of kernels that stand for the stages."""
        from .gpu.program import TritonProgram

        return TritonProgram(recipe)


def best_kernels(device: str, config: SHARNNConfig) -> str:
    """Return the kernels that a network should have on a device of torch's.

    Raises:
        ConfigError, DeviceError, MissingLibraryError: see :func:`torch_device`.
    """
    place = torch_device(device)
    if place.type != "cuda" or find_spec("triton") is None:
        return "torch"
    import torch

    able = torch.cuda.get_device_capability(place) >= LEAST_CAPABILITY
    return "triton" if able and _holds(config) else "torch"


def require_triton(device: str, config: SHARNNConfig) -> None:
    """Check that there are kernels of Triton's for a device and a network.

    Raises:
        ConfigError: there are none.
        DeviceError: the device is not there.
        MissingLibraryError: Triton, or torch, is not installed.
    """
    place = torch_device(device)
    if find_spec("triton") is None:
        raise MissingLibraryError(
            "Triton's kernels need Triton, which is not installed: pip install 'nncompress[gpu]'"
        )
    if not _holds(config):
        raise ConfigError(
            f"Triton's kernels hold a window of {MOST_PLACES} positions at most, and this model's "
            f"has {config.window}: use 'torch'"
        )
    if place.type != "cuda" and not _is_interpreted():
        raise ConfigError(
            "Triton's kernels are for CUDA devices; set TRITON_INTERPRET=1 to try them on a CPU"
        )


def _holds(config: SHARNNConfig) -> bool:
    return not config.attention or config.window <= MOST_PLACES


def _is_interpreted() -> bool:
    from triton import knobs

    return bool(knobs.runtime.interpret)

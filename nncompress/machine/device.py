"""Find the device, CPU or GPU, that PyTorch computes on.

PyTorch is imported when a device is asked for, not before: it takes longer to start than a small
file takes to code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncompress.errors import ConfigError, DeviceError

if TYPE_CHECKING:
    import torch


def torch_device(name: str) -> torch.device:
    """Return the device of a name that a user gave.

    Args:
        name: "cpu", "cuda" or "cuda:N".

    Returns:
        PyTorch's device, of type "cpu" or "cuda".

    Raises:
        ConfigError: the name is of no device, or of a kind that is not supported.
        DeviceError: PyTorch finds no CUDA device.
    """
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}: use cpu or cuda") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported: use cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "no CUDA device: use --device cpu (archives are the same on every device)"
        )
    return device

"""Find PyTorch, and the device, CPU or GPU, that it computes on.

PyTorch is imported when it is asked for, not before: it takes longer to start than a small file
takes to code. Files are coded without it on any CPU, so an installation may lack it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncompress.errors import ConfigError, DeviceError, MissingLibraryError

if TYPE_CHECKING:
    import torch


def require_torch(purpose: str) -> None:
    """Import PyTorch, or say what needs it.

    Args:
        purpose: what is being done, as the beginning of a sentence.

    Raises:
        MissingLibraryError: PyTorch is not installed, or cannot be loaded.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingLibraryError(
            f"{purpose} needs PyTorch, which is not installed: pip install torch"
        ) from None
    except (ImportError, OSError) as error:  # as on Windows without a library of Microsoft's
        reason = " ".join(str(error).split())
        raise MissingLibraryError(
            f"{purpose} needs PyTorch, which cannot be loaded ({reason}): install it anew"
        ) from None


def torch_device(name: str) -> torch.device:
    """Return the device of a name that a user gave.

    Args:
        name: "cpu", "cuda" or "cuda:N".

    Returns:
        PyTorch's device, of type "cpu" or "cuda".

    Raises:
        ConfigError: the name is of no device, or of a kind that is not supported.
        DeviceError: PyTorch finds no CUDA device.
        MissingLibraryError: PyTorch is not installed.
    """
    require_torch(f"the device {name}")
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

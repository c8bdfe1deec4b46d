"""Make a model's network ready on a device, checked by the model's known answer."""

from __future__ import annotations

import logging

from nncompress.errors import DeviceError

from .engine import Network
from .modelfile import Model

log = logging.getLogger("nncompress")


def open_network(
    model: Model, device: str = "cpu", kernels: str = "auto", threads: int = 1
) -> Network:
    """Return a model's network, after it has given the model's known answer.

    Where Triton's kernels were chosen by themselves and do not work, for instance since Triton
    finds no C compiler for its launches, or give another answer, the reference takes their place.

    Args:
        model: the model.
        device: see :class:`Network`.
        kernels: see :class:`Network`.
        threads: see :class:`Network`.

    Raises:
        DeviceError: the device is not there, or computes something else.
        ConfigError: a name is wrong.
        MissingLibraryError: torch or Triton is wanted and not installed.
    """
    network = Network(model.parameters, device, kernels, threads)
    if kernels == "auto" and network.kernels == "triton":
        try:
            model.check(network)
        except Exception as error:
            _warn(device, error)
            network = Network(model.parameters, device, "torch", threads)
        else:
            return network
    model.check(network)
    return network


def _warn(device: str, error: Exception) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, DeviceError):
        reason = "they do not compute this model exactly"
    log.warning("%s: Triton's kernels cannot be used (%s): slower ones are", device, reason)

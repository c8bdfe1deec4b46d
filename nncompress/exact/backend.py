"""Hold the integer network's numbers on a device, and compute with them: numba, or torch.

A backend has the network's tensors, and what :mod:`.engine` needs of an array library. torch is
imported by its own backend alone: it takes longer to start than a small file takes to code, and an
installation may lack it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncompress.machine.device import require_torch, torch_device
from nncompress.machine.int8 import Operands, operands, pack

from .config import SYMBOLS
from .stages import Recipe, run_stages

DEVICE_SHARE = 4
"""Lanes that many blocks share take at most this part of a GPU's free memory: one in so many bytes.
"""

CPU_MEMORY = 1 << 26
"""Bytes that they take on a CPU at most, which gains nothing from many rows."""

CUDA_ROWS = 32
"""On CUDA lanes are padded to a multiple of this: its int8 product wants more than 16 rows, and
aligned ones."""

Tensors = Mapping[str, NDArray[Any]]


class HostPorts(NamedTuple):
    """What goes in and out of a step through NumPy's arrays: see :class:`.device_step.Ports`."""

    symbols: NDArray[np.uint8]
    weights: NDArray[np.int32]
    hidden: NDArray[np.int8]


class Exchange(Protocol):
    """The arrays through which rows get bytes and give predictions: symbols, weights, hidden."""

    @property
    def own(self) -> Any:
        """Those that the stages work on, the backend's arrays."""

    @property
    def host(self) -> Any:
        """The same as NumPy's, for the host; they may be other memory."""


class Advance(Protocol):
    """A step: the bytes stand in the exchange before, and the prediction after it."""

    def __call__(self, slot: int, filled: int) -> None:
        """Take it.

        Args:
            slot: where in the memories this step's vectors go.
            filled: how many vectors the memories hold then.
        """


class Backend(Protocol):
    """What the engine needs. Arrays are numpy's or torch's; the kernels take them as they are."""

    @property
    def device(self) -> str:
        """Kind of device: "cpu" or "cuda"."""

    @property
    def tensors(self) -> Mapping[str, Any]:
        """The network's arrays by name."""

    def start_thread(self) -> None:
        """Make ready for a thread that will step lanes."""

    def memory_for_rows(self) -> int:
        """Return how many bytes lanes may take that many blocks share."""

    def rows(self, lanes: int) -> int:
        """Return how many rows the arrays for so many lanes must have."""

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """Make an array of zeros."""

    def clear(self, arrays: list[Any], lo: int, hi: int) -> None:
        """Set the rows lo..hi-1 of arrays to 0 before anything else happens to them."""

    def product(self, activations: Any, name: str, out: Any) -> Any:
        """Return the product of fixed buffers with a weight, in the form that stages take."""

    def exchange(self, rows: int, dim: int) -> Exchange:
        """Make the arrays through which steps of some rows get and give."""

    def program(self, recipe: Recipe, exchange: Any) -> Advance:
        """Make a function of a recipe over fixed buffers, the exchange's among them."""


class NumbaBackend:
    """The CPU with fused kernels.

    Args:
        tensors: the network's, by name.
    """

    device = "cpu"

    def __init__(self, tensors: Tensors) -> None:
        self.tensors: Mapping[str, Any] = tensors
        self._packed: dict[str, NDArray[np.uint8]] = {}

    def start_thread(self) -> None:
        """Do nothing: each thread uses its own core alone."""

    def memory_for_rows(self) -> int:
        """Return a fixed number."""
        return CPU_MEMORY

    def rows(self, lanes: int) -> int:
        """No padding."""
        return lanes

    def zeros(self, dtype: DTypeLike, *shape: int) -> NDArray[Any]:
        """Make an array of zeros."""
        return np.zeros(shape, dtype)

    def clear(self, arrays: list[Any], lo: int, hi: int) -> None:
        """Set rows to 0."""
        for array in arrays:
            array[lo:hi] = 0

    def product(self, activations: NDArray[np.int8], name: str, out: NDArray[np.int32]) -> Operands:
        """Return the product, of a weight that is packed once for all lanes."""
        if name not in self._packed:
            self._packed[name] = pack(self.tensors[name])
        return operands(activations, self._packed[name], out)

    def exchange(self, rows: int, dim: int) -> Exchange:
        """Make arrays of zeros, the same for both sides."""
        return _SameExchange(
            HostPorts(
                np.zeros(rows, np.uint8),
                np.zeros((rows, SYMBOLS), np.int32),
                np.zeros((rows, dim), np.int8),
            )
        )

    def program(self, recipe: Recipe, exchange: Any) -> Advance:
        """Bring it into one compiled function."""
        from .kernels.program import Program

        return Program(recipe)


class _SameExchange:
    """Arrays that the stages and the host share."""

    def __init__(self, ports: HostPorts) -> None:
        self.own = self.host = ports


class TorchBackend:
    """Any device that torch has, with the reference kernels.

    Args:
        tensors: the network's, by name.
        device: "cpu", "cuda" or "cuda:N".
        threads: how many a product may use inside, on a CPU.

    Raises:
        DeviceError: the device is not there.
        ConfigError: its name is wrong.
        MissingLibraryError: torch is not installed.
    """

    def __init__(self, tensors: Tensors, device: str, threads: int) -> None:
        require_torch(f"the device {device}")
        import torch

        from .kernels import reference

        self._torch, self._kernels, self.threads = torch, reference, threads
        self._place = _torch_device(device)
        self.device = self._place.type
        self.tensors: Mapping[str, Any] = {
            name: torch.from_numpy(array).to(self._place) for name, array in tensors.items()
        }
        self._prepared: dict[str, Any] = {}

    def start_thread(self) -> None:
        """Limit torch's products: OpenMP would give those of each new thread all cores."""
        if self.device == "cpu":
            self._torch.set_num_threads(self.threads)

    def memory_for_rows(self) -> int:
        """Return a part of what is free on a GPU."""
        if self.device == "cpu":
            return CPU_MEMORY
        free: int = self._torch.cuda.mem_get_info(self._place)[0]
        return free // DEVICE_SHARE

    def rows(self, lanes: int) -> int:
        """Pad for CUDA."""
        return lanes if self.device == "cpu" else -(-lanes // CUDA_ROWS) * CUDA_ROWS

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """Make an array of zeros."""
        kind = getattr(self._torch, np.dtype(dtype).name)
        return self._torch.zeros(shape, dtype=kind, device=self._place)

    def clear(self, arrays: list[Any], lo: int, hi: int) -> None:
        """Set rows to 0, and wait until they are: steps have streams of their own."""
        for array in arrays:
            array[lo:hi] = 0
        if self.device == "cuda":
            self._torch.cuda.current_stream(self._place).synchronize()

    def product(self, activations: Any, name: str, out: Any) -> Any:
        """Return the product, a function without arguments."""
        from nncompress.machine.int8_torch import Gemm, prepare

        if name not in self._prepared:
            self._prepared[name] = prepare(self.tensors[name])
        return Gemm(activations, self._prepared[name], out)

    def exchange(self, rows: int, dim: int) -> Exchange:
        """Make zeros on the device, and on CUDA pinned ones on the host."""
        from .device_step import DeviceExchange

        return DeviceExchange(rows, dim, self._place)

    def stages(self, recipe: Recipe) -> Callable[[Any, Any], None]:
        """Return what computes the stages of a recipe, given the slot and what is filled."""
        return partial(run_stages, self._kernels, recipe)

    def program(self, recipe: Recipe, exchange: Any) -> Advance:
        """Call the stages; on CUDA, record that."""
        from .device_step import CudaStep, HostStep

        stages = self.stages(recipe)
        if self.device == "cpu":
            return HostStep(stages, exchange, self.start_thread)
        return CudaStep(stages, exchange, self._place)


def _torch_device(name: str) -> Any:
    """Return the device, with TF32 turned off: float32 products of int8 numbers must be exact."""
    import torch

    device = torch_device(name)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
    return device

"""Hold the integer network's numbers on a device, and compute with them: numba, or torch.

A backend has the network's tensors, and what :mod:`.engine` needs of an array library. torch is
imported by its own backend alone: it takes longer to start than a small file takes to code, and an
installation may lack it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncompress.machine.device import require_torch, torch_device
from nncompress.machine.int8 import Operands, operands, pack

from .stages import Recipe, run_stages

CUDA_ROWS = 32
"""On CUDA lanes are padded to a multiple of this: its int8 product wants more than 16 rows, and
aligned ones."""

Tensors = Mapping[str, NDArray[Any]]

Advance = Callable[[Any, Any], None]
"""What a step does but for its symbols, given two numbers that change from step to step."""


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

    def rows(self, lanes: int) -> int:
        """Return how many rows the arrays for so many lanes must have."""

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """Make an array of zeros."""

    def product(self, activations: Any, name: str, out: Any) -> Any:
        """Return the product of fixed buffers with a weight, in the form that stages take."""

    def program(self, recipe: Recipe) -> Advance:
        """Make a function of a recipe over fixed buffers."""

    def give(self, symbols: NDArray[np.uint8], into: Any) -> None:
        """Copy bytes to the beginning of an array of the backend."""

    def take(self, array: Any, lanes: int) -> NDArray[Any]:
        """Return the first rows of an array as numpy's; it may share memory."""


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

    def rows(self, lanes: int) -> int:
        """No padding."""
        return lanes

    def zeros(self, dtype: DTypeLike, *shape: int) -> NDArray[Any]:
        """Make an array of zeros."""
        return np.zeros(shape, dtype)

    def product(self, activations: NDArray[np.int8], name: str, out: NDArray[np.int32]) -> Operands:
        """Return the product, of a weight that is packed once for all lanes."""
        if name not in self._packed:
            self._packed[name] = pack(self.tensors[name])
        return operands(activations, self._packed[name], out)

    def program(self, recipe: Recipe) -> Advance:
        """Bring it into one compiled function."""
        from .kernels.program import Program

        return Program(recipe)

    def give(self, symbols: NDArray[np.uint8], into: NDArray[np.uint8]) -> None:
        """Copy bytes."""
        into[: len(symbols)] = symbols

    def take(self, array: NDArray[Any], lanes: int) -> NDArray[Any]:
        """Return a view."""
        return array[:lanes]


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

    def rows(self, lanes: int) -> int:
        """Pad for CUDA."""
        return lanes if self.device == "cpu" else -(-lanes // CUDA_ROWS) * CUDA_ROWS

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """Make an array of zeros."""
        kind = getattr(self._torch, np.dtype(dtype).name)
        return self._torch.zeros(shape, dtype=kind, device=self._place)

    def product(self, activations: Any, name: str, out: Any) -> Callable[[], None]:
        """Return the product."""
        from nncompress.machine.int8_torch import Gemm, prepare

        if name not in self._prepared:
            self._prepared[name] = prepare(self.tensors[name])
        return Gemm(activations, self._prepared[name], out)

    def program(self, recipe: Recipe) -> Advance:
        """Call the stages; on CUDA, record that."""
        advance = partial(run_stages, self._kernels, recipe)
        return advance if self.device == "cpu" else _Recorded(advance, self._place)

    def give(self, symbols: NDArray[np.uint8], into: Any) -> None:
        """Copy bytes; through a copy, since torch warns of arrays that cannot be written."""
        into[: len(symbols)].copy_(self._torch.from_numpy(np.array(symbols)))

    def take(self, array: Any, lanes: int) -> NDArray[Any]:
        """Bring them to the host."""
        found: NDArray[Any] = array[:lanes].cpu().numpy()
        return found


class _Recorded:
    """A function recorded as a CUDA graph at its first call: one launch, not a hundred."""

    def __init__(self, advance: Advance, place: Any) -> None:
        import torch

        self._torch, self._advance, self._place = torch, advance, place
        self._numbers = torch.zeros(2, dtype=torch.int64, device=place)
        self._graph: Any = None

    def __call__(self, slot: int, filled: int) -> None:
        self._numbers.copy_(self._torch.tensor([slot, filled]))
        if self._graph is None:
            self._advance(*self._numbers)  # recording alone computes nothing
            self._graph = self._record()
        else:
            self._graph.replay()

    def _record(self) -> Any:
        cuda = self._torch.cuda
        graph = cuda.CUDAGraph()
        # Other threads may have work of their own on the device meanwhile.
        with cuda.device(self._place), cuda.graph(graph, capture_error_mode="thread_local"):
            self._advance(*self._numbers)
        return graph


def _torch_device(name: str) -> Any:
    """Return the device, with TF32 turned off: float32 products of int8 numbers must be exact."""
    import torch

    device = torch_device(name)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
    return device

"""Take steps of many rows on a device of torch: one copy in, the stages, one copy out.

What a step reads and what it gives has a fixed place in the host's memory, which on CUDA is pinned,
and a copy of that on the device. On CUDA a step's stages are one CUDA graph, and what is launched
runs beside the host. On a CPU both memories are one, nothing is copied, and another thread takes
the place of the device.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nncompress.machine.threads import start_daemon

from .config import SYMBOLS

Stages = Callable[[Tensor, Tensor], None]
"""All stages of a step, given ``slot`` and ``filled`` of :class:`Ports`."""

_SLOT_BYTES = 8


class Ports(NamedTuple):
    """What goes in and out at every step of n rows, on the device or on the host.

    Attributes:
        slot: int64 [1], where in the memories this step's vectors go, the same for all rows.
        filled: int32 [n], how many of a memory's newest vectors, this step's included, are a row's
            own; at least 1.
        symbols: uint8 [n], the bytes that are read.
        weights: int32 [n, 256], of the next bytes.
        hidden: int8 [n, dim], what the output layer made them from.
    """

    slot: Any
    filled: Any
    symbols: Any
    weights: Any
    hidden: Any


class DeviceExchange:
    """The memory through which steps of ``rows`` rows get their numbers and give them.

    Attributes:
        own: tensors on the device.
        host: NumPy's arrays on the host.
        sizes: how many bytes are copied in and out at a step.
    """

    def __init__(self, rows: int, dim: int, place: torch.device) -> None:
        self.sizes = _SLOT_BYTES + 5 * rows, rows * (4 * SYMBOLS + dim)
        self._given, self._found = (
            torch.zeros(size, dtype=torch.uint8, device=place) for size in self.sizes
        )
        self._host_given, self._host_found = self._given, self._found
        if place.type != "cpu":
            self._host_given, self._host_found = (
                torch.zeros(size, dtype=torch.uint8, pin_memory=True) for size in self.sizes
            )
        self.own = _ports(self._given, self._found, rows)
        found = _ports(self._host_given, self._host_found, rows)
        self.host = Ports(*(tensor.numpy() for tensor in found))
        self.host.filled[:] = 1

    def copy_in(self) -> None:
        """Bring what the host gives to the device, without waiting for it."""
        if self._given is not self._host_given:
            self._given.copy_(self._host_given, non_blocking=True)

    def copy_out(self) -> None:
        """Bring what the device found to the host, without waiting for it."""
        if self._found is not self._host_found:
            self._host_found.copy_(self._found, non_blocking=True)


def _ports(given: Tensor, found: Tensor, rows: int) -> Ports:
    first_symbol, first_hidden = _SLOT_BYTES + 4 * rows, 4 * SYMBOLS * rows
    return Ports(
        slot=given[:_SLOT_BYTES].view(torch.int64),
        filled=given[_SLOT_BYTES:first_symbol].view(torch.int32),
        symbols=given[first_symbol:],
        weights=found[:first_hidden].view(torch.int32).view(rows, SYMBOLS),
        hidden=found[first_hidden:].view(torch.int8).view(rows, -1),
    )


class HostStep:
    """A step on a CPU; see :class:`CudaStep`.

    Args:
        stages: compute it.
        exchange: what they read and write.
        start_thread: prepares a thread that will do so.
    """

    def __init__(
        self, stages: Stages, exchange: DeviceExchange, start_thread: Callable[[], None]
    ) -> None:
        self._stages, self._exchange, self._start_thread = stages, exchange, start_thread
        self._running: Future[None] | None = None

    def __call__(self, slot: int, filled: int) -> None:
        """Take a step at which all rows are equally filled, in this thread."""
        _set_all(self._exchange.host, slot, filled)
        self._run()

    def launch(self) -> None:
        """Begin a step; until :meth:`wait` returns, its numbers belong to it."""
        self._running = running = Future[None]()
        try:
            start_daemon(partial(self._run_aside, running))
        except RuntimeError:  # no more threads: the interpreter ends, or a limit is reached
            self._run_aside(running)

    def wait(self) -> None:
        """Wait for the step that was launched, if one was, and raise what it raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def _run_aside(self, running: Future[None]) -> None:
        try:
            self._start_thread()
            self._run()
            running.set_result(None)
        except BaseException as error:  # raised where the step is waited for
            running.set_exception(error)

    def _run(self) -> None:
        self._stages(self._exchange.own.slot, self._exchange.own.filled)


class CudaStep:
    """A step on a CUDA device, on a stream of its own.

    Its stages run once as they are, which lets libraries and kernels prepare themselves, and are
    then recorded as a CUDA graph: one launch, not a hundred.

    Args:
        stages: compute it.
        exchange: what they read and write.
        place: the device.
    """

    def __init__(self, stages: Stages, exchange: DeviceExchange, place: torch.device) -> None:
        self._stages, self._exchange, self._place = stages, exchange, place
        # What was made before, such as zeros and weights, must be there for another stream, too.
        torch.cuda.synchronize(place)
        cuda: Any = torch.cuda  # partly without types
        self._stream, self._done = cuda.Stream(place), cuda.Event()
        self._graph: Any = None

    def __call__(self, slot: int, filled: int) -> None:
        """Take a step at which all rows are equally filled, and wait for it."""
        _set_all(self._exchange.host, slot, filled)
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Begin a step; until :meth:`wait` returns, its numbers belong to it."""
        with torch.cuda.stream(self._stream):
            self._exchange.copy_in()
            if self._graph is None:
                self._run()
            else:
                self._graph.replay()
            self._exchange.copy_out()
            self._done.record(self._stream)
        if self._graph is None:
            self._graph = self._record()

    def wait(self) -> None:
        """Wait for the step that was launched, if one was."""
        self._done.synchronize()

    def _record(self) -> Any:
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads may have work of their own on the device meanwhile. Recording computes
        # nothing.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            self._run()
        return graph

    def _run(self) -> None:
        self._stages(self._exchange.own.slot, self._exchange.own.filled)


def _set_all(host: Ports, slot: int, filled: int) -> None:
    host.slot[0] = slot
    host.filled[:] = filled

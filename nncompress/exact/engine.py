"""The integer network at work: bytes in, weights of the next byte out, for many lanes at once.

A :class:`Network` holds the weights on a device; :class:`Lanes` made from it hold the state of some lanes. What a lane
gets depends on its own bytes alone: not on the other lanes, their number, the device, or the kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import ConfigError
from ..network.config import START_SYMBOL, SYMBOLS
from .backend import Backend, NumbaBackend, TorchBackend
from .fixedpoint import STREAM_BITS, UNIT_BITS, norm_eps
from .parameters import Attention, Block, Parameters


class Network:
    """An integer network ready to run on a device.

    device: "cpu", "cuda" or "cuda:N". kernels: "numba" (CPU only), "torch", or "auto" for the faster
    of those that the device has. threads: what a product may use inside, on a CPU. Raises
    :class:`DeviceError` where the device is not there, :class:`ConfigError` for a wrong name.
    """

    def __init__(
        self, parameters: Parameters, device: str = "cpu", kernels: str = "auto", threads: int = 1
    ) -> None:
        if kernels == "auto":
            kernels = "numba" if device == "cpu" else "torch"
        if kernels not in ("numba", "torch") or (kernels == "numba" and device != "cpu"):
            raise ConfigError(
                f"no {kernels!r} kernels for device {device!r}: use 'torch', or 'numba' on the CPU"
            )
        self.parameters, self.config = parameters, parameters.config
        tensors = {name: array for name, array in parameters.tensors().items() if array.ndim}
        self.backend: Backend = (
            NumbaBackend(tensors, threads)
            if kernels == "numba"
            else TorchBackend(tensors, device, threads)
        )

    @property
    def device(self) -> str:
        """What it runs on: "cpu" or "cuda"."""
        return self.backend.device

    def lanes(self, count: int) -> Lanes:
        """Cold state for ``count`` lanes, at least 1, to be stepped by the calling thread."""
        self.backend.start_thread()
        return Lanes(self, count)


class Lanes:
    """The state of ``count`` lanes, and the buffers of a step."""

    def __init__(self, network: Network, count: int) -> None:
        self.network, self.count, self.position = network, count, 0
        self.backend = network.backend
        self.rows = self.backend.rows(count)
        dim = network.config.dim
        self.symbols = self.zeros(np.uint8)
        self.stream = self.zeros(np.int32, dim)
        self.activations = self.zeros(np.int8, dim)
        self.weights = self.zeros(np.int32, SYMBOLS)
        self.blocks = [_BlockLanes(self, index) for index in range(network.config.layers)]
        self.output = self.product("output.weight", self.activations)
        # Everything that a lane carries from step to step, for copying.
        self.state = [array for block in self.blocks for array in block.state]

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """An array with a row a lane."""
        return self.backend.zeros(dtype, self.rows, *shape)

    def product(self, name: str, activations: Any) -> tuple[Callable[[], None], Any]:
        """The product with a weight, to be called, and its output."""
        out = self.zeros(np.int32, self.backend.tensors[name].shape[0])
        return self.backend.gemm(activations, name, out), out

    def start(self) -> NDArray[np.int32]:
        """Weights of every lane's first byte, as :meth:`step` gives them."""
        return self.step(np.full(self.count, START_SYMBOL, dtype=np.uint8))

    def step(self, symbols: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Read one byte a lane.

        symbols: uint8 [count]. Returns the weights of the next byte, int32 [count, 256], each in 1..2**20; the array
        is overwritten by the next call.
        """
        backend, output = self.backend, self.network.parameters.output
        backend.give(symbols, self.symbols)
        for block in self.blocks:
            block.step()
        self.position += 1
        backend.kernels.stream_to_int8(
            self.stream, self.network.parameters.output_scale, self.activations
        )
        gemm, product = self.output
        gemm()
        tensors = backend.tensors
        backend.kernels.softmax(
            product,
            tensors["output.multiplier"],
            tensors["output.bias"],
            output.shift,
            self.weights,
        )
        return backend.take(self.weights, self.count)

    def copy_first(self, source: Lanes) -> None:
        """Start every lane where lane 0 of ``source`` is."""
        self.position = source.position
        for own, other in zip(self.state, source.state, strict=True):
            own[:] = other[:1]


class _BlockLanes:
    """One block's state, buffers and step."""

    def __init__(self, lanes: Lanes, index: int) -> None:
        self.lanes, self.first = lanes, index == 0
        network, config = lanes.network, lanes.network.config
        self.block: Block = network.parameters.blocks[index]
        self.kernels = network.backend.kernels
        self.cell = lanes.zeros(np.int32, config.dim)
        self.hidden = lanes.zeros(np.int8, config.dim)
        self.state = [self.cell, self.hidden]
        self.stream, self.activations = lanes.stream, lanes.activations
        name = f"blocks.{index}."
        self.arrays = {
            key[len(name) :]: array
            for key, array in network.backend.tensors.items()
            if key.startswith(name)
        }
        self.recurrent = lanes.product(name + "cell.recurrent", self.hidden)
        if not self.first:
            self.inputs = lanes.product(name + "cell.inputs", lanes.activations)
        self.boom = lanes.product(name + "boom.weight", lanes.activations)
        if self.block.attention is not None:
            self.memory = lanes.zeros(np.int8, config.window, config.dim)
            self.state.append(self.memory)
            self.query = lanes.product(name + "attention.query.weight", lanes.activations)
        self.eps_unit, self.eps_stream = (
            norm_eps(config.dim, UNIT_BITS),
            norm_eps(config.dim, STREAM_BITS),
        )

    def affine(self, name: str, part: Any) -> tuple[Any, Any, int]:
        return self.arrays[name + ".gain"], self.arrays[name + ".bias"], part.shift

    def step(self) -> None:
        self._lstm()
        if self.block.attention is not None:
            self._attend(self.block.attention)
        eps = self.eps_unit if self.block.attention is None else self.eps_stream
        self.kernels.norm_split(
            self.stream,
            eps,
            *self.affine("norm_stream", self.block.norm_stream),
            *self.affine("norm_boom", self.block.norm_boom),
            self.activations,
        )
        gemm, product = self.boom
        gemm()
        arrays = self.arrays
        self.kernels.boom(
            product,
            arrays["boom.multiplier"],
            arrays["boom.bias"],
            self.block.boom.shift,
            self.stream,
        )

    def _lstm(self) -> None:
        cell, arrays = self.block.cell, self.arrays
        gemm, recurrent = self.recurrent
        gemm()
        common = (
            recurrent,
            arrays["cell.multiplier_recurrent"],
            arrays["cell.bias"],
            cell.shift,
            cell.hidden,
            self.cell,
            self.stream,
            self.hidden,
        )
        if self.first:
            self.kernels.lstm_first(
                self.lanes.symbols, arrays["cell.table"], cell.table_shift, *common
            )
            return
        assert self.block.norm_lstm is not None
        norm = self.affine("norm_lstm", self.block.norm_lstm)
        self.kernels.norm_to_int8(self.stream, self.eps_stream, *norm, self.activations)
        gemm, inputs = self.inputs
        gemm()
        self.kernels.lstm(inputs, arrays["cell.multiplier_inputs"], *common)

    def _attend(self, part: Attention) -> None:
        arrays, position, window = (
            self.arrays,
            self.lanes.position,
            self.lanes.network.config.window,
        )
        memory = self.affine("attention.memory", part.memory)
        self.kernels.remember(self.stream, self.eps_unit, *memory, self.memory, position % window)
        self.kernels.norm_split(
            self.stream,
            self.eps_unit,
            *self.affine("attention.stream", part.stream),
            *self.affine("attention.query_input", part.query_input),
            self.activations,
        )
        gemm, query = self.query
        gemm()
        self.kernels.attend(
            query,
            arrays["attention.query.multiplier"],
            arrays["attention.query.bias"],
            part.query.shift,
            *self.affine("attention.query_norm", part.query_norm),
            self.memory,
            min(position + 1, window),
            self.eps_stream,
            part.multiplier,
            part.shift,
            arrays["attention.value"],
            part.value_shift,
            self.stream,
        )

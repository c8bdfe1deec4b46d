"""The integer network at work: bytes in, weights of the next byte out, for many lanes at once.

A :class:`Network` holds the weights on a device; :class:`Lanes` made from it hold the state of some lanes. What a lane
gets depends on its own bytes alone: not on the other lanes, their number, the device, or the kernels.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ConfigError, DeviceError
from ..network.config import START_SYMBOL, SYMBOLS
from .fixedpoint import STREAM_BITS, UNIT_BITS, norm_eps
from .gemm import Gemm
from .parameters import Attention, Block, Parameters

CUDA_ROWS = 32
"""On CUDA lanes are padded to a multiple of this: its int8 product wants more than 16 rows, and aligned ones."""


def _kernels(name: str) -> ModuleType:
    if name == "numba":
        from . import kernels_numba

        return kernels_numba
    from . import kernels_torch

    return kernels_torch


class Network:
    """An integer network ready to run on a device.

    device: "cpu", "cuda" or "cuda:N". kernels: "numba" (CPU only), "torch", or "auto" for the faster
    of those that the device has. threads: what a product may use inside, on a CPU. Raises
    :class:`DeviceError` where the device is not there, :class:`ConfigError` for a wrong name.
    """

    def __init__(
        self, parameters: Parameters, device: str = "cpu", kernels: str = "auto", threads: int = 1
    ) -> None:
        self.device, self.threads = _device(device), threads
        if kernels == "auto":
            kernels = "numba" if self.device.type == "cpu" else "torch"
        if kernels not in ("numba", "torch") or (kernels == "numba" and self.device.type != "cpu"):
            raise ConfigError(
                f"no {kernels!r} kernels for device {device!r}: use 'torch', or 'numba' on the CPU"
            )
        self.parameters, self.config = parameters, parameters.config
        self.uses_numba = kernels == "numba"
        self.kernels = _kernels(kernels)
        self.tensors = {
            name: torch.from_numpy(array).to(self.device)
            for name, array in parameters.tensors().items()
            if array.ndim
        }

    def native(self, tensor: Tensor) -> Any:
        """A tensor as the kernels take it; numpy arrays share its memory."""
        return tensor.numpy() if self.uses_numba else tensor

    def lanes(self, count: int) -> Lanes:
        """Cold state for ``count`` lanes, at least 1, to be stepped by the calling thread."""
        if self.device.type == "cpu":
            # Said in every thread anew: OpenMP would give the products of a new one all cores.
            torch.set_num_threads(self.threads)
        return Lanes(self, count)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}: use cpu or cuda") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported: use cpu or cuda")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise DeviceError("no CUDA device: use --device cpu, archives are the same")
        torch.backends.cuda.matmul.allow_tf32 = False
    return device


class Lanes:
    """The state of ``count`` lanes, and the buffers of a step."""

    def __init__(self, network: Network, count: int) -> None:
        self.network, self.count, self.position = network, count, 0
        rows = count if network.device.type == "cpu" else -(-count // CUDA_ROWS) * CUDA_ROWS
        dim = network.config.dim
        self.symbols = self._zeros(torch.uint8, rows)
        self.stream = self._zeros(torch.int32, rows, dim)
        self.activations = self._zeros(torch.int8, rows, dim)
        self.weights = self._zeros(torch.int32, rows, SYMBOLS)
        self.blocks = [_BlockLanes(self, index) for index in range(network.config.layers)]
        self.output = self.product("output.weight", self.activations)
        # Everything that a lane carries from step to step, for copying.
        self.state = [tensor for block in self.blocks for tensor in block.state]

    def _zeros(self, dtype: torch.dtype, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=self.network.device)

    def product(self, name: str, activations: Tensor) -> tuple[Gemm, Any]:
        """The product with a weight, and its output as the kernels take it."""
        weight = self.network.tensors[name]
        out = self._zeros(torch.int32, activations.shape[0], weight.shape[0])
        return Gemm(activations, weight, out), self.network.native(out)

    def start(self) -> NDArray[np.int32]:
        """Weights of every lane's first byte, as :meth:`step` gives them."""
        return self.step(np.full(self.count, START_SYMBOL, dtype=np.uint8))

    @torch.inference_mode()
    def step(self, symbols: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Read one byte a lane.

        symbols: uint8 [count]. Returns the weights of the next byte, int32 [count, 256], each in 1..2**20; the array
        is overwritten by the next call.
        """
        network = self.network
        # A copy, since torch warns of arrays that cannot be written.
        self.symbols[: self.count].copy_(torch.from_numpy(np.array(symbols, dtype=np.uint8)))
        for block in self.blocks:
            block.step()
        self.position += 1
        native, output = network.native, network.parameters.output
        network.kernels.stream_to_int8(
            native(self.stream), network.parameters.output_scale, native(self.activations)
        )
        gemm, product = self.output
        gemm()
        tensors = network.tensors
        network.kernels.softmax(
            product,
            native(tensors["output.multiplier"]),
            native(tensors["output.bias"]),
            output.shift,
            native(self.weights),
        )
        return self.weights[: self.count].cpu().numpy()

    def copy_first(self, source: Lanes) -> None:
        """Start every lane where lane 0 of ``source`` is."""
        self.position = source.position
        for own, other in zip(self.state, source.state, strict=True):
            own.copy_(other[:1].expand_as(own))


class _BlockLanes:
    """One block's state, buffers and step."""

    def __init__(self, lanes: Lanes, index: int) -> None:
        self.lanes, self.first = lanes, index == 0
        network, config = lanes.network, lanes.network.config
        self.block: Block = network.parameters.blocks[index]
        self.kernels, native = network.kernels, network.native
        rows = lanes.stream.shape[0]
        cell = lanes._zeros(torch.int32, rows, config.dim)
        hidden = lanes._zeros(torch.int8, rows, config.dim)
        self.state = [cell, hidden]
        self.cell, self.hidden = native(cell), native(hidden)
        self.stream, self.activations = native(lanes.stream), native(lanes.activations)
        self.symbols = native(lanes.symbols)
        name = f"blocks.{index}."
        self.arrays = {
            key[len(name) :]: native(tensor)
            for key, tensor in network.tensors.items()
            if key.startswith(name)
        }
        self.recurrent = lanes.product(name + "cell.recurrent", hidden)
        if not self.first:
            self.inputs = lanes.product(name + "cell.inputs", lanes.activations)
        self.boom = lanes.product(name + "boom.weight", lanes.activations)
        if self.block.attention is not None:
            memory = lanes._zeros(torch.int8, rows, config.window, config.dim)
            self.state.append(memory)
            self.memory = native(memory)
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
            self.kernels.lstm_first(self.symbols, arrays["cell.table"], cell.table_shift, *common)
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

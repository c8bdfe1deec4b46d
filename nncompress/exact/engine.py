"""The integer network at work: bytes in, weights of the next byte out, for many lanes at once.

A :class:`Network` holds the weights on a device; :class:`Lanes` made from it hold the state of some lanes. What a lane
gets depends on its own bytes alone: not on the other lanes, their number, the device, or the kernels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncompress.errors import ConfigError

from .backend import Backend, NumbaBackend, TorchBackend
from .config import START_SYMBOL, SYMBOLS
from .fixedpoint import STREAM_BITS, UNIT_BITS, norm_eps
from .parameters import Attention, Block, Parameters
from .stages import Recipe


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

    @property
    def packs(self) -> bool:
        """Whether its products are our own, for which no thread needs to make ready."""
        return isinstance(self.backend, NumbaBackend) and self.backend.packs

    def start_thread(self) -> None:
        """Make ready for the calling thread, which will step lanes; the one that makes lanes is ready."""
        self.backend.start_thread()

    def lanes(self, count: int) -> Lanes:
        """Cold state for ``count`` lanes, at least 1."""
        self.start_thread()
        return Lanes(self, count)


class Prediction(NamedTuple):
    """What the network says of the next byte of some lanes; the arrays are overwritten at the lanes' next step.

    weights: int32 [n, 256], each in 1..2**20. hidden: int8 [n, dim], -127..127, the vector that the output layer made
    them from.
    """

    weights: NDArray[np.int32]
    hidden: NDArray[np.int8]

    def first(self, count: int) -> Prediction:
        """Return that of the first lanes."""
        return Prediction(self.weights[:count], self.hidden[:count])


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
        recipe = [stage for block in self.blocks for stage in block.recipe]
        self.advance = self.backend.program([*recipe, ("predict", self._output())])
        # Everything that a lane carries from step to step, for copying.
        self.state = [array for block in self.blocks for array in block.state]

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """An array with a row a lane."""
        return self.backend.zeros(dtype, self.rows, *shape)

    def product(self, name: str, activations: Any) -> tuple[Any, Any]:
        """The product with a weight, as the stages take it, and its output."""
        out = self.zeros(np.int32, self.backend.tensors[name].shape[0])
        return self.backend.product(activations, name, out), out

    def _output(self) -> tuple[Any, ...]:
        """Arguments of the last stage."""
        parameters, tensors = self.network.parameters, self.backend.tensors
        product, out = self.product("output.weight", self.activations)
        multiplier, bias = tensors["output.multiplier"], tensors["output.bias"]
        return (
            (self.stream, parameters.output_scale, self.activations),
            product,
            (out, multiplier, bias, parameters.output.shift, self.weights),
        )

    def start(self) -> Prediction:
        """What every lane's first byte will be."""
        return self.step(np.full(self.count, START_SYMBOL, dtype=np.uint8))

    def step(self, symbols: NDArray[np.uint8]) -> Prediction:
        """Read one byte a lane, uint8 [count], and predict the next."""
        self.backend.give(symbols, self.symbols)
        window = self.network.config.window
        self.advance(self.position % window, min(self.position + 1, window))
        self.position += 1
        take = self.backend.take
        return Prediction(take(self.weights, self.count), take(self.activations, self.count))

    def copy_first(self, source: Lanes) -> None:
        """Start every lane where lane 0 of ``source`` is."""
        self.position = source.position
        for own, other in zip(self.state, source.state, strict=True):
            own[:] = other[:1]


class _BlockLanes:
    """One block's state and buffers, and the arguments of its stages."""

    def __init__(self, lanes: Lanes, index: int) -> None:
        self.lanes, self.first = lanes, index == 0
        network, config = lanes.network, lanes.network.config
        self.block: Block = network.parameters.blocks[index]
        self.window = config.window
        self.cell = lanes.zeros(np.int32, config.dim)
        self.hidden = lanes.zeros(np.int8, config.dim)
        self.state = [self.cell, self.hidden]
        self.name = f"blocks.{index}."
        self.eps_unit = norm_eps(config.dim, UNIT_BITS)
        self.eps_stream = norm_eps(config.dim, STREAM_BITS)
        self.recipe: Recipe = [("recur_first" if self.first else "recur", self._recur())]
        if self.block.attention is not None:
            self.recipe.append(("attend", self._attend(self.block.attention)))
        self.recipe.append(("widen", self._widen()))

    def _array(self, name: str) -> Any:
        return self.lanes.backend.tensors[self.name + name]

    def _affine(self, name: str, part: Any) -> tuple[Any, Any, int]:
        return self._array(name + ".gain"), self._array(name + ".bias"), part.shift

    def _recur(self) -> tuple[Any, ...]:
        lanes, cell = self.lanes, self.block.cell
        product, recurrent = lanes.product(self.name + "cell.recurrent", self.hidden)
        common = (
            recurrent,
            self._array("cell.multiplier_recurrent"),
            self._array("cell.bias"),
            cell.shift,
            cell.hidden,
            self.cell,
            lanes.stream,
            self.hidden,
        )
        if self.first:
            table = lanes.symbols, self._array("cell.table"), cell.table_shift
            return product, (*table, *common)
        assert self.block.norm_lstm is not None
        affine = self._affine("norm_lstm", self.block.norm_lstm)
        norm = lanes.stream, self.eps_stream, *affine, lanes.activations
        inputs_product, inputs = lanes.product(self.name + "cell.inputs", lanes.activations)
        gates = inputs, self._array("cell.multiplier_inputs"), *common
        return norm, inputs_product, product, gates

    def _attend(self, part: Attention) -> tuple[Any, ...]:
        lanes = self.lanes
        memory = lanes.zeros(np.int8, self.window, lanes.network.config.dim)
        self.state.append(memory)
        affine = self._affine("attention.memory", part.memory)
        remember = lanes.stream, self.eps_unit, *affine, memory
        norm = (
            lanes.stream,
            self.eps_unit,
            *self._affine("attention.stream", part.stream),
            *self._affine("attention.query_input", part.query_input),
            lanes.activations,
        )
        product, query = lanes.product(self.name + "attention.query.weight", lanes.activations)
        attend = (
            query,
            self._array("attention.query.multiplier"),
            self._array("attention.query.bias"),
            part.query.shift,
            *self._affine("attention.query_norm", part.query_norm),
            memory,
            self.eps_stream,
            part.multiplier,
            part.shift,
            self._array("attention.value"),
            part.value_shift,
            lanes.stream,
        )
        return remember, norm, product, attend

    def _widen(self) -> tuple[Any, ...]:
        lanes, block = self.lanes, self.block
        norm = (
            lanes.stream,
            self.eps_unit if block.attention is None else self.eps_stream,
            *self._affine("norm_stream", block.norm_stream),
            *self._affine("norm_boom", block.norm_boom),
            lanes.activations,
        )
        product, wide = lanes.product(self.name + "boom.weight", lanes.activations)
        multiplier, bias = self._array("boom.multiplier"), self._array("boom.bias")
        return norm, product, (wide, multiplier, bias, block.boom.shift, lanes.stream)

"""Run the integer network: bytes in, weights of the next byte out, for many lanes at once.

A :class:`Network` holds the weights on a device; :class:`Lanes` made from it hold the state of some
lanes. What a lane gets depends on its own bytes alone: not on the other lanes, their number, the
device, or the kernels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncompress.errors import ConfigError

from .backend import Backend, NumbaBackend, TorchBackend
from .config import START_SYMBOL
from .fixedpoint import STREAM_BITS, UNIT_BITS, norm_eps
from .parameters import Parameters
from .parts import IntegerAttention, IntegerBlock
from .stages import (
    Attend,
    AttendStage,
    BoomStage,
    BoomSum,
    LSTMFirst,
    LSTMLater,
    NormSplit,
    NormToInt8,
    PredictStage,
    Recipe,
    RecurFirstStage,
    RecurStage,
    Remember,
    Softmax,
    StreamToInt8,
)
from .triton_backend import TritonBackend, best_kernels, require_triton


class Network:
    """An integer network ready to run on a device.

    Args:
        parameters: its numbers.
        device: "cpu", "cuda" or "cuda:N".
        kernels: "numba" (CPU only), "torch", "triton" (CUDA only, but for Triton's interpreter), or
            "auto" for the fastest of those that the device has.
        threads: how many a product of torch's may use inside, on a CPU.

    Raises:
        DeviceError: the device is not there.
        ConfigError: a name is wrong.
        MissingLibraryError: torch or Triton is wanted and not installed.

    Attributes:
        kernels: those that it has, never "auto".
    """

    def __init__(
        self, parameters: Parameters, device: str = "cpu", kernels: str = "auto", threads: int = 1
    ) -> None:
        self.parameters, self.config = parameters, parameters.config
        if kernels == "auto":
            kernels = "numba" if device == "cpu" else best_kernels(device, self.config)
        self.kernels = kernels
        tensors = {name: array for name, array in parameters.tensors().items() if array.ndim}
        self.backend: Backend
        if kernels == "numba" and device == "cpu":
            self.backend = NumbaBackend(tensors)
        elif kernels == "torch":
            self.backend = TorchBackend(tensors, device, threads)
        elif kernels == "triton":
            require_triton(device, self.config)
            self.backend = TritonBackend(tensors, device, threads)
        else:
            raise ConfigError(
                f"no {kernels!r} kernels for device {device!r}: use 'numba' on the CPU, 'triton' "
                "on CUDA, or 'torch'"
            )

    @property
    def device(self) -> str:
        """Kind of the device that it runs on: "cpu" or "cuda"."""
        return self.backend.device

    @property
    def is_compiled(self) -> bool:
        """Whether a step is a compiled function, and not a series of calls of torch's."""
        return isinstance(self.backend, NumbaBackend)

    def memory_for_rows(self) -> int:
        """Return how many bytes of the device's memory lanes may take that many blocks share."""
        return self.backend.memory_for_rows()

    def start_thread(self) -> None:
        """Prepare the calling thread to step lanes; :meth:`lanes` does it for its own thread."""
        self.backend.start_thread()

    def lanes(self, count: int, whole: Lanes | None = None) -> Lanes:
        """Return the cold state of ``count`` lanes, at least 1, or the first ones of others."""
        self.start_thread()
        return Lanes(self, count, whole)


class Prediction(NamedTuple):
    """The network's prediction of the next byte of some lanes; overwritten at their next step.

    Attributes:
        weights: int32 [n, 256], each in 1..2**20.
        hidden: int8 [n, dim], -127..127, the vector that the output layer made them from.
    """

    weights: NDArray[np.int32]
    hidden: NDArray[np.int8]

    def first(self, count: int) -> Prediction:
        """Return that of the first lanes."""
        return Prediction(self.weights[:count], self.hidden[:count])


class Lanes:
    """The state of ``count`` lanes, and the buffers of a step.

    Args:
        network: what they run through.
        count: how many there are.
        whole: lanes of which these are the first ones: they share state and buffers, and a step of
            few lanes costs less. None for lanes of their own.
    """

    def __init__(self, network: Network, count: int, whole: Lanes | None = None) -> None:
        self.network, self.count, self.position = network, count, 0
        self.backend = network.backend
        self.rows = self.backend.rows(count)
        dim = network.config.dim
        self._arrays: list[Any] = []
        self._shared = iter(whole._arrays) if whole is not None else None
        self.exchange = self.backend.exchange(self.rows, dim)
        own = self.exchange.own
        self.symbols, self.weights, self.activations = own.symbols, own.weights, own.hidden
        self.stream = self.zeros(np.int32, dim)
        blocks = [_BlockLanes(self, index) for index in range(network.config.layers)]
        recipe = [*(stage for block in blocks for stage in block.recipe), self._predict_stage()]
        self.advance: Any = self.backend.program(recipe, self.exchange)
        # Everything that a lane carries from step to step, for copying.
        self.state = [array for block in blocks for array in block.state]
        # What a lane that starts needs to be 0: no vector of a memory is read before it is written.
        self.recurrent = [array for block in blocks for array in (block.cell, block.hidden)]

    def zeros(self, dtype: DTypeLike, *shape: int) -> Any:
        """Return an array of zeros with a row a lane, or the first rows of that of all lanes."""
        if self._shared is not None:
            array = next(self._shared)[: self.rows]
        else:
            array = self.backend.zeros(dtype, self.rows, *shape)
        self._arrays.append(array)
        return array

    def product(self, name: str, activations: Any) -> tuple[Any, Any]:
        """Return the product with a weight, as the stages take it, and its output."""
        out = self.zeros(np.int32, self.backend.tensors[name].shape[0])
        return self.backend.product(activations, name, out), out

    def _predict_stage(self) -> PredictStage:
        parameters, tensors = self.network.parameters, self.backend.tensors
        product, out = self.product("output.weight", self.activations)
        multiplier, bias = tensors["output.multiplier"], tensors["output.bias"]
        return PredictStage(
            norm=StreamToInt8(self.stream, parameters.output_scale, self.activations),
            product=product,
            softmax=Softmax(out, multiplier, bias, parameters.output.shift, self.weights),
        )

    def start(self) -> Prediction:
        """Predict every lane's first byte."""
        return self.step(np.full(self.count, START_SYMBOL, dtype=np.uint8))

    def restart(self, lo: int, hi: int) -> None:
        """Make the lanes lo..hi-1 cold, but for how many vectors of their memories count."""
        self.backend.clear(self.recurrent, lo, hi)

    def step(self, symbols: NDArray[np.uint8]) -> Prediction:
        """Read one byte a lane, uint8 [count], and predict the next."""
        host, window = self.exchange.host, self.network.config.window
        host.symbols[: self.count] = symbols
        self.advance(self.position % window, min(self.position + 1, window))
        self.position += 1
        return Prediction(host.weights, host.hidden).first(self.count)


class _BlockLanes:
    """One block's state and buffers, and its stages."""

    def __init__(self, lanes: Lanes, index: int) -> None:
        self.lanes, self.name = lanes, f"blocks.{index}."
        network, config = lanes.network, lanes.network.config
        self.block: IntegerBlock = network.parameters.blocks[index]
        self.window = config.window
        self.cell = lanes.zeros(np.int32, config.dim)
        self.hidden = lanes.zeros(np.int8, config.dim)
        self.state = [self.cell, self.hidden]
        self.eps_unit = norm_eps(config.dim, UNIT_BITS)
        self.eps_stream = norm_eps(config.dim, STREAM_BITS)
        self.recipe: Recipe = [self._recur_first() if index == 0 else self._recur()]
        if self.block.attention is not None:
            self.recipe.append(self._attend(self.block.attention))
        self.recipe.append(self._boom())

    def _array(self, name: str) -> Any:
        return self.lanes.backend.tensors[self.name + name]

    def _affine(self, name: str, part: Any) -> tuple[Any, Any, int]:
        """Return gain, bias and shift of a layer norm."""
        return self._array(name + ".gain"), self._array(name + ".bias"), part.shift

    def _product(self, name: str, activations: Any) -> tuple[Any, Any]:
        return self.lanes.product(self.name + name, activations)

    def _cell(self, recurrent: Any) -> tuple[Any, ...]:
        """Return the arguments that both kinds of LSTM end with."""
        cell = self.block.cell
        multiplier, bias = self._array("cell.multiplier_recurrent"), self._array("cell.bias")
        scales = recurrent, multiplier, bias, cell.shift, cell.hidden
        return *scales, self.cell, self.lanes.stream, self.hidden

    def _recur_first(self) -> RecurFirstStage:
        product, recurrent = self._product("cell.recurrent", self.hidden)
        table, table_shift = self._array("cell.table"), self.block.cell.table_shift
        lstm = LSTMFirst(self.lanes.symbols, table, table_shift, *self._cell(recurrent))
        return RecurFirstStage(product, lstm)

    def _recur(self) -> RecurStage:
        lanes = self.lanes
        affine = self._affine("norm_lstm", self.block.norm_lstm)
        inputs_product, inputs = self._product("cell.inputs", lanes.activations)
        product, recurrent = self._product("cell.recurrent", self.hidden)
        return RecurStage(
            norm=NormToInt8(lanes.stream, self.eps_stream, *affine, lanes.activations),
            inputs=inputs_product,
            recurrent=product,
            lstm=LSTMLater(inputs, self._array("cell.multiplier_inputs"), *self._cell(recurrent)),
        )

    def _attend(self, part: IntegerAttention) -> AttendStage:
        lanes = self.lanes
        memory = lanes.zeros(np.int8, self.window, lanes.network.config.dim)
        self.state.append(memory)
        product, query = self._product("attention.query.weight", lanes.activations)
        return AttendStage(
            remember=Remember(
                lanes.stream,
                self.eps_unit,
                *self._affine("attention.memory", part.memory),
                memory,
            ),
            norm=NormSplit(
                lanes.stream,
                self.eps_unit,
                *self._affine("attention.stream", part.stream),
                *self._affine("attention.query_input", part.query_input),
                lanes.activations,
            ),
            query=product,
            attend=Attend(
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
            ),
        )

    def _boom(self) -> BoomStage:
        lanes, block = self.lanes, self.block
        product, wide = self._product("boom.weight", lanes.activations)
        multiplier, bias = self._array("boom.multiplier"), self._array("boom.bias")
        return BoomStage(
            norm=NormSplit(
                lanes.stream,
                self.eps_unit if block.attention is None else self.eps_stream,
                *self._affine("norm_stream", block.norm_stream),
                *self._affine("norm_boom", block.norm_boom),
                lanes.activations,
            ),
            product=product,
            boom=BoomSum(wide, multiplier, bias, block.boom.shift, lanes.stream),
        )

"""Fine-tune with quantisation in mind: the float network rounds where the integer network will.

Weights of every product become 7-bit with a scale a row, and the inputs of products 8-bit with the
static scales of :func:`nncompress.quantize.calibration.calibrate`; gradients pass as if nothing
were rounded (straight-through estimator, Bengio et al. 2013, https://arxiv.org/abs/1308.3432). The
first LSTM's input is not rounded, since the integer network looks it up, and neither is attention's
query.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncompress.exact.fixedpoint import ACTIVATION_MAX, WEIGHT_MAX
from nncompress.network.lstm import LSTMState, library_lstm, recurrence
from nncompress.network.model import LSTM, SHARNN, Block
from nncompress.quantize.calibration import calibrate


def round_weight(weight: Tensor) -> Tensor:
    """Round a matrix [N, K] to 7 bits with a scale a row; the gradient passes straight through."""
    scale = weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / WEIGHT_MAX
    return weight + ((weight / scale).round() * scale - weight).detach()


def round_activation(values: Tensor, scale: float) -> Tensor:
    """Round values of any shape to multiples of ``scale`` within 8 bits.

    The gradient passes straight through, except where a value is cut off.
    """
    cut = values.clamp(-ACTIVATION_MAX * scale, ACTIVATION_MAX * scale)
    return cut + ((cut.float() / scale).round() * scale - cut).detach().to(cut.dtype)


class FakeQuantizer:
    """Rounding that a network does from now on; its parameters and their names stay the same.

    What an LSTM feeds back is rounded on the CPU only: elsewhere PyTorch's own code runs it.

    Args:
        model: the network, which is changed in place.
        scales: step of each 8-bit activation, by the names that
            :func:`~nncompress.quantize.calibration.calibrate` gives them.
    """

    def __init__(self, model: SHARNN, scales: Mapping[str, float]) -> None:
        self.scales = dict(scales)
        for index, block in enumerate(model.blocks):
            assert isinstance(block, Block)
            name = f"blocks.{index}."
            self._round_lstm(block.lstm, scales[name + "lstm"], scales.get(name + "norm_lstm"))
            self._round_linear(block.boom.up, scales[name + "norm_boom"])
            if block.attention is not None:
                self._round_linear(block.attention.query, scales[name + "norm_attention"])
                self._round_output(block.norm_memory, scales[name + "norm_memory"])
        self._round_read_out(model, scales["output"])

    @classmethod
    def calibrated(cls, model: SHARNN, text: bytes) -> FakeQuantizer:
        """Measure the scales on a text of at least 512 bytes, and make a network round to them."""
        lanes = min(16, len(text) // 256)
        length = min(4096, len(text) // lanes)
        data = torch.frombuffer(bytearray(text[: lanes * length]), dtype=torch.uint8)
        data = data.view(lanes, length).to(model.output_bias.device)
        return cls(model, calibrate(model, data).scales)

    def _round_lstm(self, lstm: LSTM, hidden: float, inputs: float | None) -> None:
        def project(x: Tensor) -> Tensor:
            if inputs is None or x.dim() == 2:  # the first block's table of bytes
                return F.linear(x, lstm.weight_ih, lstm.bias)
            return F.linear(round_activation(x, inputs), round_weight(lstm.weight_ih), lstm.bias)

        def recur(projected: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
            return recurrence(projected, state, round_weight(lstm.weight_hh), hidden)

        def run_library(x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
            recurrent = round_weight(lstm.weight_hh)
            if inputs is None:
                return library_lstm(x, state, lstm.weight_ih, recurrent, lstm.bias)
            rounded = round_activation(x, inputs), state, round_weight(lstm.weight_ih)
            return library_lstm(*rounded, recurrent, lstm.bias)

        lstm.project, lstm.recur = project, recur  # type: ignore[method-assign]
        lstm.run_library = run_library  # type: ignore[method-assign]

    def _round_linear(self, linear: nn.Linear, inputs: float) -> None:
        def forward(x: Tensor) -> Tensor:
            return F.linear(round_activation(x, inputs), round_weight(linear.weight), linear.bias)

        linear.forward = forward  # type: ignore[method-assign, assignment]

    def _round_output(self, module: nn.Module, scale: float) -> None:
        module.register_forward_hook(lambda _, __, output: round_activation(output, scale))

    def _round_read_out(self, model: SHARNN, scale: float) -> None:
        def read_out(h: Tensor) -> Tensor:
            weight = round_weight(model.embedding.weight)
            return F.linear(round_activation(h, scale), weight, model.output_bias)

        model.read_out = read_out  # type: ignore[method-assign]

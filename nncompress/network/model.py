"""Build the SHA-RNN of PyTorch modules, in floating point, as it is trained.

Source: S. Merity, "Single Headed Attention RNN: Stop Thinking With Your Head",
https://arxiv.org/abs/1911.11423, and the code released with it, https://github.com/smerity/sha-rnn.
Tensors inside are time-major, [T, B, d].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nncompress.exact.config import SYMBOLS, SHARNNConfig

from .constants import LAYER_NORM_EPS
from .functional import attend_band, boom_sum, lookup
from .lstm import LSTMState, library_lstm, recurrence


@dataclass
class BlockState:
    """What a block carries from segment to segment, none of it in the graph.

    Attributes:
        hidden: the LSTM's hidden vectors, [B, d] float32.
        cell: the LSTM's cells, [B, d] float32.
        memory: the last M <= window - 1 memory vectors, oldest first, [B, M, d]; M is 0 in a block
            that does not attend.
    """

    hidden: Tensor
    cell: Tensor
    memory: Tensor


def flatten_state(state: Sequence[BlockState] | None) -> list[Tensor]:
    """Return the tensors of all blocks, in order; of the cold state there are none."""
    return [t for block in state or () for t in (block.hidden, block.cell, block.memory)]


def restore_state(tensors: Sequence[Tensor]) -> list[BlockState] | None:
    """Make the states of blocks from the tensors of :func:`flatten_state`."""
    return [BlockState(*tensors[i : i + 3]) for i in range(0, len(tensors), 3)] or None


class LSTM(nn.Module):
    """An LSTM layer, d -> d, with one bias and PyTorch's order of gates.

    That order is input, forget, cell, output.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(4 * dim, dim))
        self.weight_hh = nn.Parameter(torch.empty(4 * dim, dim))
        self.bias = nn.Parameter(torch.zeros(4 * dim))

    def project(self, x: Tensor) -> Tensor:
        """Apply W_ih and the bias to x [..., d]; return [..., 4d]."""
        return F.linear(x, self.weight_ih, self.bias)

    def recur(self, projected: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Run over projected inputs [T, B, 4d], on the CPU; return outputs [T, B, d] and state."""
        return recurrence(projected, state, self.weight_hh)

    def run_library(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Run over inputs x [T, B, d] in PyTorch's own code, on devices other than the CPU."""
        return library_lstm(x, state, self.weight_ih, self.weight_hh, self.bias)

    def forward(
        self, x: Tensor, state: LSTMState, *, projected: bool = False
    ) -> tuple[Tensor, LSTMState]:
        """Run over a segment.

        Args:
            x: the inputs, [T, B, d]; or, if ``projected``, those of :meth:`project`, [T, B, 4d],
                which must be on the CPU.
            state: before the first step.
            projected: what ``x`` is.

        Returns:
            The outputs, [T, B, d], and the state after the last step.
        """
        if x.device.type == "cpu":
            return self.recur(x if projected else self.project(x), state)
        return self.run_library(x, state)


class Attention(nn.Module):
    """Attention in which only the query has a projection; keys and values are the memory, scaled.

    The scales are static vectors: sigmoid(s) for query and key, and for the value the paper's
    "over-parameterised" vector, which is a constant once trained.
    """

    def __init__(self, config: SHARNNConfig) -> None:
        super().__init__()
        d = config.dim
        self.heads, self.window = config.heads, config.window
        self.query = nn.Linear(d, d)
        self.query_norm = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.query_scale = nn.Parameter(torch.zeros(d))
        self.key_scale = nn.Parameter(torch.zeros(d))
        self.value_scale = nn.Parameter(torch.zeros(d))
        self.value_gate = nn.Linear(d, 2 * d)

    def forward(self, h: Tensor, memory: Tensor) -> Tensor:
        """Read the memory for every step of a segment.

        Args:
            h: the stream, [T, B, d].
            memory: [B, M + T, d], the segment's own vectors last.

        Returns:
            What is read, values scaled, [T, B, d].
        """
        scale = torch.sigmoid(self.query_scale) * torch.sigmoid(self.key_scale)
        query = self.query_norm(self.query(h)) * scale
        query = self._split(query.transpose(0, 1).to(memory.dtype))
        keys = self._split(memory)
        past, steps = memory.shape[1] - h.shape[0], h.shape[0]
        read = []
        # In pieces of the window, so that a long segment costs 2 T W and not T T.
        for start in range(0, steps, self.window):
            stop = min(start + self.window, steps)
            low = max(0, past + start - self.window + 1)
            seen = keys[:, :, low : past + stop]
            mask = self._band(past + start - low, stop - start, memory.device)
            piece = query[:, :, start:stop]
            read.append(attend_band(piece, seen, mask))
        lanes, dim = memory.shape[0], memory.shape[2]
        joined = torch.cat(read, dim=2).permute(2, 0, 1, 3).reshape(steps, lanes, dim)
        return joined * self.value()

    def value(self) -> Tensor:
        """Return the vector that scales values, [d]."""
        content, gate = self.value_gate(torch.sigmoid(self.value_scale)).chunk(2)
        scale: Tensor = torch.sigmoid(gate) * torch.tanh(content)
        return scale

    def _split(self, x: Tensor) -> Tensor:
        lanes, length, dim = x.shape
        return x.view(lanes, length, self.heads, dim // self.heads).transpose(1, 2)

    def _band(self, past: int, steps: int, device: torch.device) -> Tensor:
        """Return where each query looks, bool [steps, past + steps]: the window ending with it."""
        position = torch.arange(past + steps, device=device)
        age = position[past:, None] - position
        return (age >= 0) & (age < self.window)


class Boom(nn.Module):
    """Linear layer d -> boom, then x * sigmoid(1.702 x), then the sum of the chunks of d.

    There is no matrix from boom back to d, unlike in a Transformer's feed-forward layer.
    """

    def __init__(self, dim: int, boom: int) -> None:
        super().__init__()
        self.up = nn.Linear(dim, boom)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [..., d] to [..., d]."""
        return boom_sum(self.up(x), x.shape[-1])


class Block(nn.Module):
    """An LSTM whose output replaces the stream; attention, in some blocks, and Boom add to it."""

    def __init__(self, config: SHARNNConfig, attends: bool) -> None:
        super().__init__()
        d = config.dim
        self.norm_lstm = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.lstm = LSTM(d)
        self.attention = Attention(config) if attends else None
        if attends:
            self.norm_memory = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
            self.norm_attention = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.norm_stream = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.norm_boom = nn.LayerNorm(d, eps=LAYER_NORM_EPS)
        self.boom = Boom(d, config.boom)
        self.dropout = nn.Dropout(config.dropout_hidden)

    def forward(self, h: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Run over the stream h [T, B, d]; return that after the block, and the block's state."""
        h, recurrent = self.lstm(self.norm_lstm(h), (state.hidden, state.cell))
        return self.finish(h, recurrent, state.memory)

    def read_bytes(
        self, x: Tensor, embedding: Tensor, state: BlockState
    ) -> tuple[Tensor, BlockState]:
        """Run over bytes, as the first block, on the CPU.

        What the LSTM takes in depends on the byte alone, so it is looked up in a table of 256 rows:
        a tenth of the network's multiplications saved.

        Args:
            x: the bytes, int64 [T, B].
            embedding: of all bytes, [256, d].
            state: before the segment.

        Returns:
            The stream after the block, [T, B, d], and the block's state.
        """
        projected = lookup(self.lstm.project(self.norm_lstm(embedding)), x)
        h, recurrent = self.lstm(projected, (state.hidden, state.cell), projected=True)
        return self.finish(h, recurrent, state.memory)

    def finish(self, h: Tensor, recurrent: LSTMState, memory: Tensor) -> tuple[Tensor, BlockState]:
        """Do what follows the LSTM: from its output [T, B, d] and state, and the memory before."""
        h = self.dropout(h)
        if self.attention is not None:
            own = self.norm_memory(h).to(h.dtype).transpose(0, 1)  # on CUDA autocast widens norms
            h = self.norm_attention(h)
            joined = torch.cat([memory.to(own.dtype), own], dim=1)
            h = h + self.dropout(self.attention(h, joined))
            kept = min(joined.shape[1], self.attention.window - 1)
            memory = joined.detach()[:, joined.shape[1] - kept :]
        h, inner = self.norm_stream(h), self.norm_boom(h)
        h = h + self.dropout(self.boom(inner))
        return h, BlockState(*recurrent, memory)


class SHARNN(nn.Module):
    """The network: reads bytes and returns logits of the next byte."""

    def __init__(self, config: SHARNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(SYMBOLS, config.dim)
        self.blocks = nn.ModuleList(
            Block(config, index in config.attention) for index in range(config.layers)
        )
        self.output_bias = nn.Parameter(torch.zeros(SYMBOLS))
        self.dropout_embedding = nn.Dropout(config.dropout_embedding)
        self.dropout_output = nn.Dropout(config.dropout_output)
        self.apply(_initialise)

    def initial_state(self, lanes: int) -> list[BlockState]:
        """Return the cold state of so many lanes: zeros, and an empty memory."""
        zeros = self.output_bias.new_zeros
        shape = (lanes, self.config.dim)
        return [
            BlockState(zeros(shape), zeros(shape), zeros((lanes, 0, shape[1]))) for _ in self.blocks
        ]

    def forward(
        self, x: Tensor, state: list[BlockState] | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Read a segment.

        Args:
            x: the bytes before those to predict (``START_SYMBOL`` first), [B, T] of any integer
                dtype, values 0 to 255.
            state: what the call for the segment before returned, or None for cold lanes.

        Returns:
            The logits, [B, T, 256], and the state after the segment.
        """
        if state is None:
            state = self.initial_state(x.shape[0])
        x = x.t().long()
        plain = x.device.type == "cpu" and not (self.training and self.config.dropout_embedding)
        h = None if plain else self.dropout_embedding(self.embedding(x))
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            assert isinstance(block, Block)
            if h is None:
                h, new = block.read_bytes(x, self.embedding.weight, before)
            else:
                h, new = block(h, before)
            after.append(new)
        return self.read_out(self.dropout_output(h)).transpose(0, 1), after

    def read_out(self, h: Tensor) -> Tensor:
        """Return the logits, [..., 256], of the stream after the last block, [..., d]."""
        return F.linear(h, self.embedding.weight, self.output_bias)


def _initialise(module: nn.Module) -> None:
    """Fill weights as the released code does: normal, deviation 0.1 / sqrt(d); LSTM uniform."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.1 / module.weight.shape[1] ** 0.5)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    elif isinstance(module, LSTM):
        bound = module.weight_hh.shape[1] ** -0.5
        nn.init.uniform_(module.weight_ih, -bound, bound)
        nn.init.uniform_(module.weight_hh, -bound, bound)
        with torch.no_grad():  # an open forget gate at first (Jozefowicz et al. 2015)
            module.bias[module.weight_hh.shape[1] : 2 * module.weight_hh.shape[1]] = 1.0

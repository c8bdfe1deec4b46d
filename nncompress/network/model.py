"""SHA-RNN in floating point: the network as trained.

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

from nncompress.exact.config import LAYER_NORM_EPS, SYMBOLS, SHARNNConfig

from .functional import attend, boom_sum, lookup
from .lstm import State, library_lstm, recurrence


@dataclass
class BlockState:
    """What a block carries from segment to segment, none of it in the graph.

    hidden, cell: [B, d] float32, the LSTM's. memory: [B, M, d], the last M <= window - 1 memory
    vectors, oldest first (M = 0 in a block that does not attend).
    """

    hidden: Tensor
    cell: Tensor
    memory: Tensor


def flatten_state(state: Sequence[BlockState] | None) -> list[Tensor]:
    """Return the tensors of all blocks, in order; none of the cold state."""
    return [t for block in state or () for t in (block.hidden, block.cell, block.memory)]


def restore_state(tensors: Sequence[Tensor]) -> list[BlockState] | None:
    """Undo :func:`flatten_state`."""
    return [BlockState(*tensors[i : i + 3]) for i in range(0, len(tensors), 3)] or None


class LSTM(nn.Module):
    """d -> d, with one bias and PyTorch's order of gates (input, forget, cell, output)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(4 * dim, dim))
        self.weight_hh = nn.Parameter(torch.empty(4 * dim, dim))
        self.bias = nn.Parameter(torch.zeros(4 * dim))

    def project(self, x: Tensor) -> Tensor:
        """Apply W_ih and the bias: [..., d] to [..., 4d]."""
        return F.linear(x, self.weight_ih, self.bias)

    def recur(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Run over projected inputs [T, B, 4d] from the state (h, c); for the CPU."""
        return recurrence(projected, state, self.weight_hh)

    def run_library(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Do both, in PyTorch's own code; for other devices."""
        return library_lstm(x, state, self.weight_ih, self.weight_hh, self.bias)

    def forward(self, x: Tensor, state: State, *, projected: bool = False) -> tuple[Tensor, State]:
        """Run over x [T, B, d], or over ``projected`` inputs, from the state (h, c)."""
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
        """Read the memory [B, M + T, d], the segment's own vectors last, for h [T, B, d]."""
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
            read.append(attend(piece, seen, mask))
        lanes, dim = memory.shape[0], memory.shape[2]
        joined = torch.cat(read, dim=2).permute(2, 0, 1, 3).reshape(steps, lanes, dim)
        return joined * self.value()

    def value(self) -> Tensor:
        """Return the vector [d] that scales values."""
        content, gate = self.value_gate(torch.sigmoid(self.value_scale)).chunk(2)
        scale: Tensor = torch.sigmoid(gate) * torch.tanh(content)
        return scale

    def _split(self, x: Tensor) -> Tensor:
        lanes, length, dim = x.shape
        return x.view(lanes, length, self.heads, dim // self.heads).transpose(1, 2)

    def _band(self, past: int, steps: int, device: torch.device) -> Tensor:
        """Say where each query looks, [steps, past + steps]: the window that ends at itself."""
        position = torch.arange(past + steps, device=device)
        age = position[past:, None] - position
        return (age >= 0) & (age < self.window)


class Boom(nn.Module):
    """Linear d -> boom, x * sigmoid(1.702 x), then the chunks of d are summed: no way down."""

    def __init__(self, dim: int, boom: int) -> None:
        super().__init__()
        self.up = nn.Linear(dim, boom)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [..., d] to [..., d]."""
        return boom_sum(self.up(x), x.shape[-1])


class Block(nn.Module):
    """LSTM in place of the stream; then attention, in some blocks, and Boom are added to it."""

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
        """Run over h [T, B, d] from the state before it."""
        h, recurrent = self.lstm(self.norm_lstm(h), (state.hidden, state.cell))
        return self.finish(h, recurrent, state.memory)

    def read_bytes(
        self, x: Tensor, embedding: Tensor, state: BlockState
    ) -> tuple[Tensor, BlockState]:
        """Run over bytes x [T, B], as the first block, on the CPU.

        What the LSTM takes in depends on the byte alone, so it is looked up in a table of 256 rows:
        a tenth of the network's multiplications saved.
        """
        projected = lookup(self.lstm.project(self.norm_lstm(embedding)), x)
        h, recurrent = self.lstm(projected, (state.hidden, state.cell), projected=True)
        return self.finish(h, recurrent, state.memory)

    def finish(self, h: Tensor, recurrent: State, memory: Tensor) -> tuple[Tensor, BlockState]:
        """Do what follows the LSTM."""
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
    """Bytes in, logits of the next byte out."""

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
        """Return the cold state of ``lanes`` lanes: zeros, and an empty memory."""
        zeros = self.output_bias.new_zeros
        shape = (lanes, self.config.dim)
        return [
            BlockState(zeros(shape), zeros(shape), zeros((lanes, 0, shape[1]))) for _ in self.blocks
        ]

    def forward(
        self, x: Tensor, state: list[BlockState] | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Read a segment.

        x: [B, T] of any integer dtype, values 0 to 255: the bytes before those to predict
        (``START_SYMBOL`` first).
        state: what the call for the segment before returned, or ``None`` for cold lanes.
        Returns the logits [B, T, 256] and the state after the segment.
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
        """Turn the last block's stream [..., d] into logits [..., 256]."""
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

"""Compute gradients by one launch, a step of training recorded as a CUDA graph.

A step is hundreds of small kernels, most of them the LSTM's; a CPU that launches them one by one
takes longer than a fast GPU that runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from nncompress.network.model import SHARNN

Gradients = Callable[[Sequence[Tensor]], list[Tensor]]
"""Takes tensors, leaves a fresh gradient in every parameter of a network, and returns tensors."""


class RecordedGradients:
    """A function for gradients on CUDA, computed in one launch from its third call on.

    Inputs of shapes that come twice in a row are recorded, others computed as they come. What a
    call returns is overwritten by the next.

    Args:
        function: computes the gradients.
        model: the network whose parameters get them.
        compile: whether torch.compile is to fuse what the blocks do after their LSTMs; that takes
            half a minute, and Triton.
    """

    def __init__(self, function: Gradients, model: SHARNN, compile: bool) -> None:
        self._function, self._model, self._compile = function, model, compile
        self._shapes: list[torch.Size] = []
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Compute from inputs on the network's device."""
        shapes = [tensor.shape for tensor in inputs]
        if self._graph is None:
            if shapes != self._shapes:
                self._shapes = shapes
                return self._function(inputs)
            self._record(inputs)
        elif shapes != self._shapes:
            return self._function(inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        assert self._graph is not None
        self._graph.replay()
        for parameter, gradient in zip(self._model.parameters(), self._gradients, strict=True):
            parameter.grad = gradient
        return self._outputs

    def _record(self, inputs: Sequence[Tensor]) -> None:
        self._inputs = [tensor.clone() for tensor in inputs]
        graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        with _compiled(self._model, self._compile):
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(3):  # what is done once only, like compiling, cannot be recorded
                    self._function(self._inputs)
            torch.cuda.current_stream().wait_stream(aside)
            with torch.cuda.graph(graph):
                self._outputs = self._function(self._inputs)
        self._gradients = [parameter.grad for parameter in self._model.parameters()]
        self._graph = graph


@contextmanager
def _compiled(model: SHARNN, wanted: bool) -> Iterator[None]:
    blocks: list[Any] = list(model.blocks) if wanted else []
    for block in blocks:
        block.finish = torch.compile(block.finish, dynamic=False)
    try:
        yield
    finally:
        for block in blocks:
            del block.finish

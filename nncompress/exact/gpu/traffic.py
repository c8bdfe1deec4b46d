"""Count what a step takes of a GPU: launches, and the bytes that these read and write.

A GPU waits for its memory while it computes so small a network, and for the next launch after each.
Both are known without one. Bytes are those that must come from memory or go there: what several
programs of a launch read counts once, since it is in a cache then, and so does what a launch reads
twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from nncompress.exact.engine import Lanes, Network
from nncompress.exact.parameters import Parameters
from nncompress.exact.stages import Recipe
from nncompress.exact.triton_backend import TritonBackend

from .program import Launch, TritonProgram

WRITTEN = {
    "first_gates_kernel": ("stream",),
    "later_gates_kernel": ("stream",),
    "input_norm_kernel": ("out",),
    "split_kernel": ("hidden", "out"),
    "remember_kernel": ("hidden", "memory", "out"),
    "attend_kernel": ("out",),
    "boom_kernel": (),
    "output_kernel": ("activations", "weights"),
    "product": ("out",),
}
"""By kernel: the arguments that are only written."""

UPDATED = {
    "first_gates_kernel": ("cell",),
    "later_gates_kernel": ("cell",),
    "split_kernel": ("stream",),
    "remember_kernel": ("stream",),
    "attend_kernel": ("stream",),
    "boom_kernel": ("stream",),
}
"""By kernel: the arguments that are read and written."""


class Traffic(NamedTuple):
    """What one launch takes.

    Attributes:
        kernel: its name; "product" for one of torch's.
        read: bytes.
        written: bytes.
    """

    kernel: str
    read: int
    written: int


def traffic_of(launch: Launch) -> Traffic:
    """Count the bytes of a launch, at a step at which all windows are full."""
    name = launch.kernel.fn.__name__ if launch.grid else "product"
    read = written = 0
    for argument, value in launch.arguments.items():
        if isinstance(value, Tensor):
            size = _needed(name, argument, value, launch)
            read += size if argument not in WRITTEN[name] else 0
            written += size if argument in WRITTEN[name] + UPDATED.get(name, ()) else 0
    return Traffic(name, read, written)


def _needed(kernel: str, argument: str, value: Tensor, launch: Launch) -> int:
    """Return how many bytes of an argument a launch needs."""
    if (kernel, argument) == ("first_gates_kernel", "table"):  # a line for each row
        value = value[:1].expand(launch.arguments["n"], -1)
    if (kernel, argument) == ("remember_kernel", "memory"):  # one slot
        value = value[:, 0]
    return value.numel() * value.element_size()


def step_traffic(parameters: Parameters, rows: int) -> list[Traffic]:
    """Count the launches of a step of a network, in their order, without a GPU.

    Args:
        parameters: the network's.
        rows: how many lanes advance at once.
    """
    network = Network(parameters, "cpu", "torch")
    tensors = {name: array for name, array in parameters.tensors().items() if array.ndim}
    network.backend = planner = _Planner(tensors, "cpu", 1)
    Lanes(network, rows)
    return [traffic_of(launch) for launch in planner.planned.launches]


class _Planner(TritonBackend):
    """Plans steps that are never taken, which needs no device."""

    planned: TritonProgram

    def stages(self, recipe: Recipe) -> Callable[[Any, Any], None]:
        """Plan them."""
        self.planned = TritonProgram(recipe)
        return self.planned

"""The stages of a step: what the kernels and products of a block do one after the other.

Here a product is a function to call, and the kernels are those of any backend. :mod:`.kernels.program` has the same
stages in one compiled function.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

Product = Callable[[], None]
Arguments = tuple[Any, ...]

Recipe = list[tuple[str, Arguments]]
"""The stages of a step in order, each with its arguments, but for the two numbers of :meth:`Stages.run`."""


class Stages:
    """Stages that call ``kernels``; every argument but the products is what a kernel of that name is given."""

    def __init__(self, kernels: ModuleType) -> None:
        self._kernels = kernels

    def run(self, recipe: Recipe, slot: Any, filled: Any) -> None:
        """Take a step: the memories have ``filled`` vectors, with the one of this step in ``slot``."""
        for name, arguments in recipe:
            if name == "attend":
                self.attend(slot, filled, *arguments)
            else:
                getattr(self, name)(*arguments)

    def recur_first(self, recurrent: Product, lstm_first: Arguments) -> None:
        """The LSTM of the first block."""
        recurrent()
        self._kernels.lstm_first(*lstm_first)

    def recur(
        self, norm_to_int8: Arguments, inputs: Product, recurrent: Product, lstm: Arguments
    ) -> None:
        """The LSTM of another block."""
        self._kernels.norm_to_int8(*norm_to_int8)
        inputs()
        recurrent()
        self._kernels.lstm(*lstm)

    def attend(
        self,
        slot: Any,
        filled: Any,
        remember: Arguments,
        norm_split: Arguments,
        query: Product,
        attend: Arguments,
    ) -> None:
        """A block's attention."""
        self._kernels.remember(*remember, slot)
        self._kernels.norm_split(*norm_split)
        query()
        self._kernels.attend(*attend, filled)

    def widen(self, norm_split: Arguments, product: Product, boom: Arguments) -> None:
        """A block's Boom."""
        self._kernels.norm_split(*norm_split)
        product()
        self._kernels.boom(*boom)

    def predict(self, stream_to_int8: Arguments, product: Product, softmax: Arguments) -> None:
        """The output layer."""
        self._kernels.stream_to_int8(*stream_to_int8)
        product()
        self._kernels.softmax(*softmax)

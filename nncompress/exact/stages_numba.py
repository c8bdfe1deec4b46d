"""The stages of :mod:`.stages`, compiled; a product is the arguments of :func:`~nncompress.exact.packed.multiply`.

A thread that calls every kernel from Python takes Python's lock some 35 times a step, and two threads that do so lose a
fifth of their time to each other.
"""

from __future__ import annotations

from typing import Any

from ..jit import jit
from . import kernels_numba as kernels
from .packed import multiply

Arguments = Any  # tuples; numba infers the types it compiles for


@jit
def recur_first(recurrent: Arguments, lstm_first: Arguments) -> None:
    """The LSTM of the first block."""
    multiply(*recurrent)
    kernels.lstm_first(*lstm_first)


@jit
def recur(
    norm_to_int8: Arguments, inputs: Arguments, recurrent: Arguments, lstm: Arguments
) -> None:
    """The LSTM of another block."""
    kernels.norm_to_int8(*norm_to_int8)
    multiply(*inputs)
    multiply(*recurrent)
    kernels.lstm(*lstm)


@jit
def attend(
    remember: Arguments,
    slot: int,
    norm_split: Arguments,
    query: Arguments,
    attend: Arguments,
    filled: int,
) -> None:
    """A block's attention; ``slot`` and ``filled`` are the kernels' last arguments."""
    kernels.remember(*remember, slot)
    kernels.norm_split(*norm_split)
    multiply(*query)
    kernels.attend(*attend, filled)


@jit
def widen(norm_split: Arguments, product: Arguments, boom: Arguments) -> None:
    """A block's Boom."""
    kernels.norm_split(*norm_split)
    multiply(*product)
    kernels.boom(*boom)


@jit
def predict(stream_to_int8: Arguments, product: Arguments, softmax: Arguments) -> None:
    """The output layer."""
    kernels.stream_to_int8(*stream_to_int8)
    multiply(*product)
    kernels.softmax(*softmax)

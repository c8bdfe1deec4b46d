"""Define the parts that an integer network's parameters consist of.

Shapes use d = ``config.dim``. Every ``shift`` is a whole number from 0 to 31, and every ``bias``
already holds the half unit that turns the shift after it into rounding. Qn: see :mod:`.fixedpoint`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int8 = NDArray[np.int8]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]


# Field names are bytes: see tests/structure/test_names_that_are_bytes.py
@dataclass(frozen=True)
class Linear:
    """A product with a weight: output r is (weight[r] . x * multiplier[r] + bias[r]) >> shift.

    Attributes:
        weight: int8 [N, K] in [-63, 63]; x is int8 [K].
        multiplier: int32 [N], positive.
        bias: int32 [N].
        shift: see the module's docstring.
    """

    weight: Int8
    multiplier: Int32
    bias: Int32
    shift: int


# Field names are bytes: see tests/structure/test_names_that_are_bytes.py
@dataclass(frozen=True)
class Affine:
    """The end of a layer norm: (n * gain + bias) >> shift for n, Q15, of Euclidean length one.

    Attributes:
        gain: int32 [d]; the square root of d is in it.
        bias: int32 [d].
        shift: see the module's docstring.
    """

    gain: Int32
    bias: Int32
    shift: int


# Field names are bytes: see tests/structure/test_names_that_are_bytes.py
@dataclass(frozen=True)
class Cell:
    """The gates of an LSTM as indices into the sigmoid table, order input, forget, cell, output.

    Attributes:
        recurrent: int8 [4d, d], for the output before.
        multiplier_recurrent: int32 [4d].
        bias: int32 [4d].
        shift: shift of the sum of all.
        hidden: multiplier that makes the Q15 output an int8 activation.
        table: int16 [256, 4d], what the input byte adds in the first block; None in the others.
        table_shift: how far the table's entries are shifted to the left.
        inputs: int8 [4d, d], for the int8 input of the other blocks; None in the first.
        multiplier_inputs: int32 [4d] in the other blocks; None in the first.
    """

    recurrent: Int8
    multiplier_recurrent: Int32
    bias: Int32
    shift: int
    hidden: int
    table: Int16 | None = None
    table_shift: int = 0
    inputs: Int8 | None = None
    multiplier_inputs: Int32 | None = None


# Field names are bytes: see tests/structure/test_names_that_are_bytes.py
@dataclass(frozen=True)
class IntegerAttention:
    """Single-headed attention over a memory of int8 vectors.

    Attributes:
        memory: from the stream to int8, the vector for the memory.
        stream: from the stream to Q12, the stream from here on.
        query_input: from the stream to int8, the input of ``query``.
        query: from int8 to Q12.
        query_norm: from the query to int8, with the scales of query and key and 1/sqrt(d) apart.
        multiplier: (score * multiplier) >> shift is the exponent in base 2, Q4.
        shift: see ``multiplier``.
        value: int32 [d], the value's scale.
        value_shift: (Q8 average of memory * value) >> value_shift is Q12.
    """

    memory: Affine
    stream: Affine
    query_input: Affine
    query: Linear
    query_norm: Affine
    multiplier: int
    shift: int
    value: Int32
    value_shift: int


# Field names are bytes: see tests/structure/test_names_that_are_bytes.py
@dataclass(frozen=True)
class IntegerBlock:
    """One block of the network.

    Attributes:
        cell: the LSTM.
        norm_stream: from the stream to Q12, the stream from here on.
        norm_boom: from the stream to int8, the input of ``boom``.
        boom: the Boom layer.
        norm_lstm: from the stream to int8, the LSTM's input; None in the first block, whose table
            holds it.
        attention: None in a block that does not attend.
    """

    cell: Cell
    norm_stream: Affine
    norm_boom: Affine
    boom: Linear
    norm_lstm: Affine | None = None
    attention: IntegerAttention | None = None

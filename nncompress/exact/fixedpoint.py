"""Define the number formats and the lookup tables of the integer network.

``Qn`` means an integer that stands for itself times 2**-n. Every right shift is an arithmetic
shift, so it rounds towards minus infinity; "rounded" means that half a unit was added first.

The tables are part of the definition of the network: an entry that differed by one would change
archives. They are computed with :mod:`decimal`, whose results are specified to the last digit, and
never with a library's ``exp``.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cache
from math import isqrt

import numpy as np
from numpy.typing import NDArray

ACTIVATION_MAX = 127
"""Largest magnitude of an int8 activation; -128 is not used."""

WEIGHT_MAX = 63
"""Largest magnitude of an int8 weight.

With 7 bits, int8 products do not saturate on CPUs without VNNI."""

STREAM_BITS = 12
"""Fractional bits of the residual stream between layers: it is Q12."""

STREAM_MAX = (1 << 20) - 1
"""Largest magnitude of the stream, where it saturates: a value of 256.

This keeps the sums of the layer norm within 64 bits."""

CELL_BITS = 16
"""Fractional bits of the LSTM's cell state: it is Q16."""

CELL_MAX = (1 << 23) - 1
"""Largest magnitude of the cell state, where it saturates: a value of 128."""

UNIT_BITS = 15
"""Fractional bits of sigmoids, hyperbolic tangents and LSTM outputs: they are Q15."""

NORM_BITS = 15
"""Fractional bits of a centred vector divided by its Euclidean length: it is Q15."""

NORM_MAX = (1 << NORM_BITS) + 16
"""No element of such a vector exceeds this in magnitude.

The table of inverse square roots is off by less than 2**-11."""

SIGMOID_BITS = 8
"""Fractional bits of the sigmoid table's arguments: they are Q8."""

SIGMOID_HALF = 2048
"""Entry of the sigmoid table for the sigmoid of 0, in the middle of the table.

Arguments saturate at -8 and just under 8."""

HIDDEN_SHIFT = 20
"""An LSTM output h becomes an int8 activation: (h * multiplier) >> HIDDEN_SHIFT, rounded."""

SIGMOID_SEGMENT = 64
"""The sigmoids of 0 and above are computed from cubics, each for so many arguments."""

SIGMOID_CUBICS = (
    (126217, 4190049, 368564, -23938),
    (267122240, 4129275, -4197111, -18323),
    (526056080, 3937324, -6854606, -25309),
    (769623998, 3656059, -10501294, -10356),
    (992455932, 3298748, -12281719, -3618),
    (1191053713, 2905279, -13123026, 2705),
    (1363987750, 2505947, -13058222, 6013),
    (1511724624, 2112343, -11485340, 2251),
    (1635561141, 1761723, -10729906, 6990),
    (1738026154, 1447276, -9426561, 8359),
    (1821746148, 1174878, -7740760, 4241),
    (1889453826, 950804, -7130645, 10803),
    (1943829305, 761781, -5979935, 9922),
    (1987225210, 603282, -4554795, 6002),
    (2021652769, 477377, -3567966, 3478),
    (2048858154, 377552, -3035180, 5152),
    (2070286689, 297746, -2439644, 3912),
    (2087153425, 230685, -1543903, -103),
    (2100366734, 181747, -1368113, 1199),
    (2110696365, 145625, -1599230, 6414),
    (2118802126, 111079, -737372, -931),
    (2125121054, 88245, -804429, 1588),
    (2130054076, 69220, -647174, 1169),
    (2133916357, 53182, -336503, -1122),
    (2136937468, 40075, -202320, -194),
    (2139260806, 34311, -564656, 3245),
    (2141098870, 26125, -327262, 1306),
    (2142513689, 21606, -435375, 2766),
    (2143634526, 15623, -207075, 1226),
    (2144498827, 11929, -113680, 444),
    (2145173983, 9761, -138457, 706),
    (2145695954, 7601, -135459, 1075),
)
"""Coefficients of these cubics, the constant first.

They are those that stay farthest from wrong rounding (found by a linear program), and restate
:func:`sigmoid_table` to the last bit for vector instructions, which do not look up.
"""

SIGMOID_CUBIC_SHIFTS = (12, 17)
"""Shifts inside and after a cubic.

(((((c3 * x + c2) * x) >> 12) + c1) * x + c0) >> 17 is a sigmoid less a half, Q15, x steps into its
segment. All stays inside 32 bits, the last sum without a sign.
"""

CELL_SHIFT = CELL_BITS - 1 - SIGMOID_BITS
"""Shift from the cell state to an argument of the sigmoid table.

For tanh that is twice the state."""

BOOM_MAX = 65535
"""Largest magnitude of Boom's pre-activations, Q12, where they saturate: just under 16.

So times a Q15 sigmoid they fit in 32 bits."""

GELU_MULTIPLIER = 6971
"""Multiplier, in 2**-16, from a Q12 value to the argument of Boom's sigmoid.

It is 1.702 times 2**16 / 2**(STREAM_BITS - SIGMOID_BITS)."""

ATTENTION_BITS = 4
"""Fractional bits of an attention weight's exponent, in base 2: it is Q4."""

ATTENTION_END = 8 << ATTENTION_BITS
"""The exponent from which on a weight is 0: below 2**-8 of the largest."""

LOGIT_BITS = 10
"""Fractional bits of logits, in base 2: they are Q10."""

WEIGHT_BITS = 20
"""The likeliest symbol has the weight 2**WEIGHT_BITS; no symbol has less than 1."""


@cache
def sigmoid_table() -> NDArray[np.int16]:
    """Compute the sigmoids of (i - 2048) / 256 for i = 0..4095: Q15, int16 [4096]."""
    with localcontext() as context:
        context.prec = 30
        step = Decimal(2) ** -SIGMOID_BITS
        upper = [
            _rounded((1 << UNIT_BITS) / (1 + (-i * step).exp())) for i in range(SIGMOID_HALF + 1)
        ]
    top = 1 << UNIT_BITS
    lower = [top - upper[SIGMOID_HALF - i] for i in range(SIGMOID_HALF)]
    return np.array(lower + upper[:SIGMOID_HALF], dtype=np.int16)


@cache
def exp2_table() -> NDArray[np.int32]:
    """Compute 2**WEIGHT_BITS * 2**(-i / 1024) for i = 0..1023, rounded, int32 [1024]."""
    return _powers(1 << WEIGHT_BITS, LOGIT_BITS, 1 << LOGIT_BITS)


@cache
def attention_table() -> NDArray[np.int16]:
    """Compute attention weights from their exponents.

    Returns:
        127 * 2**(-i / 16), rounded, for i = 0..127, and 0 at 128: int16 [129].
    """
    powers = _powers(ACTIVATION_MAX, ATTENTION_BITS, ATTENTION_END)
    return np.append(powers, 0).astype(np.int16)


@cache
def rsqrt_table() -> NDArray[np.int32]:
    """Compute inverse square roots.

    Returns:
        2**20 / sqrt(v + 1/2) for v = 1024..4095, rounded down: int32 [3072], all in (2**14, 2**15).
    """
    return np.array([isqrt((1 << 41) // (2 * v + 1)) for v in range(1024, 4096)], dtype=np.int32)


def _powers(scale: int, bits: int, count: int) -> NDArray[np.int32]:
    """Compute ``scale * 2**(-i / 2**bits)`` for i = 0..count-1, rounded."""
    with localcontext() as context:
        context.prec = 30
        log2 = Decimal(2).ln()
        entries = [_rounded(scale * (-i * log2 / (1 << bits)).exp()) for i in range(count)]
    return np.array(entries, dtype=np.int32)


def _rounded(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def norm_eps(dim: int, bits: int) -> int:
    """Return what is added to the squared length of a vector in a layer norm.

    Args:
        dim: length of the vector.
        bits: its fractional bits.

    Returns:
        ``dim`` times the layer norm's epsilon of 1e-5, with ``2 * bits`` fractional bits; at least
        1024, where the table of inverse square roots begins.
    """
    return max(1024, (dim << (2 * bits)) // 100_000)

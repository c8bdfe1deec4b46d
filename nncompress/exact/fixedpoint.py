"""Number formats and lookup tables of the integer network.

``Qn`` means an integer that stands for itself times 2**-n. Every right shift is an arithmetic shift, so it rounds
towards minus infinity; "rounded" means that half a unit was added first.

The tables are part of the definition of the network: an entry that differed by one would change archives. They are
computed with :mod:`decimal`, whose results are specified to the last digit, and never with a library's ``exp``.
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
"""Largest magnitude of an int8 weight: with 7 bits, int8 products do not saturate on CPUs without VNNI."""

STREAM_BITS = 12
"""The residual stream between layers is Q12."""

STREAM_MAX = (1 << 20) - 1
"""The stream saturates here (a value of 256), which keeps the sums of the layer norm within 64 bits."""

CELL_BITS = 16
"""The LSTM's cell state is Q16 ..."""

CELL_MAX = (1 << 23) - 1
"""... and saturates at 128."""

UNIT_BITS = 15
"""Sigmoids, hyperbolic tangents and LSTM outputs are Q15."""

NORM_BITS = 15
"""A centred vector divided by its Euclidean length is Q15."""

NORM_MAX = (1 << NORM_BITS) + 16
"""No element of such a vector exceeds this: the table of inverse square roots is off by less than 2**-11."""

SIGMOID_BITS = 8
"""Arguments of the sigmoid table are Q8 ..."""

SIGMOID_HALF = 2048
"""... and saturate at -8 and just under 8; entry ``SIGMOID_HALF`` is the sigmoid of 0."""

HIDDEN_SHIFT = 20
"""An LSTM output h becomes an int8 activation as (h * multiplier) >> HIDDEN_SHIFT, rounded."""

SIGMOID_SEGMENT = 64
"""The sigmoids of 0 and above are as many cubics for so many arguments each."""

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
"""Their coefficients, the constant first: those that stay farthest from wrong rounding (a linear program).

They restate :func:`sigmoid_table` to the last bit for vector instructions, which do not look up.
"""

SIGMOID_CUBIC_SHIFTS = (12, 17)
"""(((((c3 * x + c2) * x) >> 12) + c1) * x + c0) >> 17 is a sigmoid less a half, Q15, x steps into its segment.

All stays inside 32 bits, the last sum without a sign.
"""

CELL_SHIFT = CELL_BITS - 1 - SIGMOID_BITS
"""From the cell state to an argument of the sigmoid table, which for tanh is twice the state."""

BOOM_MAX = 65535
"""Boom's Q12 pre-activations saturate just under 16, so that times a Q15 sigmoid they fit in 32 bits."""

GELU_MULTIPLIER = 6971
"""1.702 times 2**16 / 2**(STREAM_BITS - SIGMOID_BITS): from a Q12 value to the sigmoid's argument, in 2**-16."""

ATTENTION_BITS = 4
"""The exponent of an attention weight, in base 2, is Q4; below 2**-8 of the largest a weight is 0."""

ATTENTION_END = 8 << ATTENTION_BITS

LOGIT_BITS = 10
"""Logits, in base 2, are Q10."""

WEIGHT_BITS = 20
"""The likeliest symbol has the weight 2**20; no symbol has less than 1."""


@cache
def sigmoid_table() -> NDArray[np.int16]:
    """Q15 sigmoid of (i - 2048) / 256 for i = 0..4095, int16 [4096]."""
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
    """2**WEIGHT_BITS * 2**(-i / 1024) for i = 0..1023, int32 [1024]."""
    return _powers(1 << WEIGHT_BITS, LOGIT_BITS, 1 << LOGIT_BITS)


@cache
def attention_table() -> NDArray[np.int16]:
    """127 * 2**(-i / 16) for i = 0..127, and 0 at 128, int16 [129]: an attention weight from its exponent."""
    powers = _powers(ACTIVATION_MAX, ATTENTION_BITS, ATTENTION_END)
    return np.append(powers, 0).astype(np.int16)


@cache
def rsqrt_table() -> NDArray[np.int32]:
    """2**20 / sqrt(v + 1/2) for v = 1024..4095, rounded down, int32 [3072]: all in (2**14, 2**15)."""
    return np.array([isqrt((1 << 41) // (2 * v + 1)) for v in range(1024, 4096)], dtype=np.int32)


def _powers(scale: int, bits: int, count: int) -> NDArray[np.int32]:
    """``scale`` * 2**(-i / 2**bits), rounded."""
    with localcontext() as context:
        context.prec = 30
        log2 = Decimal(2).ln()
        entries = [_rounded(scale * (-i * log2 / (1 << bits)).exp()) for i in range(count)]
    return np.array(entries, dtype=np.int32)


def _rounded(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def norm_eps(dim: int, bits: int) -> int:
    """``dim`` times the layer norm's epsilon of 1e-5 for a Q``bits`` vector; at least 1024, where RSQRT begins."""
    return max(1024, (dim << (2 * bits)) // 100_000)

"""Name the filters, and apply and undo them by the number that stands in a payload.

A filter turns bytes into others, and back, whatever they are: into as many, but for WORDS. It knows
nothing but them: addresses count from the block's start. FORMAT.md defines each filter, under
"Filters".
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from nncompress.errors import DamagedArchiveError

HEAD_SIZE = 2
"""Bytes of a payload before the range coder's stream; the second one names the filter."""


class Filter(enum.IntEnum):
    """What is done to a block before it is modelled. The numbers are in archives."""

    NONE = 0
    X86 = 1
    ARM64 = 2
    DELTA = 3
    SOUND = 4
    WORDS = 5


PARAMETERS: dict[Filter, tuple[str, ...]] = {
    Filter.NONE: ("none",),
    Filter.X86: ("x86", "x86-64"),
    Filter.ARM64: ("arm64", "arm64+1", "arm64+2", "arm64+3"),
    Filter.DELTA: ("delta8", "delta16", "delta16-stereo", "delta16-joint"),
    Filter.SOUND: (
        *("sound8", "sound8-stereo", "sound16", "sound16-stereo"),
        *(f"sound24+{start}" for start in range(3)),
        *(f"sound24-stereo+{start}" for start in range(6)),
    ),
    Filter.WORDS: ("words",),
}
"""Labels by the parameter that a filter has beside its number, from 0 on."""


@dataclass(frozen=True)
class Transform:
    """A filter with its parameter.

    Attributes:
        filter: which one.
        parameter: X86: 1 for code of 64 bits, 0 for 32 and 16; ARM64: bytes before the first
            instruction's word, 0 to 3; DELTA and SOUND: the kind of samples, as in :mod:`.delta`
            and :mod:`.sound`.
    """

    filter: Filter = Filter.NONE
    parameter: int = 0

    @property
    def byte(self) -> int:
        """The second byte of a payload."""
        return self.parameter << 4 | self.filter

    @property
    def is_for_code(self) -> bool:
        """Whether it makes addresses in machine code absolute."""
        return self.filter in (Filter.X86, Filter.ARM64)

    @property
    def keeps_size(self) -> bool:
        """Whether there are as many bytes as before."""
        return self.filter is not Filter.WORDS

    @property
    def label(self) -> str:
        """Name shown to users, for instance ``x86-64``."""
        return PARAMETERS[self.filter][self.parameter]


PLAIN = Transform()
"""No filter."""


def read_transform(byte: int) -> Transform:
    """Return the transform that a payload's second byte names.

    Raises:
        DamagedArchiveError: there is no such filter, or it has no such parameter.
    """
    number, parameter = byte & 15, byte >> 4
    known = {filter_.value for filter_ in Filter}
    if number not in known or parameter >= len(PARAMETERS[Filter(number)]):
        raise DamagedArchiveError(f"damaged archive: no filter {number} with parameter {parameter}")
    return Transform(Filter(number), parameter)


def apply_transform(transform: Transform, data: bytes) -> bytes:
    """Return the bytes that are modelled in place of ``data``."""
    if transform.filter is Filter.WORDS:
        from .words import replace_words

        return replace_words(data)
    return _run(transform, data, forward=True)


def undo_transform(transform: Transform, data: bytes, size: int) -> bytes:
    """Undo :func:`apply_transform`, of ``size`` bytes.

    Raises:
        DamagedArchiveError: no bytes, or not so many, become these.
    """
    if transform.filter is Filter.WORDS:
        from .words import put_words_back

        return put_words_back(data, size)
    return _run(transform, data, forward=False)


def _run(transform: Transform, data: bytes, *, forward: bool) -> bytes:
    """Import what a filter needs where it is used: to name one takes neither numpy nor numba."""
    if transform.filter is Filter.X86:
        from .x86 import convert_x86

        return convert_x86(data, wide=bool(transform.parameter), forward=forward)
    if transform.filter is Filter.ARM64:
        from .arm64 import convert_arm64

        return convert_arm64(data, transform.parameter, forward=forward)
    if transform.filter is Filter.DELTA:
        from .delta import convert_delta

        return convert_delta(data, transform.parameter, forward=forward)
    if transform.filter is Filter.SOUND:
        from .sound import convert_sound

        return convert_sound(data, transform.parameter, forward=forward)
    return data

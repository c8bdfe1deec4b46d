"""Say what each compression level stands for: method, model, profile, lanes and block size."""

from __future__ import annotations

from dataclasses import dataclass

from nncompress.archive.copies import NO_REPEATS, CopyRules
from nncompress.archive.format import Method
from nncompress.lanes import MAX_LANES_BITS, Layout
from nncompress.mixing.profiles import ALONE, BEST, FULL, Kind, Profile

PROFILES: dict[tuple[Method, int], Profile] = {
    **{
        (Method.MIXING, len(Kind) * strength + kind): profile
        for strength, profiles in enumerate(ALONE)
        for kind, profile in zip(Kind, profiles, strict=True)
    },
    (Method.NETWORK_MIXING, 0): FULL,
    (Method.NETWORK_MIXING, 1): BEST,
}
"""What the number in a payload's first byte means.

The numbers are in archives: entries are never changed, only added (see
tests/structure/test_names_that_are_bytes.py)."""


CLUSTER_ARRAYS = ("kinds.weight", "kinds.bias")
"""Names, in a model file, of the arrays of :class:`~nncompress.mixing.clusters.Clusters`; they are
bytes of it, and so kept when the class got another name."""


def initial_prefix(method: Method, number: int) -> str:
    """Return the prefix that the names of a profile's starting values have in a model file."""
    return f"{method.label}.{number}."


@dataclass(frozen=True)
class Level:
    """One point on the line between speed and ratio.

    Attributes:
        network: whether the network may be used.
        alone: the strength of mixing alone: a place in ``ALONE``.
        max_lanes_bits: log2 of the most lanes beside a network; fewer are slower and smaller.
            Mixing alone has one lane.
        block_size: bytes that a block has at most. Larger ones are smaller by some percent, but a
            file of several blocks is work for several cores.
        bytes_per_lane: lanes have at least as many, since each starts cold.
        best: whether the mixer beside the network takes its best profile, and not its fast one.
        first_block_size: bytes of the first two blocks; the next two have twice as many, and so on
            up to block_size.
        model: name of the installed model that is used where none is given.
        copies: what becomes a copy before blocks are coded.
    """

    network: bool
    alone: int = 2
    max_lanes_bits: int = 0
    block_size: int = 1 << 22
    bytes_per_lane: int = 4096
    best: bool = False
    first_block_size: int = 1 << 22
    model: str = "default"
    copies: CopyRules = NO_REPEATS

    def __post_init__(self) -> None:
        if not 0 <= self.max_lanes_bits <= MAX_LANES_BITS:
            raise ValueError(f"2**{self.max_lanes_bits} lanes are too many")

    def lanes_bits(self, size: int, method: Method) -> int:
        """Return log2 of the number of lanes for a block of ``size`` bytes."""
        if not method.needs_model:
            return 0
        return min(self.max_lanes_bits, max(0, (size // self.bytes_per_lane).bit_length() - 1))

    def layout(self, size: int, method: Method) -> Layout:
        """Return the lanes of a block of ``size`` bytes."""
        return Layout(size, 1 << self.lanes_bits(size, method))

    def profile(self, method: Method, kind: Kind) -> int:
        """Return the number of the mixer's profile for a method and a kind of data."""
        if method is Method.MIXING:
            return len(Kind) * self.alone + kind
        return int(self.best and method is Method.NETWORK_MIXING)


GROWN = 1 << 24
# What a copy takes away from inside a block is missing as context, and moves what follows, so that
# machine code and records lose their places: it pays only where it is very long.
INSIDE = 1 << 14
NEAR = CopyRules(1 << 26, 64, INSIDE)
FAR = CopyRules(1 << 28, 64, INSIDE)
FARTHEST = CopyRules(1 << 30, 64, INSIDE)

LEVELS = {
    1: Level(False, 0, first_block_size=1 << 19, copies=NEAR),
    2: Level(False, 1, 0, GROWN, copies=NEAR),
    3: Level(False, 2, 0, GROWN, copies=NEAR),
    4: Level(True, 2, 6, GROWN, bytes_per_lane=2048, model="quick", copies=FAR),
    5: Level(True, 2, 5, GROWN, best=True, model="quick", copies=FAR),
    6: Level(True, 3, 5, GROWN, copies=FARTHEST),
    7: Level(True, 3, 5, GROWN, best=True, copies=FARTHEST),
    8: Level(True, 3, 5, GROWN, best=True, model="large", copies=FARTHEST),
    9: Level(
        True, 3, 4, GROWN, best=True, first_block_size=1 << 23, model="large", copies=FARTHEST
    ),
}
DEFAULT_LEVEL = 6

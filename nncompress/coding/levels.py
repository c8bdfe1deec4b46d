"""Say what each compression level stands for: method, model, profile, lanes and block size."""

from __future__ import annotations

from dataclasses import dataclass

from nncompress.archive.format import Method
from nncompress.lanes import MAX_LANES_BITS, Layout
from nncompress.mixing.profiles import BEST, FAST, FULL, MEDIUM, RICH, Profile

PROFILES: dict[tuple[Method, int], Profile] = {
    (Method.MIXING, 0): FAST,
    (Method.MIXING, 1): RICH,
    (Method.MIXING, 2): MEDIUM,
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
        max_lanes_bits: log2 of the most lanes; fewer are slower and smaller.
        block_size: bytes of most blocks.
        bytes_per_lane: lanes have at least as many, since each starts cold.
        alone: number of the profile of mixing alone.
        best: whether the mixer beside the network takes its best profile, and not its fast one.
        first_block_size: bytes of the first blocks, which grow from there if it is less than
            block_size, so that a file of a megabyte is work for two cores.
        model: name of the installed model that is used where none is given.
    """

    network: bool
    max_lanes_bits: int
    block_size: int = 1 << 22
    bytes_per_lane: int = 2048
    alone: int = 1
    best: bool = False
    first_block_size: int = 1 << 22
    model: str = "default"

    def __post_init__(self) -> None:
        if not 0 <= self.max_lanes_bits <= MAX_LANES_BITS:
            raise ValueError(f"2**{self.max_lanes_bits} lanes are too many")

    def lanes_bits(self, size: int) -> int:
        """Return log2 of the number of lanes for a block of ``size`` bytes."""
        return min(self.max_lanes_bits, max(0, (size // self.bytes_per_lane).bit_length() - 1))

    def layout(self, size: int) -> Layout:
        """Return the lanes of a block of ``size`` bytes."""
        return Layout(size, 1 << self.lanes_bits(size))

    def profile(self, method: Method) -> int:
        """Return the number of the mixer's profile for a method."""
        if method is Method.MIXING:
            return self.alone
        return int(self.best and method is Method.NETWORK_MIXING)


LEVELS = {
    1: Level(False, 8, alone=0, bytes_per_lane=1024, first_block_size=1 << 19),
    2: Level(False, 6, alone=2),
    3: Level(False, 5),
    4: Level(True, 6, model="quick"),
    5: Level(True, 5, bytes_per_lane=4096, best=True, model="quick"),
    6: Level(True, 5, bytes_per_lane=4096),
    7: Level(True, 5, bytes_per_lane=4096, best=True),
    8: Level(True, 5, bytes_per_lane=4096, best=True, model="large"),
    9: Level(
        True, 4, 1 << 23, bytes_per_lane=4096, best=True, first_block_size=1 << 23, model="large"
    ),
}
DEFAULT_LEVEL = 6

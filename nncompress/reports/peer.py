"""Define what a peer is: a compressor at one setting, compared with others on equal terms.

Each is one small class, in the manner of CompressAI's bench,
https://github.com/InterDigitalInc/CompressAI/tree/master/compressai/utils/bench.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncompress.coding.options import CodingOptions


@dataclass(frozen=True)
class PeerSettings:
    """Hold what a peer runs with.

    Attributes:
        options: how our own methods code, each of which sets ``method`` itself; None for the
            defaults. Other peers do not use them, and run without: making them imports numpy, whose
            memory would count as the peer's.
        seconds: the most that a peer may take for both directions.
    """

    options: CodingOptions | None = None
    seconds: float = 300.0

    def facts(self) -> dict[str, Any]:
        """Return all of it in types that JSON has: a model's path becomes text."""
        facts = dataclasses.asdict(self)
        if self.options is not None and self.options.model is not None:
            facts["options"]["model"] = str(self.options.model)
        return facts


def settings_from(facts: Mapping[str, Any]) -> PeerSettings:
    """Undo :meth:`PeerSettings.facts`."""
    if facts["options"] is None:
        return PeerSettings(None, facts["seconds"])
    from nncompress.coding.options import CodingOptions

    return PeerSettings(CodingOptions(**facts["options"]), facts["seconds"])


class Peer(ABC):
    """Compress and restore bytes with one compressor at one setting.

    Attributes:
        name: what to type to choose it; how it begins is enough.
        own: whether it is one of nncompress's methods.
        external: whether the work is done by a program, in a process of its own.
    """

    name: str
    own = False
    external = False

    def configure(self, settings: PeerSettings) -> None:  # noqa: B027
        """Take the settings; called once, before anything else."""

    def missing(self) -> str | None:
        """Return why the peer cannot be used here, in a few words; None if it can."""
        return None

    def version(self) -> str:
        """Return the version of whatever does the work."""
        return ""

    @abstractmethod
    def command(self) -> str:
        """Return what compresses, as a command line or in Python."""

    def facts(self) -> dict[str, Any]:
        """Return how the work is done, as fields of :class:`.Trial`."""
        return {"version": self.version(), "command": self.command()}

    def prepare(self) -> None:  # noqa: B027
        """Import and compile what the first use would; not timed with the work."""

    @abstractmethod
    def compress(self, data: bytes) -> bytes:
        """Compress."""

    @abstractmethod
    def decompress(self, data: bytes) -> bytes:
        """Undo :meth:`compress`."""

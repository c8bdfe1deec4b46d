"""List the peers that ``nncompress compare`` knows, and choose among them by name."""

from __future__ import annotations

from collections.abc import Sequence

from nncompress.errors import ConfigError

from .libraries import Brotli, Bzip2, Gzip, OwnMethod, Xz, Zstd
from .peer import Peer
from .programs import PROGRAMS


def all_peers() -> dict[str, Peer]:
    """Return every peer by its name, our own methods first."""
    peers = [
        OwnMethod("nncompress", None),
        OwnMethod("nncompress mixing", "mixing"),
        Gzip(),
        Bzip2(),
        Xz(),
        Zstd(19),
        Zstd(22),
        Brotli(),
        *PROGRAMS,
    ]
    return {peer.name: peer for peer in peers}


def choose_peers(names: Sequence[str]) -> tuple[list[Peer], list[str]]:
    """Find the peers that are named.

    Args:
        names: names of peers, or how such names begin; none for all peers.

    Returns:
        The peers, and the names of the programs that are not here. A program that is not here is
        among the peers only if it is named; it is then not among the names returned.

    Raises:
        ConfigError: no peer has such a name.
    """
    peers, known = list(all_peers().values()), list(all_peers())
    wanted: set[str] = set()
    for name in names:
        meant = [name] if name in known else [other for other in known if other.startswith(name)]
        if not meant:
            raise ConfigError(f"no codec {name!r}: choose from {', '.join(known)}")
        wanted.update(meant)
    if names:
        return [peer for peer in peers if peer.name in wanted], []
    absent = [peer for peer in peers if peer.external and peer.missing()]
    return [peer for peer in peers if peer not in absent], [peer.name for peer in absent]

"""Add to the peers of ``nncompress compare``: more compressors, and our own levels side by side.

Also measures peers without start-up right beside whole processes: a shared machine's speed drifts.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from nncompress.reports.compare import STARTUP_ALLOWANCE, Trial, run_peer, worker_job
from nncompress.reports.libraries import OptionalLibrary
from nncompress.reports.peer import Peer, PeerSettings, settings_from
from nncompress.reports.peers import all_peers, choose_peers
from nncompress.reports.worker import measure_peer

if TYPE_CHECKING:
    from nncompress.coding.options import CodingOptions


class Kanzi(OptionalLibrary):
    """Compress with the ``kanzi`` package, at its highest level."""

    name = "kanzi -9"
    module = "kanzi"

    def command(self) -> str:
        """Return the call in Python."""
        return "kanzi.compress(data, 9)"

    def missing(self) -> str | None:
        """Return how to install it, if it is missing; it is in no extra of ours."""
        return super().missing() and "not installed: pip install kanzi"

    def compress(self, data: bytes) -> bytes:
        """Compress as ``kanzi -c -l 9`` does."""
        import kanzi

        return bytes(kanzi.compress(data, 9))

    def decompress(self, data: bytes) -> bytes:
        """Decompress as ``kanzi -d`` does."""
        import kanzi

        return bytes(kanzi.decompress(data))


BESIDE: dict[str, Peer] = {peer.name: peer for peer in (Kanzi(),)}
"""Peers that only benchmarks have, by name; one takes the place of a program of the same name."""


@dataclass(frozen=True)
class Contender:
    """Hold a peer to run, and how.

    Attributes:
        name: what stands in tables; our own levels have ``-N`` in place of a peer's name.
        peer: what runs.
        settings: what it runs with.
    """

    name: str
    peer: Peer
    settings: PeerSettings

    def run(self, file: str, data: bytes) -> Trial:
        """Run it both ways in a process of its own; what goes wrong is the trial's ``error``."""
        if self.peer in BESIDE.values():
            return _run_beside(self.peer, file, data, self.settings)
        trial = run_peer(self.peer, file, data, self.settings)
        return dataclasses.replace(trial, codec=self.name)


def contenders(
    names: Sequence[str], levels: Sequence[int], options: CodingOptions, seconds: float
) -> tuple[list[Contender], list[str]]:
    """Find what is to run.

    Args:
        names: of peers, or how such names begin; none for all that are here.
        levels: of our own methods, each to run at every one; none for the default.
        options: what our own methods run with, apart from the level.
        seconds: the most that one may take for both directions.

    Returns:
        What to run, and the names of the programs that are not here.
    """
    beside = [peer for peer in BESIDE.values() if _is_meant(peer, names)]
    others = [name for name in names if not any(peer.name.startswith(name) for peer in beside)]
    peers, absent = choose_peers(others) if others or not names else ([], [])
    replaced = {peer.name for peer in beside}
    peers = [peer for peer in peers if peer.name not in replaced]
    absent = [name for name in absent if name not in replaced]
    at: Sequence[int | None] = levels or (None,)
    found = []
    for peer in [*peers, *beside]:
        for level in at if peer.own else (None,):
            chosen = dataclasses.replace(options, level=level)
            name = peer.name if level is None else f"{peer.name} -{level}"
            found.append(Contender(name, peer, PeerSettings(chosen, seconds)))
    return found, absent


def _is_meant(peer: Peer, names: Sequence[str]) -> bool:
    if not names:
        return peer.missing() is None
    return any(peer.name.startswith(name) for name in names)


def _run_beside(peer: Peer, file: str, data: bytes, settings: PeerSettings) -> Trial:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    trial = Trial(file, len(data), peer.name, date=now)
    if reason := peer.missing():
        return dataclasses.replace(trial, error=reason)
    job, limit = worker_job(peer, data, settings), settings.seconds + STARTUP_ALLOWANCE
    command = [sys.executable, __file__]
    try:
        done = subprocess.run(command, input=job, capture_output=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return dataclasses.replace(trial, error=f"took more than {settings.seconds:g} s, stopped")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        return dataclasses.replace(trial, error=f"ended with status {error.returncode}: {said}")
    trial = dataclasses.replace(trial, **json.loads(done.stdout))
    return trial if trial.restored else dataclasses.replace(trial, error="did not restore the file")


def _work() -> None:
    """Do the job that standard input holds, as ``nncompress.reports.worker`` does."""
    job = json.loads(sys.stdin.buffer.readline())
    peer = BESIDE[job["peer"]]
    peer.configure(settings_from(job["settings"]))
    print(json.dumps(measure_peer(peer, sys.stdin.buffer.read())))


def without_startup(name: str, data: bytes, settings: PeerSettings) -> dict[str, Any]:
    """Measure one peer of ``nncompress compare``, in the form of ``processes.both_ways``."""
    trial = run_peer(all_peers()[name], "file", data, settings)
    if trial.error or not trial.compress_seconds or not trial.decompress_seconds:
        raise click.ClickException(f"{name}: {trial.error}")
    ways = {"compress": trial.compress_seconds, "decompress": trial.decompress_seconds}
    return {"bytes": len(data), "archive_bytes": trial.compressed} | {
        way: {
            "seconds": seconds,
            "peak_bytes": trial.peak_memory,
            "bytes_per_second": len(data) / seconds,
        }
        for way, seconds in ways.items()
    }


if __name__ == "__main__":
    _work()

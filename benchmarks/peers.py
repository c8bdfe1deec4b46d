"""Measure peers without start-up, right beside whole processes: a shared machine's speed drifts."""

from __future__ import annotations

from typing import Any

import click

from nncompress.reports.compare import run_peer
from nncompress.reports.peer import PeerSettings
from nncompress.reports.peers import all_peers


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

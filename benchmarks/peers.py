"""Codecs in this process, without start-up, measured beside whole processes: a shared machine's speed drifts."""

from __future__ import annotations

from typing import Any

import click

from nncompress.reports.compare import run
from nncompress.reports.peers import Settings, all_codecs


def in_process(codec: str, data: bytes, settings: Settings) -> dict[str, Any]:
    """Measure one codec of ``nncompress compare``, in the form of ``processes.both_ways``."""
    trial = run(all_codecs()[codec], "file", data, settings)
    if trial.error or not trial.compress_seconds or not trial.decompress_seconds:
        raise click.ClickException(f"{codec}: {trial.error}")
    ways = {"compress": trial.compress_seconds, "decompress": trial.decompress_seconds}
    return {"bytes": len(data), "archive_bytes": trial.compressed} | {
        way: {
            "seconds": seconds,
            "peak_bytes": trial.peak_memory,
            "bytes_per_second": len(data) / seconds,
        }
        for way, seconds in ways.items()
    }

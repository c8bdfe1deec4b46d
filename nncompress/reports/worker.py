"""Run one peer on some bytes in a process of its own: its memory can be measured, and it stopped.

:func:`main`, started as :func:`.worker_command` says, reads from standard input a line of JSON,
with the peer's name as ``peer`` and :meth:`.PeerSettings.facts` as ``settings``, and then the
bytes. It writes a line of JSON to standard output: fields of :class:`.Trial`.

Its own imports count as the peer's memory, so it imports no more than any peer needs.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .peer import Peer, settings_from
from .peers import all_peers

REPEAT_WITHIN = 0.3
"""Seconds in which short work is repeated, to take the fastest run."""


def measure_peer(peer: Peer, data: bytes) -> dict[str, Any]:
    """Run a peer both ways, and return fields of :class:`.Trial`: bytes, and times in seconds."""
    began = time.perf_counter()
    peer.prepare()
    startup = time.perf_counter() - began
    packed, compress_seconds = _timed(peer.compress, data)
    contents, decompress_seconds = _timed(peer.decompress, packed)
    return {
        "compressed": len(packed),
        "startup_seconds": startup,
        "compress_seconds": compress_seconds,
        "decompress_seconds": decompress_seconds,
        "restored": contents == data,
        "peak_memory": peak_memory(children=peer.external),
        **peer.facts(),  # last, so that what it needs is not counted
    }


def _timed(work: Callable[[bytes], bytes], data: bytes) -> tuple[bytes, float]:
    first = time.perf_counter()
    fastest = float("inf")
    while True:
        began = time.perf_counter()
        result = work(data)
        now = time.perf_counter()
        fastest = min(fastest, now - began)
        if now - first + fastest > REPEAT_WITHIN:
            return result, fastest


def peak_memory(children: bool) -> int | None:
    """Return the most bytes of memory that a process had resident; None if unknown.

    Args:
        children: for the largest child that has ended, instead of this process.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    if not children and sys.platform == "linux":
        # Unlike ru_maxrss, this is not what the parent had when it made this process.
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) * 1024
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    used = resource.getrusage(who).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def main() -> None:
    """Do the job that standard input holds."""
    stdin = sys.stdin.buffer
    job = json.loads(stdin.readline())
    data = stdin.read()
    peer = all_peers()[job["peer"]]
    peer.configure(settings_from(job["settings"]))
    try:
        result = measure_peer(peer, data)
    except Exception as error:  # whatever a peer may raise is a line in the table
        result = {"error": " ".join(str(error).split()) or type(error).__name__}
    print(json.dumps(result))

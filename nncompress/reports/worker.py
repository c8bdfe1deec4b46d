"""One codec on some bytes, in a process of its own: so that its memory can be told, and it can be stopped.

``python -m nncompress.reports.worker`` reads a line of JSON (codec, settings) and then the bytes from standard
input, and writes a line of JSON to standard output.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .peers import Codec, Settings, all_codecs

REPEAT_WITHIN = 0.3
"""Seconds in which short work is repeated, to take the fastest run."""


def measure(codec: Codec, data: bytes) -> dict[str, Any]:
    """Run a codec both ways; returns sizes in bytes, times in seconds."""
    began = time.perf_counter()
    codec.prepare()
    startup = time.perf_counter() - began
    packed, compress_seconds = _timed(codec.compress, data)
    contents, decompress_seconds = _timed(codec.decompress, packed)
    return {
        "version": codec.version(),
        "compressed": len(packed),
        "startup_seconds": startup,
        "compress_seconds": compress_seconds,
        "decompress_seconds": decompress_seconds,
        "restored": contents == data,
        "peak_memory": peak_memory(children=codec.external),
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
    """Most bytes of memory that this process, or a child that has ended, had resident; None if unknown."""
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
    """Do what standard input says."""
    stdin = sys.stdin.buffer
    job = json.loads(stdin.readline())
    data = stdin.read()
    codec = all_codecs()[job["codec"]]
    codec.configure(Settings(**job["settings"]))
    try:
        result = measure(codec, data)
    except Exception as error:  # whatever a codec may raise is a line in the table
        result = {"error": " ".join(str(error).split()) or type(error).__name__}
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""Send bytes through a pipe, compress and decompress, and report the peak memory of each process.

    python benchmarks/pipe_memory.py --size 2147483648

Memory must not depend on the size. By default blocks are stored, so that it is over soon; the
mixing method takes the time that its speed says.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from typing import IO

COMMAND = [sys.executable, "-m", "nncompress"]
PIECE_SIZE = 1 << 20


def feed(pipe: IO[bytes], size: int, digests: list[str]) -> None:
    """Write ``size`` bytes, noise and zeros in turn, and keep their digest."""
    noise = random.Random(0).randbytes(PIECE_SIZE)
    digest = hashlib.blake2b()
    with pipe:
        for start in range(0, size, PIECE_SIZE):
            data = noise if start // PIECE_SIZE % 2 else bytes(PIECE_SIZE)
            data = data[: size - start]
            digest.update(data)
            pipe.write(data)
    digests.append(digest.hexdigest())


def peak(process: subprocess.Popen[bytes]) -> int:
    """Wait for ``process`` and return its peak memory in MiB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{process.args} ended with status {process.returncode}")
    return int(usage.ru_maxrss) // 1024


def main() -> None:
    """Run the pipe and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2 << 30)
    parser.add_argument("--method", default="stored")
    arguments = parser.parse_args()
    start = time.monotonic()
    pipe = subprocess.PIPE
    compress = subprocess.Popen(
        [*COMMAND, "compress", "--method", arguments.method], stdin=pipe, stdout=pipe
    )
    decompress = subprocess.Popen([*COMMAND, "decompress"], stdin=compress.stdout, stdout=pipe)
    assert compress.stdin is not None
    assert compress.stdout is not None
    assert decompress.stdout is not None
    compress.stdout.close()
    digests: list[str] = []
    thread = threading.Thread(target=feed, args=(compress.stdin, arguments.size, digests))
    thread.start()
    digest = hashlib.blake2b()
    while data := decompress.stdout.read(PIECE_SIZE):
        digest.update(data)
    thread.join()
    memory = [peak(compress), peak(decompress)]
    if digests != [digest.hexdigest()]:
        raise SystemExit("the bytes that came out are not those that went in")
    seconds = time.monotonic() - start
    print(
        f"{arguments.size} bytes, {arguments.method}: compress {memory[0]} MiB, "
        f"decompress {memory[1]} MiB, {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()

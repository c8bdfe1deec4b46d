"""Define the peers that are programs on PATH, run on files in a temporary folder."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from nncompress.errors import NNCompressError

from .peer import Peer, PeerSettings

INPUT_FILE, PACKED_FILE, OUTPUT_FILE, ERRORS_FILE = "input", "packed", "output", "errors"
"""Names of files: the bytes, what they are compressed to, those restored, and standard error."""

LONGEST_ERRORS = 1 << 16
"""Bytes of standard error that are read, to find its last line."""


class ProgramError(NNCompressError):
    """A program failed, or took too long."""


class ExternalProgram(Peer):
    """Run a program that is on PATH, with one command line each way.

    Args:
        name: the peer's name.
        programs: names that the program may have on PATH.
        pack: its arguments to compress; ``{input}``, ``{packed}`` and ``{output}`` stand for the
            names of files in the folder that it runs in.
        unpack: the same to decompress.
        suffix: what the name of the packed file ends with.
    """

    external = True

    def __init__(
        self, name: str, programs: tuple[str, ...], pack: str, unpack: str, suffix: str = ""
    ) -> None:
        self.name, self.programs = name, programs
        self.pack, self.unpack, self.suffix = pack.split(), unpack.split(), suffix
        self._deadline = float("inf")

    def configure(self, settings: PeerSettings) -> None:
        """Take the time that it may use, which begins now."""
        self._deadline = time.monotonic() + settings.seconds

    def missing(self) -> str | None:
        """Return which programs are not on PATH; None if one is."""
        return None if self._path() else f"{' or '.join(self.programs)} not found on PATH"

    def _path(self) -> str | None:
        return next((path for path in map(shutil.which, self.programs) if path), None)

    def compress(self, data: bytes) -> bytes:
        """Run it on a file with these bytes."""
        packed = PACKED_FILE + self.suffix
        return self._run(self.pack, INPUT_FILE, data, packed)

    def decompress(self, data: bytes) -> bytes:
        """Run it on the packed file."""
        return self._run(self.unpack, PACKED_FILE + self.suffix, data, OUTPUT_FILE)

    def _run(self, arguments: list[str], source: str, data: bytes, result: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="nncompress-") as name:
            folder = Path(name)
            (folder / source).write_bytes(data)
            names = {
                "input": INPUT_FILE,
                "packed": PACKED_FILE + self.suffix,
                "output": OUTPUT_FILE,
            }
            command = [str(self._path()), *(word.format(**names) for word in arguments)]
            # Standard error goes to a file: a pipe would stay open as long as anything that the
            # program has started.
            with (folder / ERRORS_FILE).open("w+b") as errors:
                try:
                    done = subprocess.run(
                        command,
                        cwd=folder,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=errors,
                        timeout=max(0.0, self._deadline - time.monotonic()),
                        check=False,
                    )
                except subprocess.TimeoutExpired:
                    raise ProgramError("took too long, stopped") from None
                except OSError as error:
                    raise ProgramError(f"did not start: {error.strerror or error}") from None
                errors.seek(0)
                said = errors.read(LONGEST_ERRORS)
            if done.returncode:
                raise ProgramError(f"failed with status {done.returncode}{_last_words(said)}")
            try:
                return (folder / result).read_bytes()
            except OSError:
                raise ProgramError("wrote no result") from None


def _last_words(errors: bytes) -> str:
    lines = errors.decode(errors="replace").split("\n")
    said = [" ".join(line.split()) for line in lines if line.strip()]
    return f": {said[-1][:100]}" if said else ""


PROGRAMS = (
    ExternalProgram(
        "7z PPMd o=16",
        ("7zz", "7z", "7za"),
        "a -y -mx=9 -m0=PPMd:o=16:mem=256m {packed} {input}",
        "e -y -so {packed}",
        ".7z",
    ),
    ExternalProgram(
        "lrzip -z -L9",
        ("lrzip",),
        "-z -L9 -q -f -o {packed} {input}",
        "-d -q -f -o {output} {packed}",
    ),
    ExternalProgram(
        "zpaq -m5", ("zpaq",), "a {packed} {input} -m5", "x {packed} {input} -to {output}", ".zpaq"
    ),
    ExternalProgram("bsc -e2", ("bsc",), "e {input} {packed} -b100 -e2", "d {packed} {output}"),
    ExternalProgram("paq8px -8", ("paq8px",), "-8 {input} {packed}", "-d {packed} {output}"),
    ExternalProgram("cmix", ("cmix",), "-c {input} {packed}", "-d {packed} {output}"),
    ExternalProgram("nncp", ("nncp",), "c {input} {packed}", "d {packed} {output}"),
)

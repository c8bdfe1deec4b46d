"""Compressors that are programs on PATH, run on files in a temporary folder."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from nncompress.errors import NNCompressError

from .peers import Codec, Settings

INPUT, PACKED, OUTPUT, ERRORS = "input", "packed", "output", "errors"
LONGEST_ERRORS = 1 << 16


class ProgramError(NNCompressError):
    """A program failed, or took too long."""


class Program(Codec):
    """A program with one command line each way.

    programs: names it may have on PATH. pack, unpack: its arguments, in which ``{packed}`` and such are files; it runs
    in their folder.
    """

    external = True

    def __init__(
        self, name: str, programs: tuple[str, ...], pack: str, unpack: str, suffix: str = ""
    ) -> None:
        self.name, self.programs = name, programs
        self.pack, self.unpack, self.suffix = pack.split(), unpack.split(), suffix
        self._deadline = float("inf")

    def configure(self, settings: Settings) -> None:
        """Take the time it may use."""
        self._deadline = time.monotonic() + settings.seconds

    def missing(self) -> str | None:
        """Say that it is not on PATH."""
        return None if self._path() else f"{' or '.join(self.programs)} not found on PATH"

    def _path(self) -> str | None:
        return next((path for path in map(shutil.which, self.programs) if path), None)

    def compress(self, data: bytes) -> bytes:
        """Run it on a file with these bytes."""
        packed = PACKED + self.suffix
        return self._run(self.pack, INPUT, data, packed)

    def decompress(self, data: bytes) -> bytes:
        """Run it on the packed file."""
        return self._run(self.unpack, PACKED + self.suffix, data, OUTPUT)

    def _run(self, arguments: list[str], source: str, data: bytes, result: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="nncompress-") as name:
            folder = Path(name)
            (folder / source).write_bytes(data)
            names = {"input": INPUT, "packed": PACKED + self.suffix, "output": OUTPUT}
            command = [str(self._path()), *(word.format(**names) for word in arguments)]
            # Its words go to a file: a pipe would stay open for as long as anything that it has started.
            with (folder / ERRORS).open("w+b") as errors:
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
    Program(
        "7z PPMd o=16",
        ("7zz", "7z", "7za"),
        "a -y -mx=9 -m0=PPMd:o=16:mem=256m {packed} {input}",
        "e -y -so {packed}",
        ".7z",
    ),
    Program(
        "lrzip -z -L9",
        ("lrzip",),
        "-z -L9 -q -f -o {packed} {input}",
        "-d -q -f -o {output} {packed}",
    ),
    Program(
        "zpaq -m5", ("zpaq",), "a {packed} {input} -m5", "x {packed} {input} -to {output}", ".zpaq"
    ),
    Program("bsc -e2", ("bsc",), "e {input} {packed} -b100 -e2", "d {packed} {output}"),
    Program("paq8px -8", ("paq8px",), "-8 {input} {packed}", "-d {packed} {output}"),
    Program("cmix", ("cmix",), "-c {input} {packed}", "-d {packed} {output}"),
    Program("nncp", ("nncp",), "c {input} {packed}", "d {packed} {output}"),
)

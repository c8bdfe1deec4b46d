"""Define the peers that are programs on PATH, run on files in a temporary folder.

The command lines of 7-Zip, lrzip, zpaq and bzip3 are those that were tried; the ones of kanzi, bsc,
paq8px, cmix and nncp come from the programs' own documents, since they were at hand nowhere. A
wrong one would be a line in the table that says so, since every peer must restore its input.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from nncompress.errors import NNCompressError

from .peer import Peer, PeerSettings

INPUT_FILE, PACKED_FILE, OUTPUT_FILE = "input", "packed", "output"
"""Names of files: the bytes, what they are compressed to, and those restored."""

SAID_FILE, ERRORS_FILE = "said", "errors"
"""Names of files with standard output and standard error."""

LONGEST_SAID = 1 << 16
"""Bytes of a program's output that are read, to find its last line or its version."""

VERSION_SECONDS = 10.0
"""The most time that a program may take to say its version."""

NUMBER = re.compile(r"\b(?:v|[Vv]ersion:?\s+)(\d(?:[\w.-]*\w)?)|\b(\d+(?:\.\d+)+)")
"""What follows "v" or "version", or else is a number with dots in it."""


class ProgramError(NNCompressError):
    """A program failed, or took too long."""


@dataclass(frozen=True)
class CommandLines:
    """Hold how a program is run.

    Attributes:
        pack: its arguments to compress; ``{input}``, ``{packed}`` and ``{output}`` stand for the
            names of files in the folder that it runs in.
        unpack: the same to decompress.
        version: arguments with which it says its version, if only above its help.
        suffix: what the name of the packed file ends with.
        restored: the name that the restored file gets.
    """

    pack: str
    unpack: str
    version: str = ""
    suffix: str = ""
    restored: str = OUTPUT_FILE

    def fill(self, words: str) -> list[str]:
        """Return arguments with the names of files in place."""
        names = {"input": INPUT_FILE, "packed": self.packed, "output": OUTPUT_FILE}
        return [word.format(**names) for word in words.split()]

    @property
    def packed(self) -> str:
        """The name of the packed file."""
        return PACKED_FILE + self.suffix


class ExternalProgram(Peer):
    """Run a program that is on PATH, with one command line each way.

    Args:
        name: the peer's name.
        programs: names that the program may have on PATH.
        lines: how it is run.
    """

    external = True

    def __init__(self, name: str, programs: tuple[str, ...], lines: CommandLines) -> None:
        self.name, self.programs, self.lines = name, programs, lines
        self._deadline = float("inf")

    def configure(self, settings: PeerSettings) -> None:
        """Take the time that it may use, which begins now."""
        self._deadline = time.monotonic() + settings.seconds

    def missing(self) -> str | None:
        """Return which programs are not on PATH; None if one is."""
        return None if self._path() else f"{' or '.join(self.programs)} not found on PATH"

    def _path(self) -> str | None:
        return next((path for path in map(shutil.which, self.programs) if path), None)

    def command(self) -> str:
        """Return the command line that compresses."""
        name = Path(self._path() or self.programs[0]).name
        return " ".join([name, *self.lines.fill(self.lines.pack)])

    def version(self) -> str:
        """Return the program's name with what it says of its version, "" if it says nothing."""
        with tempfile.TemporaryDirectory(prefix="nncompress-") as name:
            folder = Path(name)
            try:
                self._start(folder, self.lines.fill(self.lines.version), VERSION_SECONDS)
            except ProgramError:
                return ""
            said = _read(folder / SAID_FILE) + "\n" + _read(folder / ERRORS_FILE)
        found = NUMBER.search(said)
        return f"{Path(str(self._path())).name} {found[1] or found[2]}" if found else ""

    def compress(self, data: bytes) -> bytes:
        """Run it on a file with these bytes."""
        return self._run(self.lines.pack, INPUT_FILE, data, self.lines.packed)

    def decompress(self, data: bytes) -> bytes:
        """Run it on the packed file."""
        return self._run(self.lines.unpack, self.lines.packed, data, self.lines.restored)

    def _run(self, words: str, source: str, data: bytes, result: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="nncompress-") as name:
            folder = Path(name)
            (folder / source).write_bytes(data)
            left = max(0.0, self._deadline - time.monotonic())
            status = self._start(folder, self.lines.fill(words), left)
            if status:
                said = _last_line(_read(folder / ERRORS_FILE))
                said = said or _last_line(_read(folder / SAID_FILE))
                raise ProgramError(f"failed with status {status}{said and ': ' + said}")
            try:
                return (folder / result).read_bytes()
            except OSError:
                raise ProgramError("wrote no result") from None

    def _start(self, folder: Path, arguments: list[str], seconds: float) -> int:
        """Run it with arguments in a folder, where its output goes too; returns its status."""
        # What it says goes to files: a pipe would stay open as long as anything it has started.
        said, errors = (folder / SAID_FILE).open("wb"), (folder / ERRORS_FILE).open("wb")
        with said, errors:
            try:
                done = subprocess.run(
                    [str(self._path()), *arguments],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=errors,
                    timeout=seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ProgramError("took too long, stopped") from None
            except OSError as error:
                raise ProgramError(f"did not start: {error.strerror or error}") from None
        return done.returncode


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LONGEST_SAID).decode(errors="replace")


def _last_line(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    return lines[-1][:100] if lines else ""


PROGRAMS = (
    ExternalProgram(
        "7z PPMd o=16",
        ("7zz", "7z", "7za"),
        CommandLines(
            "a -y -mx=9 -m0=PPMd:o=16:mem=256m {packed} {input}",
            "e -y {packed}",
            suffix=".7z",
            restored=INPUT_FILE,
        ),
    ),
    ExternalProgram(
        "lrzip -z -L9",
        ("lrzip",),
        CommandLines(
            "-z -L9 -q -f -o {packed} {input}", "-d -q -f -o {output} {packed}", version="-V"
        ),
    ),
    ExternalProgram(
        "zpaq -m5",
        ("zpaq",),
        CommandLines("a {packed} {input} -m5", "x {packed} {input} -to {output}", suffix=".zpaq"),
    ),
    ExternalProgram(
        "bzip3",
        ("bzip3",),
        CommandLines(
            "-e -f {input} {packed}", "-d -f {packed} {output}", version="-V", suffix=".bz3"
        ),
    ),
    ExternalProgram(
        "kanzi -9",
        ("kanzi",),
        CommandLines(
            "-c -f -l 9 -i {input} -o {packed}",
            "-d -f -i {packed} -o {output}",
            version="-h",
            suffix=".knz",
        ),
    ),
    ExternalProgram(
        "bsc -e2", ("bsc",), CommandLines("e {input} {packed} -b100 -e2", "d {packed} {output}")
    ),
    ExternalProgram(
        "paq8px -8", ("paq8px",), CommandLines("-8 {input} {packed}", "-d {packed} {output}")
    ),
    ExternalProgram("cmix", ("cmix",), CommandLines("-c {input} {packed}", "-d {packed} {output}")),
    ExternalProgram("nncp", ("nncp",), CommandLines("c {input} {packed}", "d {packed} {output}")),
)

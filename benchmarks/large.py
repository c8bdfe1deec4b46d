"""Measure large files: repeats at any distance, and blocks that grow.

    python benchmarks/large.py versions noise pipe text

It makes its files itself, of what a Linux machine has, and prints what it measures as it goes:

versions  a tar of two Python standard libraries (or of one, and a changed copy of it): bytes and
          seconds at each level, with and without --window 0, and other compressors
noise     100 MB of random bytes: what seeking repeats costs where there are none
restore   copies put back among literals that are only stored: MB a second of processor time
pipe      a 100 MB file repeated up to 2 GiB, through pipes: bytes, seconds, peak memory of each
          process; then ten ranges, with the blocks that each decodes, and that it needs
text      64 MB of text: bytes and seconds at each level, with blocks of 4 MiB and with those that
          grow
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import IO, Any, BinaryIO

import click
from folder import RESULTS, kept_results, resume, write_results

from nncompress.archive.access import read_block_header, read_map, read_section
from nncompress.archive.codec import BlockCodec, Decoded, Progress, StoredCodec, no_progress
from nncompress.archive.format import Method
from nncompress.archive.history import KeptLiterals
from nncompress.archive.origins import Origins
from nncompress.archive.reader import BlockRecord, RecordParser, Restorer, decode_record
from nncompress.coding.levels import LEVELS
from nncompress.coding.options import CodingOptions
from nncompress.files.output import OutputFile
from nncompress.files.readback import read_back_from
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Compressor
from nncompress.pipeline.splitting import FED
from nncompress.pipeline.stream import Null, compress_stream, decompress_stream
from nncompress.transforms.repeats import RepeatFinder

PARTS = ("versions", "noise", "restore", "pipe", "text")
COMMAND = [sys.executable, "-m", "nncompress"]
MB = 10**6
PIECE = 1 << 20

PEERS = {
    "xz -9e": ["xz", "-9e", "-k", "-c", "FILE"],
    "zstd -19 --long=31": ["zstd", "-q", "-19", "--long=31", "-c", "FILE"],
    "bzip3 -b 64": ["bzip3", "-b", "64", "-e", "-c", "FILE"],
    "lrzip -z -L9": ["lrzip", "-q", "-z", "-L9", "-o", "OUT", "FILE"],
    "zpaq -m5": ["zpaq", "a", "OUT", "FILE", "-m5", "-t1"],
}
"""Command lines; what is not written to OUT comes from standard output."""


def log(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


def run_command(words: list[str], path: Path, folder: Path) -> dict[str, Any]:
    """Run a compressor on a file; returns the bytes it makes, its seconds and processor seconds."""
    out = folder / "out.zpaq"
    out.unlink(missing_ok=True)
    filled = [{"FILE": str(path), "OUT": str(out)}.get(word, word) for word in words]
    start, size = time.monotonic(), 0
    process = subprocess.Popen(filled, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    with process.stdout as stream:
        while data := stream.read(PIECE):
            size += len(data)
    usage = ended(process)
    return {
        "bytes": out.stat().st_size if out.exists() else size,
        "seconds": round(time.monotonic() - start, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
    }


def ended(process: subprocess.Popen[bytes]) -> Any:
    """Wait for a process that must end well, and return what it used, as os.wait4 does."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{process.args!r} ended with status {process.returncode}")
    return usage


def log_facts(name: str, facts: dict[str, Any]) -> None:
    """Print a row."""
    log(
        f"  {name:<20} {facts['bytes']:>10} bytes {facts['seconds']:>7.1f} s"
        f" {facts['processor_seconds']:>7.1f} s of processors"
    )


def library_folders() -> list[Path]:
    """List folders of Python standard libraries, one a version, this one's first."""
    own = Path(sysconfig.get_paths()["stdlib"])
    around = [own, *sorted(own.parents[2].glob("*/lib/python3.*"))]
    around += sorted(Path("/usr/lib").glob("python3.*"))
    found = {path.name: path for path in reversed(around) if (path / "argparse.py").exists()}
    return sorted(found.values(), key=lambda path: (path.name != own.name, path.name))


def source_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the Python files under a folder, as a release has them.

    Its own tests, a half of it, are left out to be done sooner.
    """
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if not {"site-packages", "test"} & set(name.parts):
            yield name.as_posix(), path.read_bytes()


def changed(data: bytes, chance: random.Random) -> bytes:
    """Change, delete or repeat one line of thirty."""
    lines = data.splitlines(keepends=True)
    for at in range(len(lines) - 1, -1, -1):
        if chance.random() < 1 / 30:
            lines[at : at + 1] = chance.choice(([], [lines[at], lines[at]], [b"# " + lines[at]]))
    return b"".join(lines)


def two_versions() -> tuple[bytes, str]:
    """Return a tar of two versions of a tree, and what it is."""
    folders, chance = library_folders(), random.Random(0)
    first = list(source_files(folders[0]))
    if len(folders) > 1:
        second, what = list(source_files(folders[1])), f"{folders[0].name} and {folders[1].name}"
    else:
        second, what = [(n, changed(d, chance)) for n, d in first], f"{folders[0].name}, twice"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for number, files in enumerate((first, second)):
            for name, data in files:
                entry = tarfile.TarInfo(f"{number}/{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return out.getvalue(), what


def measure_versions(folder: Path, levels: list[int]) -> dict[str, Any]:
    """Compress two versions of a tree with all and by all."""
    data, what = two_versions()
    path = folder / "versions.tar"
    path.write_bytes(data)
    log(f"two versions of a tree ({what}): {len(data)} bytes")
    found: dict[str, Any] = {"what": what, "size": len(data), "results": {}}
    commands = {name: words for name, words in PEERS.items() if shutil.which(words[0])}
    for level in levels:
        for name, window in ((f"-{level}", []), (f"-{level} --window 0", ["--window", "0"])):
            commands[name] = [*COMMAND, "compress", f"-{level}", *window, "-c", "FILE"]
    for name, words in commands.items():
        found["results"][name] = facts = run_command(words, path, folder)
        log_facts(name, facts)
    return found


def measure_noise(folder: Path, levels: list[int], pairs: int) -> dict[str, Any]:
    """Compress random bytes with and without seeking repeats, in turns."""
    path, data = folder / "noise", random.Random(0).randbytes(100 * MB)
    path.write_bytes(data)
    found: dict[str, Any] = {"size": 100 * MB, "results": {}}
    found["search_mb_a_second"] = {
        name: round(len(sought) / MB / _least_seconds(partial(_seek, sought)))
        for name, sought in (("noise", data), ("two versions of a tree", two_versions()[0]))
    }
    log(f"  the search alone, MB a second: {found['search_mb_a_second']}")
    for level in levels:
        words = [*COMMAND, "compress", f"-{level}", "-c", "FILE"]
        run_command(words, path, folder)  # compiles
        runs: dict[str, list[dict[str, Any]]] = {f"-{level}": [], f"-{level} --window 0": []}
        for name in list(runs) * pairs:
            window = ["--window", "0"] if name.endswith("0") else []
            # Memory that the host of a virtual machine hands out anew takes tenfold time.
            touched = b"\1" * (1 << 29)
            del touched
            runs[name].append(run_command([*words, *window], path, folder))
        for name, facts in runs.items():
            seconds = [run["processor_seconds"] for run in facts]
            found["results"][name] = {
                "bytes": facts[0]["bytes"],
                "processor_seconds": round(median(seconds), 2),
                "of_each": seconds,
            }
            log(f"  {name:<20} {found['results'][name]}")
        with_stage, without = ([run["processor_seconds"] for run in of] for of in runs.values())
        ratio = median(a / b for a, b in zip(with_stage, without, strict=True))
        found["results"][f"-{level}"]["against_window_0"] = round(ratio, 3)
        log(f"  of {pairs} pairs the median is {ratio:.3f}")
    return found


def _seek(data: bytes) -> None:
    rules, size = LEVELS[3].copies, LEVELS[3].block_size
    finder = RepeatFinder(rules.window, rules.least, rules.least_inside)
    for at in range(0, len(data), FED):
        finder.feed(data[at : at + FED])
        if finder.literals >= size:
            finder.take(b"")


def repeated(path: Path, size: int) -> Iterator[bytes]:
    """Yield a file's bytes over and over, ``size`` of them."""
    while size:
        with path.open("rb") as file:
            while size and (data := file.read(min(PIECE, size))):
                size -= len(data)
                yield data


def through(words: list[str], source: Iterable[bytes], sink: Callable[[bytes], object]) -> int:
    """Send pieces through a command, and return its peak memory in MiB."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None

    def feed(to: IO[bytes]) -> None:
        with to:
            for data in source:
                to.write(data)

    thread = threading.Thread(target=feed, args=(process.stdin,))
    thread.start()
    while data := process.stdout.read(PIECE):
        sink(data)
    thread.join()
    return int(ended(process).ru_maxrss) // 1024


def measure_pipe(folder: Path, levels: list[int], size: int) -> dict[str, Any]:
    """Send a file over and over through pipes, and read ranges of the archive."""
    path, archive = folder / "once", folder / "repeated.nnc"
    text = two_versions()[0]
    noise = random.Random(1).randbytes(100 * MB - len(text)) if len(text) < 100 * MB else b""
    path.write_bytes(text[: 100 * MB] + noise)
    found: dict[str, Any] = {"size": size, "results": {}}
    for level in levels:
        expected, got = hashlib.blake2b(), hashlib.blake2b()
        for data in repeated(path, size):
            expected.update(data)
        start = time.monotonic()
        words = [*COMMAND, "compress", f"-{level}", "--window", "1G"]
        with archive.open("wb") as out:
            memory = through(words, repeated(path, size), out.write)
        seconds = time.monotonic() - start
        start = time.monotonic()
        with archive.open("rb") as file:
            pieces = iter(lambda: file.read(PIECE), b"")
            back = through([*COMMAND, "decompress"], pieces, got.update)
        if got.digest() != expected.digest():
            raise click.ClickException("other bytes came out of the pipe")
        facts = {
            "bytes": archive.stat().st_size,
            "seconds": [round(seconds, 1), round(time.monotonic() - start, 1)],
            "peak_mib": [memory, back],
        }
        found["results"][f"-{level}"] = facts
        log(f"  -{level} {size} bytes by pipe: {facts}")
    found["ranges"] = _measure_ranges(archive, path, size)
    return found


class StoredWithCopies(StoredCodec):
    """Stores all literals, so that nothing but copies takes time."""

    copy_rules = LEVELS[1].copies


def measure_restore(folder: Path) -> dict[str, Any]:
    """Restore archives of copies and of literals that are only stored, by pipe and to a file."""
    tree, _ = two_versions()
    noise = random.Random(3).randbytes(10 * MB)
    contents = {"two versions of a tree, twice": 2 * tree, "noise ten times": 10 * noise}
    found: dict[str, Any] = {"results": {}}
    for name, data in contents.items():
        made = Compressor(StoredWithCopies(1 << 22))
        archive = made.compress(data) + made.flush()
        copies = sum(len(decoded.copies) for _, decoded in _decoded(archive))

        def by_pipe(archive: bytes = archive) -> None:
            decompress_stream(io.BytesIO(archive), Null(), Coder(CodingOptions(threads=1)))

        def to_file(archive: bytes = archive) -> None:
            options = CodingOptions(threads=1)
            with OutputFile(folder / "restored", force=True) as sink, read_back_from(sink) as back:
                decompress_stream(io.BytesIO(archive), sink, Coder(options), history=back)

        ways: dict[str, Callable[[], object]] = {
            "by pipe": by_pipe,
            "to a file": to_file,
            "put in and checked": partial(_put_all_in, list(_decoded(archive))),
            "read, put in and checked": lambda archive=archive: _put_all_in(_decoded(archive)),
            "memory copied": partial(bytearray, data),
        }
        speeds = {way: round(len(data) / MB / _least_seconds(run)) for way, run in ways.items()}
        facts = {
            "size": len(data),
            "archive": len(archive),
            "copies": copies,
            "mb_a_second": speeds,
        }
        found["results"][name] = facts
        log(f"  {name:<20} {facts}")
    return found


def _least_seconds(run: Callable[[], object]) -> float:
    """Return the least processor seconds of several runs."""
    times = []
    for _ in range(5):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def _decoded(archive: bytes) -> Iterator[tuple[BlockRecord, Decoded]]:
    for record in RecordParser().feed(archive):
        if isinstance(record, BlockRecord):
            yield record, decode_record(lambda *_: StoredCodec(), record)


def _put_all_in(blocks: Iterable[tuple[BlockRecord, Decoded]]) -> None:
    restorer = Restorer(KeptLiterals(1 << 30))
    for record, decoded in blocks:
        restorer.restore(record, decoded)


class _Counting:
    """Counts the blocks that a codec decodes."""

    def __init__(self, codec: BlockCodec) -> None:
        self.decoded, self._codec = 0, codec

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Decode, and count."""
        self.decoded += 1
        return self._codec.decode(method, payload, size, progress)


def _measure_ranges(archive: Path, path: Path, size: int) -> dict[str, Any]:
    """Read ten ranges, each by a reader that has nothing decoded yet, and then all by one."""
    once, chance = path.read_bytes(), random.Random(2)
    places = [chance.randrange(size - 1000) for _ in range(10)]
    coder = Coder(CodingOptions())
    codec = _Counting(coder.decoder(None))
    found: dict[str, Any] = {}
    with archive.open("rb") as file:
        blocks = read_map(file).blocks
        found["blocks"] = len(blocks)
        found["needed"] = [_needed(file, at) for at in places]
        for name in ("each alone", "one after the other"):
            facts: list[dict[str, Any]] = []
            reader = BlockReader(file, lambda _: codec, room=coder.history_room)
            for at in places:
                before, start = codec.decoded, time.process_time()
                if name == "each alone":
                    reader = BlockReader(file, lambda _: codec, room=coder.history_room)
                reader.seek(at)
                data, first = reader.read(1000), at % len(once)
                if not data or not (once + once[:1000])[first : first + 1000].startswith(data):
                    raise click.ClickException(f"the range at {at} is wrong")
                seconds = round(time.process_time() - start, 1)
                facts.append({"decoded": codec.decoded - before, "processor_seconds": seconds})
            found[name] = facts
            log(f"  ten ranges, {name}: {facts}")
    log(f"  of {found['blocks']} blocks these are needed, and coded: {found['needed']}")
    return found


def _needed(file: BinaryIO, at: int) -> int:
    """Count the coded blocks that a range needs: its own, and those that this one repeats."""
    blocks = read_map(file).blocks
    number = bisect_right([place.start for place in blocks], at) - 1
    section = read_section(file, blocks[number], read_block_header(file, blocks[number]))
    named = {number, *Origins(blocks).of(number, section)}
    methods = [read_block_header(file, blocks[name]).method for name in named]
    return sum(method is not Method.STORED for method in methods)


def measure_text(text: Path | None, levels: list[int], size: int) -> dict[str, Any]:
    """Compress text with blocks of 4 MiB and with those that grow."""
    data = (text.read_bytes() if text else two_versions()[0])[:size]
    found: dict[str, Any] = {"size": len(data), "results": {}}
    for level in levels:
        coder = Coder(CodingOptions(level=level, window=0))
        encoder: Any = coder.encoder
        own = LEVELS[level]
        sizes = {f"-{level}": own}
        if own.block_size > 1 << 22:
            first = min(own.first_block_size, 1 << 22)
            sizes[f"-{level}, 4 MiB"] = replace(own, block_size=1 << 22, first_block_size=first)
        for name, used in sizes.items():
            encoder.level = used
            start, sink = time.process_time(), io.BytesIO()
            compress_stream(io.BytesIO(data), sink, coder)
            facts = {
                "bytes": len(sink.getvalue()),
                "processor_seconds": round(time.process_time() - start, 1),
                "mib_a_block": encoder.memory(3, encoder.block_size) >> 20,
            }
            found["results"][name] = facts
            log(f"  {name:<20} {facts}")
    return found


@click.command(help=__doc__.splitlines()[0])
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--level", "levels", multiple=True, type=int, default=(1, 3, 6))
@click.option("--pairs", type=int, default=5, help="Runs of each kind on random bytes.")
@click.option("--pipe-size", type=int, default=2 << 30, help="Bytes to send through pipes.")
@click.option("--text", type=click.Path(path_type=Path), help="A file of 64 MB of text.")
@click.option("--text-size", type=int, default=64 * MB)
@click.option("--json", "target", type=click.Path(path_type=Path), default=RESULTS / "large.json")
@resume
def main(
    parts: tuple[str, ...],
    levels: tuple[int, ...],
    pairs: int,
    pipe_size: int,
    text: Path | None,
    text_size: int,
    target: Path,
    resume: bool,
) -> None:
    """Run the parts that are named."""
    found = kept_results(target, resume)
    chosen = list(levels)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in parts:
            log(part)
            if part == "versions":
                facts = measure_versions(folder, chosen)
            elif part == "noise":
                facts = measure_noise(folder, chosen, pairs)
            elif part == "restore":
                facts = measure_restore(folder)
            elif part == "pipe":
                facts = measure_pipe(folder, chosen, pipe_size)
            else:
                facts = measure_text(text, chosen, text_size)
            facts["results"] = found.get(part, facts)["results"] | facts["results"]
            found[part] = facts
            write_results(target, **found)


if __name__ == "__main__":
    main()

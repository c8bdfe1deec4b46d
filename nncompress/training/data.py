"""Corpora for training: categories of documents, mixed by weight, held-out documents apart.

A corpus is a file, a folder of files, or an ``.xz`` shard of NUL-separated documents. A shard
``code-03.xz`` belongs to the category ``code``; a file in a folder to the folder's name; a file
named alone to its own stem. About :data:`RUN` bytes a category are decoded at a time. Where
sampling stands is a small JSON object, and a sampler restored from it goes on exactly as before.
"""

from __future__ import annotations

import hashlib
import lzma
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nncompress.errors import NNCompressError

RUN = 32 << 20
"""Documents are shuffled within runs of about this many decoded bytes."""

DOCUMENT = 1 << 20
"""A longer document is read as several of this many bytes."""

PIECE = 1 << 14
"""Lanes take up documents in pieces of this many bytes: none holds a lane for hours."""

Sources = Mapping[str, list[Path]]
"""The files of each category."""

_CHUNK = 1 << 18
_DECODER = ThreadPoolExecutor(1)
_SHARD = re.compile(r"(.+?)-\d+\.xz\Z")


class CorpusError(NNCompressError):
    """A corpus that cannot be read or holds nothing to train on."""


def find_sources(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """List the files of each category; :class:`CorpusError` where a path is missing or empty."""
    sources: dict[str, list[Path]] = {}
    for path in paths:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != "manifest.json")
            if not files:
                raise CorpusError(f"{path}: the folder holds no files")
        elif path.is_file():
            files = [path]
        else:
            raise CorpusError(f"{path}: no such file or folder")
        for file in files:
            shard = _SHARD.match(file.name)
            name = shard[1] if shard else (file.parent.name if path.is_dir() else file.stem)
            sources.setdefault(name, []).append(file)
    return {name: sorted(set(files)) for name, files in sorted(sources.items())}


def read_documents(path: Path) -> Iterator[bytes]:
    """Yield the documents of one file, in order, empty ones left out; decodes as it goes."""
    separator = b"\0" if path.suffix == ".xz" else None
    rest = b""
    for chunk in _read_chunks(path):
        rest += chunk
        if separator:
            *whole, rest = rest.split(separator)
            for document in whole:
                yield from _pieces(document, DOCUMENT)
        while len(rest) >= DOCUMENT:
            yield rest[:DOCUMENT]
            rest = rest[DOCUMENT:]
    yield from _pieces(rest, DOCUMENT)


def _pieces(document: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(document), size):
        yield document[start : start + size]


def _read_chunks(path: Path) -> Iterator[bytes]:
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (lzma.LZMAError, EOFError) as error:
        raise CorpusError(f"{path}: damaged xz file ({error})") from None
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from None


def is_held_out(document: bytes, permille: int) -> bool:
    """Whether a document is kept for validation: its SHA-256 alone decides, wherever it lies."""
    return int.from_bytes(hashlib.sha256(document).digest()[:4], "big") % 1000 < permille


def _runs(path: Path, permille: int) -> Iterator[list[bytes]]:
    """Yield pieces of a file's training documents in lists of about :data:`RUN` bytes."""
    run: list[bytes] = []
    size = 0
    for document in read_documents(path):
        if not is_held_out(document, permille):
            run.extend(_pieces(document, PIECE))
            size += len(document)
        if size >= RUN:
            yield run
            run, size = [], 0
    if run:
        yield run


_Place = tuple[int, int, int]
"""Passes completed, number of the file in this pass's order, number of the run within the file."""


@dataclass
class _Category:
    """An endless stream of a category's pieces; shuffles files each pass, pieces within a run.

    The run after the one being read is decoded meanwhile: training need not wait for it.
    """

    name: str
    files: list[Path]
    seed: int
    permille: int
    epoch: int = 0
    file: int = 0
    run: int = 0
    drawn: int = 0  # pieces taken from the run
    _pieces: list[bytes] = field(default_factory=list, repr=False)
    _runs: Iterator[tuple[_Place, list[bytes]]] = field(
        default_factory=lambda: iter(()), repr=False
    )
    _ahead: Future[tuple[_Place, list[bytes]]] | None = field(default=None, repr=False)

    def next(self) -> bytes:
        """Return the next piece; :class:`CorpusError` where a whole pass holds none."""
        while self._ahead is None or self.drawn >= len(self._pieces):
            self._load()
        self.drawn += 1
        return self._pieces[self.drawn - 1]

    def _load(self) -> None:
        before, drawn = (self.epoch, self.file, self.run), 0
        if self._ahead is None:
            self._runs, drawn = self._shuffled(), self.drawn
            self._ahead = _DECODER.submit(next, self._runs)
        place, self._pieces = self._ahead.result()
        self._ahead = _DECODER.submit(next, self._runs)
        self.epoch, self.file, self.run = place
        self.drawn = drawn if place == before else 0

    def _shuffled(self) -> Iterator[tuple[_Place, list[bytes]]]:
        """Yield runs and where they are, from here on."""
        epoch, first_file, first_run = self.epoch, self.file, self.run
        while True:
            found = bool(first_file or first_run)  # of a pass's rest nothing can be said
            key = f"{self.seed}/{self.name}/{epoch}"
            order = random.Random(key).sample(self.files, len(self.files))
            for file in range(first_file, len(order)):
                for run, pieces in enumerate(_runs(order[file], self.permille)):
                    if run >= first_run:
                        found = True
                        shuffle = random.Random(f"{key}/{file}/{run}")
                        yield (epoch, file, run), shuffle.sample(pieces, len(pieces))
                first_run = 0
            if not found:
                raise CorpusError(f"category {self.name!r} holds no document to train on")
            epoch, first_file = epoch + 1, 0

    def position(self) -> dict[str, int]:
        """Where the stream stands: the fields that a new one needs to go on from here."""
        return {"epoch": self.epoch, "file": self.file, "run": self.run, "drawn": self.drawn}


class Sampler:
    """Endless lanes of text.

    Each lane reads a piece to its end, then one of the category that is furthest behind its weight.

    sources: as :func:`find_sources` gives them. weights: share of the bytes each category is to
    have, on any positive scale; a category left out of a non-empty mapping is not read; an empty
    one means each category's size on disk. permille: documents in a thousand that are held out.
    """

    def __init__(
        self,
        sources: Sources,
        weights: Mapping[str, float],
        *,
        lanes: int,
        seed: int,
        permille: int,
    ) -> None:
        shares = check_weights(sources, weights)
        total = sum(shares.values())
        self.shares = {name: share / total for name, share in shares.items()}
        self.served = dict.fromkeys(self.shares, 0)
        self._categories = {
            name: _Category(name, sources[name], seed, permille) for name in self.shares
        }
        self.pending = [b""] * lanes

    def next(self, length: int) -> list[bytes]:
        """Return the next ``length`` bytes of every lane."""
        return [self._take(lane, length) for lane in range(len(self.pending))]

    def _take(self, lane: int, length: int) -> bytes:
        parts = [self.pending[lane]]
        have = len(parts[0])
        while have < length:
            parts.append(self._draw())
            have += len(parts[-1])
        joined = b"".join(parts)
        self.pending[lane] = joined[length:]
        return joined[:length]

    def _draw(self) -> bytes:
        total = sum(self.served.values())
        name = max(self.shares, key=lambda n: self.shares[n] * total - self.served[n])
        document = self._categories[name].next()
        self.served[name] += len(document)
        return document

    def state(self) -> dict[str, Any]:
        """Return where sampling stands, for JSON; the caller keeps :attr:`pending` beside it."""
        positions = {name: category.position() for name, category in self._categories.items()}
        return {"shares": self.shares, "served": dict(self.served), "categories": positions}

    def restore(self, state: Mapping[str, Any], pending: list[bytes]) -> None:
        """Go on from :meth:`state`; :class:`CorpusError` where its categories or lanes differ.

        Other shares than before are those of the text from here on; what was read before is not made up for.
        """
        same = set(state["categories"]) == set(self._categories)
        if not same or len(pending) != len(self.pending):
            raise CorpusError("the checkpoint is of other categories or another number of lanes")
        if state.get("shares") == self.shares:
            self.served = dict(state["served"])
        for name, position in state["categories"].items():
            old = self._categories[name]
            self._categories[name] = _Category(name, old.files, old.seed, old.permille, **position)
        self.pending = list(pending)


def check_weights(sources: Sources, weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weight of every category to be read; :class:`CorpusError` for nonsense."""
    unknown = sorted(set(weights) - set(sources))
    if unknown:
        raise CorpusError(f"no category {unknown[0]!r} in the corpus; it has {', '.join(sources)}")
    if not sources:
        raise CorpusError("no corpus given")
    if not weights:
        sizes = {n: sum(file.stat().st_size for file in files) for n, files in sources.items()}
        return {name: float(max(1, size)) for name, size in sizes.items()}
    if any(not 0 < weight < float("inf") for weight in weights.values()):
        raise CorpusError("weights must be positive numbers")
    return {name: float(weights[name]) for name in sources if name in weights}


def held_out_text(
    sources: Sources, shares: Mapping[str, float], size: int, permille: int
) -> dict[str, bytes]:
    """Gather about ``size`` held-out bytes, each category's part in proportion to its share.

    The first held-out documents of each category, joined; a category that has none is left out.
    """
    text = {}
    total = sum(shares.values())
    for name, share in shares.items():
        wanted = round(size * share / total)
        found = b""
        for document in _held_out(sources[name], permille):
            found += document[: wanted - len(found)]
            if len(found) >= wanted:
                break
        if found:
            text[name] = found
    return text


def _held_out(files: Iterable[Path], permille: int) -> Iterator[bytes]:
    for file in files:
        yield from (text for text in read_documents(file) if is_held_out(text, permille))

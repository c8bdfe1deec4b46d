"""Split corpora into what is trained on and what is held out.

Which of three ways is taken depends on what is there:

- files given for it are held out whole, and nothing of the others is;
- of few plain files the end of each is held out;
- of shards, and of many plain files, documents are: the SHA-256 of each decides, wherever it is.

A split holds places in files, so that a run that goes on keeps to it though a log has grown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nncompress.errors import ConfigError

from .corpus import CorpusError, Sources, find_sources, is_shard, read_documents, sizes_on_disk

FEW_FILES = 500
"""With fewer plain files than this, the end of each is held out."""

END_SHARE = 0.1
LONGEST_END = 4 << 20
"""Share of such a file that is held out, and the most bytes of it, unless a share is given."""

DOCUMENT_SHARE = 0.02
"""Share of documents that is held out, unless one is given."""

LARGEST_SHARE = 0.5


@dataclass(frozen=True)
class Split:
    """Which text of some files is trained on, and which is held out.

    Attributes:
        sources: the files that are trained on, by category.
        permille: documents in a thousand that are held out of files without an entry in ``ends``.
        ends: for each file whose end is held out, the first byte of that.
        valid: files that are held out whole, by category.
    """

    sources: Sources
    permille: int = 0
    ends: Mapping[Path, int] = field(default_factory=dict)
    valid: Sources = field(default_factory=dict)

    def training_documents(self, path: Path) -> Iterator[bytes]:
        """Yield the documents of one of the ``sources`` that are trained on."""
        if path in self.ends:
            yield from read_documents(path, 0, self.ends[path])
            return
        for document in read_documents(path):
            if not is_held_out(document, self.permille):
                yield document

    def held_out_documents(self, path: Path) -> Iterator[bytes]:
        """Yield the documents of one of the ``sources`` that are held out."""
        if path in self.ends:
            yield from read_documents(path, self.ends[path])
            return
        for document in read_documents(path):
            if is_held_out(document, self.permille):
                yield document

    def held_out_text(self, shares: Mapping[str, float], size: int) -> dict[str, bytes]:
        """Gather held-out text.

        Args:
            shares: of the categories that are trained on, on any positive scale.
            size: about how many bytes to gather.

        Returns:
            The first held-out documents of each category, joined, as much of each as its share
            says; a category that has none is left out. Where files are held out whole, the
            categories are theirs, and each file counts by its size.

        Raises:
            CorpusError: a file cannot be read, or is damaged.
        """
        shares = self.held_out_shares(shares)
        total = sum(shares.values())
        text = {}
        for name, share in shares.items():
            wanted = round(size * share / total)
            if found := _first_bytes(self._held_out_of(name), wanted):
                text[name] = found
        return text

    def held_out_shares(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Return how much each category of the held-out text counts."""
        return sizes_on_disk(self.valid) if self.valid else dict(shares)

    def _held_out_of(self, name: str) -> Iterator[bytes]:
        if self.valid:
            for path in self.valid[name]:
                yield from read_documents(path)
            return
        for path in self.sources[name]:
            yield from self.held_out_documents(path)

    def size(self) -> int:
        """Return the bytes on disk that there are to train on, without ends that are held out."""
        return sum(
            self.ends.get(path, path.stat().st_size)
            for paths in self.sources.values()
            for path in paths
        )

    def plain_bytes(self, name: str) -> int:
        """Return about how many bytes a category has to train on.

        Packed ones count as ten times as many, since to unpack them all would take long.
        """
        sizes = (
            self.ends.get(path, path.stat().st_size) * (10 if is_shard(path) else 1)
            for path in self.sources[name]
        )
        return sum(sizes)

    def describe(self) -> str:
        """Say in a few words what is held out."""
        if self.valid:
            count = sum(map(len, self.valid.values()))
            return f"{count} file{'s' * (count != 1)} of its own"
        ways = []
        if self.ends:
            count = len(self.ends)
            ways.append("the end of the file" if count == 1 else f"the ends of {count} files")
        if any(path not in self.ends for paths in self.sources.values() for path in paths):
            ways.append(f"{self.permille / 10:g}% of the documents")
        return " and ".join(ways)

    def to_json(self) -> dict[str, Any]:
        """Return the split as what JSON can hold."""
        return {
            "sources": {name: list(map(str, paths)) for name, paths in self.sources.items()},
            "valid": {name: list(map(str, paths)) for name, paths in self.valid.items()},
            "ends": {str(path): end for path, end in self.ends.items()},
            "permille": self.permille,
        }

    def moved_to(self, corpora: Iterable[Path]) -> Split:
        """Return the split of the same files where they lie now, known by their names.

        Raises:
            CorpusError: a path is missing, or a file was not there before.
        """
        sources = find_sources(path.absolute() for path in corpora)
        known = {(name, path.name): path for name, ps in self.sources.items() for path in ps}
        ends = {}
        for name, paths in sources.items():
            for path in paths:
                before = known.get((name, path.name))
                if before is None:
                    raise CorpusError(f"{path}: the run that goes on has not known this file")
                if before in self.ends:
                    ends[path] = self.ends[before]
        return Split(sources, self.permille, ends, self.valid)

    @classmethod
    def from_json(cls, fields: Any) -> Split:
        """Make the split that :meth:`to_json` described.

        Raises:
            ConfigError: ``fields`` are of no split.
        """
        try:
            return cls(
                {name: list(map(Path, paths)) for name, paths in fields["sources"].items()},
                int(fields["permille"]),
                {Path(path): int(end) for path, end in fields["ends"].items()},
                {name: list(map(Path, paths)) for name, paths in fields["valid"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ConfigError("the checkpoint does not say what the run trained on") from None


def split_corpora(
    corpora: Iterable[Path],
    share: float | None = None,
    valid: Iterable[Path] = (),
) -> Split:
    """Find the files of corpora, and choose what is held out.

    Args:
        corpora: files, folders or shards.
        share: how much to hold out, 0 to ``LARGEST_SHARE``; None for the defaults above.
        valid: files, folders or shards to hold out instead; left out of ``corpora`` where they are
            a part of them.

    Raises:
        CorpusError: a path is missing or a folder empty, or nothing is left to train on.
        ConfigError: the share cannot be, or is given beside files to hold out.
    """
    if share is not None and not 0 <= share <= LARGEST_SHARE:
        raise ConfigError(
            f"the share that is held out must lie between 0 and {LARGEST_SHARE}, not {share:g}"
        )
    apart = find_sources(path.absolute() for path in valid)
    if apart and share is not None:
        raise ConfigError("files to hold out are given; a share of the corpus cannot be, too")
    sources = _without(find_sources(path.absolute() for path in corpora), apart)
    if apart:
        return Split(sources, 0, {}, apart)
    plain = [path for paths in sources.values() for path in paths if not is_shard(path)]
    few = len(plain) < FEW_FILES
    ends = {path: _end_of(path, share) for path in plain} if few else {}
    return Split(sources, round(1000 * (DOCUMENT_SHARE if share is None else share)), ends)


def _end_of(path: Path, share: float | None) -> int:
    """Return the first byte of a file that is held out."""
    size = path.stat().st_size
    if share is None:
        return size - min(LONGEST_END, round(END_SHARE * size))
    return size - round(share * size)


def _without(sources: Sources, apart: Sources) -> dict[str, list[Path]]:
    """Leave out files that are held out."""
    out = {path.resolve() for paths in apart.values() for path in paths}
    left = {
        name: [path for path in paths if path.resolve() not in out]
        for name, paths in sources.items()
    }
    if not any(left.values()):
        raise CorpusError("all files of the corpus are held out: nothing is left to train on")
    return {name: paths for name, paths in left.items() if paths}


def is_held_out(document: bytes, permille: int) -> bool:
    """Say whether a document is held out: its SHA-256 alone decides, wherever it is.

    Args:
        document: its bytes, at most :data:`~.corpus.DOCUMENT`.
        permille: documents in a thousand that are held out.
    """
    return int.from_bytes(hashlib.sha256(document).digest()[:4], "big") % 1000 < permille


def _first_bytes(documents: Iterator[bytes], size: int) -> bytes:
    found = bytearray()
    for document in documents:
        found += document[: size - len(found)]
        if len(found) >= size:
            break
    return bytes(found)


CHOOSING = 6
"""One part in so many of the held-out text chooses the best weights, the first; the rest is kept to
measure what training has gained, so that the choice does not flatter it."""


def choosing_part(split: Split, shares: Mapping[str, float], size: int) -> dict[str, bytes]:
    """Return the held-out text by category that says which weights are best, ``size`` in all."""
    text = split.held_out_text(shares, CHOOSING * size)
    return {name: part for name, whole in text.items() if (part := whole[: _cut(whole)])}


def measuring_part(split: Split, shares: Mapping[str, float], size: int) -> dict[str, bytes]:
    """Return the held-out text by category that no choice depends on; ``size`` as before."""
    text = split.held_out_text(shares, CHOOSING * size)
    return {name: part for name, whole in text.items() if (part := whole[_cut(whole) :])}


def _cut(text: bytes) -> int:
    return -(-len(text) // CHOOSING)

"""Sample lanes of text from corpora, categories mixed by their shares.

About :data:`SHUFFLE_BYTES` bytes a category are decoded at a time. Where sampling stands is a small
JSON object, and a sampler restored from it goes on exactly as before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .corpus import CorpusError, check_shares, cut
from .holdout import Split

SHUFFLE_BYTES = 32 << 20
"""Documents are shuffled within runs of about this many decoded bytes."""

PIECE = 1 << 14
"""Lanes take up documents in pieces of this many bytes, so that none holds a lane for hours."""

CALIBRATION_LANES = 64
CALIBRATION_LENGTH = 1024
"""Lanes of the text that scales are measured on, and bytes of each."""

_DECODER = ThreadPoolExecutor(1)


def _runs(path: Path, split: Split) -> Iterator[list[bytes]]:
    """Yield pieces of a file's training documents in lists of about ``SHUFFLE_BYTES`` bytes."""
    run: list[bytes] = []
    size = 0
    for document in split.training_documents(path):
        run.extend(cut(document, PIECE))
        size += len(document)
        if size >= SHUFFLE_BYTES:
            yield run
            run, size = [], 0
    if run:
        yield run


_Place = tuple[int, int, int]
"""Passes completed, number of the file in this pass's order, number of the run within the file."""


@dataclass
class _Category:
    """An endless stream of a category's pieces, files shuffled each pass and pieces within a run.

    The run after the one being read is decoded meanwhile, so that training need not wait for it.
    """

    name: str
    split: Split
    seed: int
    # The names of these four are in checkpoints.
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
        """Return the next piece; raise :class:`CorpusError` where a whole pass holds none."""
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
            found = bool(first_file or first_run)  # the rest of a pass says nothing about the whole
            key = f"{self.seed}/{self.name}/{epoch}"
            files = self.split.sources[self.name]
            order = random.Random(key).sample(files, len(files))
            for file in range(first_file, len(order)):
                for run, pieces in enumerate(_runs(order[file], self.split)):
                    if run >= first_run:
                        found = True
                        shuffle = random.Random(f"{key}/{file}/{run}")
                        yield (epoch, file, run), shuffle.sample(pieces, len(pieces))
                first_run = 0
            if not found:
                raise CorpusError(f"category {self.name!r} holds no document to train on")
            epoch, first_file = epoch + 1, 0

    def position(self) -> dict[str, int]:
        """Return the fields that a new stream needs to go on from here."""
        return {"epoch": self.epoch, "file": self.file, "run": self.run, "drawn": self.drawn}


def training_text(split: Split, shares: Mapping[str, float]) -> bytes:
    """Return a sample of the text that is trained on, to measure scales of activations with.

    It is ``CALIBRATION_LANES`` stretches of ``CALIBRATION_LENGTH`` bytes, one after the other.
    """
    sampler = Sampler(split, shares, lanes=CALIBRATION_LANES, seed=1)
    return b"".join(sampler.next(CALIBRATION_LENGTH))


class Sampler:
    """Endless lanes of text.

    Each lane reads a piece to its end, then one of the category that is furthest behind its share.

    Args:
        split: the files, and what of them is trained on.
        shares: of the bytes that each category is to have, on any positive scale; a category left
            out of a mapping is not read, and an empty mapping means each category's size on disk.
        lanes: how many.
        seed: of the shuffling.

    Attributes:
        shares: those of the categories that are read, of sum 1.
        served: bytes that each category has had.
        pending: each lane's text that is drawn but not yet read.

    Raises:
        CorpusError: the shares do not fit the sources.
    """

    def __init__(
        self,
        split: Split,
        shares: Mapping[str, float],
        *,
        lanes: int,
        seed: int,
    ) -> None:
        checked = check_shares(split.sources, shares)
        total = sum(checked.values())
        self.shares = {name: share / total for name, share in checked.items()}
        self.served = dict.fromkeys(self.shares, 0)
        self._categories = {name: _Category(name, split, seed) for name in self.shares}
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
        """Go on from where sampling stood.

        Shares other than before are those of the text from here on; what was read before is not
        made up for.

        Args:
            state: what :meth:`state` returned.
            pending: each lane's unread text.

        Raises:
            CorpusError: the categories or the number of lanes are others.
        """
        same = set(state["categories"]) == set(self._categories)
        if not same or len(pending) != len(self.pending):
            raise CorpusError("the checkpoint is of other categories or another number of lanes")
        if state.get("shares") == self.shares:
            self.served = dict(state["served"])
        for name, position in state["categories"].items():
            old = self._categories[name]
            self._categories[name] = _Category(name, old.split, old.seed, **position)
        self.pending = list(pending)

"""Measure what a new model gains on text that was held out, in bytes of real archives."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from nncompress.archive.codec import Progress, no_progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ModelError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits
from nncompress.pipeline.stream import compress_stream, decompress_stream

from .progress import Watcher, size_words


@dataclass(frozen=True)
class Piece:
    """What one piece of held-out text takes.

    Attributes:
        name: its category.
        size: its bytes.
        xz: bytes that ``xz -9e`` makes of it.
        before: bytes of its archive with the base model.
        after: bytes of its archive with the new model.
    """

    name: str
    size: int
    xz: int
    before: int
    after: int


@dataclass(frozen=True)
class Gain:
    """What a new model gains over a base model.

    Attributes:
        base: name of the base model.
        pieces: what each piece of held-out text takes.
        model_size: bytes of the new model's file.
    """

    base: str
    pieces: tuple[Piece, ...]
    model_size: int

    @property
    def total(self) -> Piece:
        """Return the sums over all pieces."""
        columns = [(p.size, p.xz, p.before, p.after) for p in self.pieces]
        return Piece("all", *map(sum, zip(*columns, strict=True)))

    @property
    def paid_after(self) -> int | None:
        """Return the bytes of such data that save as many as the model has; None for never."""
        total = self.total
        saved = total.before - total.after
        return -(-self.model_size * total.size // saved) if saved > 0 else None

    def table(self) -> list[tuple[str, ...]]:
        """Return the heading and a row for each piece, and for all where there are several."""
        pieces = (*self.pieces, self.total) if len(self.pieces) > 1 else self.pieces
        rows = [
            (p.name, *(f"{n:,}" for n in (p.size, p.xz, p.before, p.after)), _change(p))
            for p in pieces
        ]
        return [("held out", "bytes", "xz -9e", self.base, "new model", "change"), *rows]

    def verdict(self) -> str:
        """Say in a sentence whether the new model is worth having, and from when on."""
        if self.paid_after is None:
            return f"It gains nothing over {self.base}: more or other text, or more time, may help."
        return (
            f"It has paid for its own {self.model_size:,} bytes after about "
            f"{size_words(self.paid_after)} of such data."
        )

    def lines(self) -> Iterator[str]:
        """Yield the table and the verdict as lines for a terminal."""
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for name, *numbers in table:
            cells = (text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))
            yield "  ".join((name.ljust(widths[0]), *cells))
        yield self.verdict()


def _change(piece: Piece) -> str:
    return f"{100 * (piece.after / piece.before - 1):+.1f}%"


def measure_gain(
    texts: Mapping[str, bytes], base: str | None, new: Path, threads: int, watcher: Watcher
) -> Gain:
    """Make archives of held-out text with two models, at the default level.

    Args:
        texts: the text by category; none of it is empty.
        base: the model file, or name of an installed one, to compare with; None for the level's.
        new: the new model file.
        threads: how many to use, 0 for one a core.
        watcher: is shown the progress.
    """
    size = sum(map(len, texts.values()))
    before = Coder(CodingOptions(model=base, threads=threads))
    after = Coder(CodingOptions(model=new, threads=threads))
    with watcher.progress("measuring", 2 * size) as progress:
        pieces = tuple(
            Piece(
                name,
                len(text),
                len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)),
                len(_archive(text, before, progress)),
                len(_archive(text, after, progress)),
            )
            for name, text in texts.items()
        )
    name = Path(base).stem if base is not None else "default"
    return Gain(name, pieces, new.stat().st_size)


def check_round_trip(text: bytes, model: Path, threads: int) -> None:
    """Check that text comes back from an archive made with a model.

    Raises:
        ModelError: other bytes come back.
    """
    coder = Coder(CodingOptions(model=model, threads=threads))
    restored = BytesIO()
    archive = BytesIO(_archive(text, coder))
    decompress_stream(archive, restored, coder, Limits(max_output=len(text)))
    if restored.getvalue() != text:
        raise ModelError(f"{model}: an archive made with it does not give back what it was made of")


def _archive(text: bytes, coder: Coder, progress: Progress = no_progress) -> bytes:
    sink = BytesIO()
    compress_stream(BytesIO(text), sink, coder, progress)
    return sink.getvalue()

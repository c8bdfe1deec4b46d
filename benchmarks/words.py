"""Make the list of words of nncompress/transforms/words.py from shards of a corpus.

    python benchmarks/words.py --corpus DIR [--out FILE]

The list is part of the format: after a release it is never made anew.
"""

from __future__ import annotations

import lzma
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from nncompress.transforms import words
from nncompress.transforms.words import LEAST_WORD, ONE_BYTE, WORD_COUNT

SHARDS = (
    "english-00",
    "english-01",
    "wiki_markup-00",
    "wiki_markup-01",
    "wiki_prose-00",
    "wiki_prose-01",
    "code-00",
)

READ = 12_000_000
"""Bytes that are read of each."""

OUTLIERS = 2
"""So many shards, those where a word is most frequent, do not count: they may be full of it."""


def list_words(corpus: Path) -> list[bytes]:
    """Return the words in the order of their codes."""
    counts = [_count(corpus / f"{name}.xz") for name in SHARDS]
    total = {
        word: sum(sorted(count[word] for count in counts)[:-OUTLIERS])
        for word in set().union(*counts)
    }
    common = sorted(word for word, count in total.items() if count)

    def saved(code: int) -> Callable[[bytes], int]:
        return lambda word: -total[word] * (len(word) - code)

    shortest = sorted(common, key=saved(1))[:ONE_BYTE]
    rest = sorted(set(common) - set(shortest), key=lambda word: (saved(2)(word), word))
    pairs = sorted(
        rest[: WORD_COUNT - ONE_BYTE], key=lambda word: (word[0] >= 97, word.lower()[::-1])
    )
    return shortest + pairs


def _count(shard: Path) -> Counter[bytes]:
    with lzma.open(shard) as file:
        return Counter(re.findall(rb"[A-Za-z]{%d,}" % LEAST_WORD, file.read(READ)))


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path, exists=True), required=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(words.__file__).with_suffix(".txt")
)
def main(corpus: Path, out: Path) -> None:
    """Write the list, a word a line."""
    found = list_words(corpus)
    out.write_bytes(b"".join(word + b"\n" for word in found))
    click.echo(f"{len(found)} words, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

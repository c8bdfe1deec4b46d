"""Make the samples that samples.json lists: stretches of a corpus, for ``ratio.py --eval DIR``.

    python benchmarks/samples.py --corpus PATH [--out DIR] [--list FILE]

PATH is the folder of a corpus's xz shards. A sample is some stretches of one unpacked shard, put
together; its kind is the folder that it goes to. Each must have the SHA-256 that the list gives,
or nothing is written of it. Without ``--out`` samples are only checked.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import click

LIST = Path(__file__).parent / "samples.json"

MOST_UNPACKED = 1 << 28
"""Bytes of a shard that are unpacked at most."""

NAME = re.compile(r"[a-z][a-z-]*/[a-z0-9][a-z0-9._-]*")
SHARD = re.compile(r"[a-z0-9_]+-\d+\.xz")


@dataclass(frozen=True)
class Sample:
    """Hold where a sample is cut from.

    Attributes:
        name: its file, as ``folder/file``.
        kind: what kind of data it is.
        holds: which documents, or members of a tar, it consists of.
        shard: the shard's file name.
        ranges: where in the unpacked shard each stretch begins and ends.
        joined_by: what stands between stretches.
        size: how many bytes it has.
        sha256: its digest, in hexadecimal.
    """

    name: str
    kind: str
    holds: str
    shard: str
    ranges: list[list[int]]
    joined_by: str
    size: int
    sha256: str

    @property
    def end(self) -> int:
        """How many bytes of the unpacked shard it needs."""
        return max(stop for _, stop in self.ranges)

    def cut(self, shard: bytes) -> bytes:
        """Return the sample's contents, given the unpacked shard, and see that it is the one."""
        data = self.joined_by.encode().join(shard[start:stop] for start, stop in self.ranges)
        if len(data) != self.size or hashlib.sha256(data).hexdigest() != self.sha256:
            raise click.ClickException(f"{self.name}: {self.shard} holds other data")
        return data


def sample_from(facts: dict[str, Any]) -> Sample:
    """Make a sample of an entry of the list, after checking it."""
    try:
        sample = Sample(**facts)
        inside = all(
            0 <= start < stop <= MOST_UNPACKED
            for start, stop in sample.ranges  # a pair each, or ValueError
        )
        if (
            inside
            and sample.ranges
            and NAME.fullmatch(sample.name)
            and SHARD.fullmatch(sample.shard)
        ):
            return sample
    except (TypeError, ValueError):
        pass
    raise click.ClickException(f"no sample can be made of {json.dumps(facts)[:100]}")


def read_list(path: Path) -> list[Sample]:
    """Return the samples that a file lists, by shard."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))["samples"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{path}: is no list of samples ({error})") from None
    samples = [sample_from(entry) for entry in facts]
    return sorted(samples, key=lambda sample: (sample.shard, sample.name))


def make(samples: list[Sample], corpus: Path) -> Iterator[tuple[Sample, bytes]]:
    """Yield every sample with its contents; no more than one shard is in memory."""
    for shard, group in groupby(samples, key=lambda sample: sample.shard):
        needed = list(group)
        try:
            with lzma.open(corpus / shard) as file:
                data = file.read(max(sample.end for sample in needed))
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise click.ClickException(f"{corpus / shard}: cannot be read ({error})") from None
        for sample in needed:
            yield sample, sample.cut(data)


@click.command()
@click.option(
    "--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="Folder of the shards.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Write the samples to this folder.")
@click.option(
    "--list", "source", type=click.Path(path_type=Path), default=LIST,
    help="What to make, in place of samples.json.",
)  # fmt: skip
def main(corpus: Path, out: Path | None, source: Path) -> None:
    """Make or check the listed samples of a corpus."""
    samples = read_list(source)
    for sample, data in make(samples, corpus):
        if out is not None:
            target = out / sample.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        click.echo(f"{sample.name}: {len(data):,} bytes of {sample.shard}")
    click.echo(f"{len(samples)} samples, {sum(sample.size for sample in samples):,} bytes")


if __name__ == "__main__":
    main()

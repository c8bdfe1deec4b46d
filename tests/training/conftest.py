"""A small corpus and a small network, quick to train."""

from __future__ import annotations

import lzma
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from nncompress.archive.codec import Progress
from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN

WORDS = ["the", "of", "a", "network", "reads", "bytes", "predicts", "next", "in", "lane"]


class Notes:
    """A watcher that notes all it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.entries: list[dict[str, Any]] = []
        self.bars: dict[str, list[int]] = {}

    def say(self, text: str) -> None:
        self.said.append(text)

    def entry(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)

    @contextmanager
    def progress(self, label: str, size: int) -> Iterator[Progress]:
        self.bars[label] = [size, 0]

        def add(done: int, _: int = 0, /) -> None:
            self.bars[label][1] += done

        yield add


def prose(seed: int, words: int) -> bytes:
    source = random.Random(seed)
    return " ".join(source.choice(WORDS) for _ in range(words)).encode()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small only wait for each other's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two shards of one category, one shard of another, 90 documents in all."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number, name in enumerate(("prose-00.xz", "prose-01.xz", "code-00.xz")):
        documents = [prose(100 * number + index, 40 + index) for index in range(30)]
        (folder / name).write_bytes(lzma.compress(b"\0".join(documents)))
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.fixture
def network() -> SHARNN:
    torch.manual_seed(0)
    return SHARNN(SHARNNConfig(dim=16, boom=32, layers=2, attention=(1,), window=24))

"""Workers read a block's literals from a URL themselves, and are sent them where they cannot."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nncompress
from nncompress.archive.copies import CopyRules
from nncompress.archive.writer import BlockSizes, RawBlock
from nncompress.pipeline.spans import NeedsLiterals, Span
from nncompress.pipeline.splitting import RepeatSplitter
from nncompress.pipeline.tasks import EncodeTask
from tests.models import text

fsspec = pytest.importorskip("fsspec", reason="needs nncompress[remote]")

URL = "memory://spans/data"
REPEATED = text(400_000) + random.Random(1).randbytes(9000) + text(400_000) + text(300_000, 2)


def store(data: bytes) -> None:
    fsspec.filesystem("memory").pipe_file("/spans/data", data)


class Elsewhere(Executor):
    """Threads that pass for workers on other machines, and note the tasks that they get."""

    num_workers = 2

    def __init__(self) -> None:
        self.tasks: list[EncodeTask] = []
        self._threads = ThreadPoolExecutor(2)

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Any:
        self.tasks.append(arguments[0])
        return self._threads.submit(work, *arguments, **named)

    @property
    def named(self) -> list[bool]:
        return [isinstance(task.literals, Span) for task in self.tasks]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    executor = Elsewhere()
    yield executor
    executor._threads.shutdown()


def test_tasks_hold_no_bytes_of_a_file_behind_a_url(elsewhere):
    store(REPEATED)
    nncompress.compress_file(URL, URL + ".nnc", level=1, executor=elsewhere, force=True)
    assert elsewhere.named == [True] * len(elsewhere.tasks)
    assert any(len(task.literals.places) for task in elsewhere.tasks)
    with fsspec.open(URL + ".nnc") as file:
        archive = file.read()
    assert archive == nncompress.compress(REPEATED, level=1)
    assert nncompress.decompress(archive, executor=elsewhere) == REPEATED


def test_workers_that_cannot_read_it_are_sent_the_bytes(elsewhere, monkeypatch):
    def lost(span: Span) -> bytes:
        raise NeedsLiterals("no way there")

    monkeypatch.setattr(Span, "read", lost)
    store(REPEATED)
    nncompress.compress_file(URL, URL + ".nnc", level=1, executor=elsewhere, force=True)
    named = elsewhere.named
    # Those in flight had begun; after them no worker is asked to read.
    assert 1 <= sum(named) <= 3
    assert named.count(False) >= sum(named)
    with fsspec.open(URL + ".nnc") as file:
        assert file.read() == nncompress.compress(REPEATED, level=1)


def test_workers_on_this_machine_get_the_bytes(elsewhere):
    store(REPEATED)
    with ThreadPoolExecutor(2) as executor:
        submit, sent = executor.submit, []
        executor.submit = lambda work, task, *more: sent.append(task) or submit(work, task, *more)
        nncompress.compress_file(URL, URL + ".nnc", level=1, executor=executor, force=True)
    assert sent
    assert all(isinstance(task.literals, bytes) for task in sent)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 300)), max_size=12), st.integers(0, 99))
def test_literals_are_read_around_the_copies(pieces, before):
    data = b"".join(random.Random(seed).randbytes(size) for seed, size in pieces)
    store(bytes(before) + data)
    splitter = RepeatSplitter(BlockSizes(500), CopyRules(1 << 16, 32, 32))
    start = before
    for block in [*splitter.push(data), splitter.rest()]:
        assert Span.of(URL, start, block).read() == block.literals
        start += len(block.raw)


@pytest.mark.parametrize("data", [b"other bytes", b"as long as", b""])
def test_other_bytes_are_not_taken(data):
    store(data)
    raw = b"the bytes that were read"
    with pytest.raises(NeedsLiterals, match="other bytes"):
        Span.of(URL, 0, RawBlock(raw, raw)).read()


@pytest.mark.parametrize("url", ["memory://spans/nothing", "nosuch://spans/data"])
def test_what_cannot_be_read_is_said(url):
    with pytest.raises(NeedsLiterals):
        Span.of(url, 0, RawBlock(b"raw", b"raw")).read()

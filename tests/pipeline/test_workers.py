"""Blocks are coded at once, but only as memory allows; what nobody waits for ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.writer import RawBlock
from nncompress.coding.options import CodingOptions
from nncompress.pipeline.coder import Coder
from tests.fakes import ZlibCodec

BLOCK = 1000
BLOCKS = [RawBlock(data := bytes([i]) * BLOCK, data, i == 7) for i in range(8)]


class Counting(ZlibCodec):
    """Takes 100 bytes of memory a byte, and notes how many of it are at work at once."""

    def __init__(self) -> None:
        super().__init__(block_size=BLOCK)
        self.at_work, self.most, self.lock = 0, 0, threading.Lock()

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        return 100 * size

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        with self.lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        time.sleep(0.05)
        with self.lock:
            self.at_work -= 1
        return super().encode(data)


def coder_of(codec: ZlibCodec, **options: int) -> Coder:
    coder = Coder(CodingOptions(**options))
    coder._encoder = coder._decoders[None] = codec
    return coder


@pytest.mark.parametrize(
    ("limit", "most"), [(100 * BLOCK - 1, 1), (100 * BLOCK, 1), (250 * BLOCK, 2), (10**9, 4)]
)
def test_blocks_at_once_stay_within_the_limit_together(limit, most):
    codec = Counting()
    coded = list(coder_of(codec, threads=4, memory_limit=limit).encode(BLOCKS))
    assert [block for block, _ in coded] == BLOCKS
    assert codec.most == most


class Endless(ZlibCodec):
    """Works on its second block until it is told that nobody waits for it."""

    def __init__(self) -> None:
        super().__init__(block_size=BLOCK)
        self.ended = threading.Event()

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        while data == BLOCKS[1].raw:
            time.sleep(0.001)
            try:
                progress(0)
            except Exception:
                self.ended.set()
                raise
        return super().encode(data)


def test_a_block_that_nobody_waits_for_is_given_up():
    codec = Endless()
    coded = coder_of(codec, threads=2).encode(BLOCKS)
    assert next(coded)[0] == BLOCKS[0]
    coded.close()
    assert codec.ended.wait(20)


def test_what_is_done_does_not_wait_for_input():
    more = threading.Event()

    def slow_input() -> Iterator[RawBlock]:
        yield BLOCKS[0]
        more.wait(20)
        yield BLOCKS[7]

    coded = coder_of(ZlibCodec(), threads=3).encode(slow_input())
    assert next(coded)[0] == BLOCKS[0]
    assert not more.is_set()
    more.set()
    assert next(coded)[0] == BLOCKS[7]


def test_an_error_comes_after_the_blocks_before_it():
    def broken_input() -> Iterator[RawBlock]:
        yield from BLOCKS[:3]
        raise OSError("no more")

    coded = coder_of(ZlibCodec(), threads=2).encode(broken_input())
    assert [next(coded)[0] for _ in range(3)] == BLOCKS[:3]
    with pytest.raises(OSError, match="no more"):
        next(coded)

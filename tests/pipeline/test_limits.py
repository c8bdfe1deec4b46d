"""The memory limit counts what a codec says it needs."""

from __future__ import annotations

import pytest

from nncompress.archive.copies import CopyRules
from nncompress.errors import MemoryLimitError
from nncompress.pipeline.incremental import Compressor, Decompressor
from nncompress.pipeline.limits import LimitedCodec
from tests.fakes import ZlibCodec


class Hungry(ZlibCodec):
    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        return 100 * size


def test_decoding_stops_before_memory_is_taken():
    compressor = Compressor(ZlibCodec())
    archive = compressor.compress(b"word " * 200) + compressor.flush()
    enough = Decompressor(lambda model_id: LimitedCodec(Hungry(), 100_000))
    assert enough.decompress(archive) == b"word " * 200
    with pytest.raises(MemoryLimitError) as caught:
        Decompressor(lambda model_id: LimitedCodec(Hungry(), 99_999)).decompress(archive)
    assert caught.value.needed == 100_000


def test_encoding_takes_smaller_blocks_to_fit():
    assert LimitedCodec(Hungry(block_size=1 << 20), 200 << 20).block_size == 1 << 20
    limited = LimitedCodec(Hungry(block_size=1 << 20), 30 << 20)
    assert (limited.block_size, limited.stores_all) == (1 << 18, False)
    assert LimitedCodec(Hungry(block_size=1 << 20), 1000).stores_all


def test_encoding_stores_what_would_need_too_much():
    data = b"word " * 200
    compressor = Compressor(LimitedCodec(Hungry(), 99_999))
    stored = compressor.compress(data) + compressor.flush()
    assert data in stored


def test_repeats_are_sought_in_what_the_blocks_leave():
    rules = CopyRules(1 << 30, 64, 1024)

    def window(limit: int) -> int:
        return LimitedCodec(Hungry(None, 1 << 20, rules), limit).copy_rules.window

    assert window(1 << 40) == 1 << 30
    assert window(1 << 30) == 1 << 27
    assert 0 < window(110 << 20) < 10 << 20
    assert window(100 << 20) == 0

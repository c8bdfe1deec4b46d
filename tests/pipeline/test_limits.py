"""The memory limit counts what a codec says it needs."""

from __future__ import annotations

import io
import logging

import pytest

import nncompress
from nncompress.archive.copies import CopyRules
from nncompress.archive.format import Method
from nncompress.coding.opening import open_block_coder
from nncompress.coding.options import CodingOptions
from nncompress.errors import MemoryLimitError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.incremental import Compressor, Decompressor
from nncompress.pipeline.limits import LimitedCodec, needed_to_encode, needed_to_find
from nncompress.pipeline.stream import compress_stream
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
    assert (limited.block_size, limited.fits) == (1 << 18, True)
    assert not LimitedCodec(Hungry(block_size=1 << 20), 1000).fits


def test_a_block_that_needs_too_much_is_an_error():
    compressor = Compressor(LimitedCodec(Hungry(), 99_999))
    compressor.compress(b"word " * 200)
    with pytest.raises(MemoryLimitError) as caught:
        compressor.flush()
    assert (caught.value.limit, caught.value.needed) == (99_999, 100_000)


class Levels(ZlibCodec):
    """Each level takes a MiB more than the one below, for the smallest block too."""

    def __init__(self, options: CodingOptions) -> None:
        super().__init__(None, 1 << 22)
        self.level = options.level or 6

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        return (self.level << 20) + 2 * size


@pytest.fixture
def told(monkeypatch, caplog):
    """What is logged while codecs are those of ``Levels``."""
    monkeypatch.setattr("nncompress.pipeline.coder._open_codec", Levels)
    with caplog.at_level(logging.WARNING, "nncompress"):
        yield caplog


def coded(data: bytes, limit: int | None, **options) -> bytes:
    """Compress under a limit, and show that the archive opens."""
    sink = io.BytesIO()
    compress_stream(io.BytesIO(data), sink, coder_of(limit, **options))
    assert nncompress.decompress(sink.getvalue()) == data
    return sink.getvalue()


def coder_of(limit: int | None, adjust: bool = True, **options) -> Coder:
    return Coder(CodingOptions(memory_limit=limit, **options), adjust=adjust)


@pytest.mark.parametrize("limit", [100 << 20, 300 << 20, None])
def test_as_many_blocks_are_coded_at_once_as_fit(limit):
    coder, size = coder_of(limit, level=1, threads=7), 1 << 16
    needed, window = needed_to_encode(coder.encoder, size), coder.encoder.copy_rules.window
    found = coder.at_once(size)
    if limit is None:
        assert found == 7
    else:
        assert found * needed + needed_to_find(window) <= limit
        assert found == 7 or (found + 1) * needed + needed_to_find(window) > limit


TEXT = b"word " * 50_000


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (None, []),
        (100 << 20, []),
        (8 << 20, ["blocks of 1M instead of 4M"]),
        (9 << 19, ["level 4 instead of 6", "blocks of 256K instead of 4M"]),
        (5 << 18, ["level 1 instead of 6", "blocks of 128K instead of 4M"]),
    ],
)
def test_a_limit_takes_smaller_blocks_then_a_lower_level_and_says_so(told, limit, words):
    assert len(coded(TEXT, limit)) < len(TEXT) // 20  # and stores nothing
    assert [record.levelname for record in told.records] == ["WARNING"][: len(words)]
    for word in words:
        assert word in told.text


def test_a_limit_below_the_lowest_level_is_an_error_that_says_what_it_takes(told):
    with pytest.raises(MemoryLimitError, match=r"level 1 takes 2M .* the limit is 1M") as caught:
        coded(TEXT, 1 << 20)
    assert caught.value.needed == (1 << 20) + 2 * (1 << 16)


def test_nothing_is_adjusted_where_that_is_not_wanted(told):
    for limit in (8 << 20, 9 << 19):
        with pytest.raises(MemoryLimitError, match=r"level 6 takes 14M") as caught:
            coded(TEXT, limit, adjust=False)
        assert caught.value.needed == (6 << 20) + 2 * (1 << 22)
    assert coded(TEXT, 14 << 20, adjust=False)
    assert told.text == ""


def test_the_limit_counts_the_hungriest_of_the_methods_that_are_tried():
    class Uneven(ZlibCodec):
        def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
            return size * (5 if method == Method.MIXING else 2)

    assert needed_to_encode(Uneven(bytes(16)), 100) == 500


def test_the_lowest_level_that_is_named_is_what_it_takes():
    codec = open_block_coder(CodingOptions(level=1))
    with pytest.raises(MemoryLimitError) as caught:
        nncompress.compress(TEXT, level=6, memory_limit=1 << 20)
    assert caught.value.needed == needed_to_encode(codec, 1 << 16)
    assert nncompress.compress(TEXT, level=1, memory_limit=caught.value.needed)


def test_repeats_are_sought_in_what_the_blocks_leave():
    rules = CopyRules(1 << 30, 64, 1024)

    def window(limit: int) -> int:
        return LimitedCodec(Hungry(None, 1 << 20, rules), limit).copy_rules.window

    assert window(1 << 40) == 1 << 30
    assert window(1 << 30) == 1 << 27
    assert 0 < window(110 << 20) < 10 << 20
    assert window(100 << 20) == 0

"""A memory limit holds for what a payload asks for, not for what an encoder would have used."""

from __future__ import annotations

import tracemalloc

import pytest

from nncompress.archive.format import Method
from nncompress.archive.writer import MemberWriter, RawBlock
from nncompress.coding.block import BlockCoder
from nncompress.errors import ArchiveError, MemoryLimitError
from nncompress.pipeline.incremental import Decompressor
from nncompress.pipeline.limits import LimitedCodec
from tests.models import model

SIZE = 1 << 17
LANES_BITS = 12
PROFILE = {Method.NETWORK: 0, Method.NETWORK_MIXING: 0, Method.MIXING: 12}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return model(tmp_path_factory.mktemp("models"))


def forged(codec: BlockCoder, method: Method) -> tuple[bytes, bytes]:
    """An archive whose one block names the most lanes there can be, and its payload."""
    payload = bytes([PROFILE[method] << 4 | LANES_BITS]) + bytes(range(200))
    block = RawBlock(bytes(SIZE), bytes(SIZE), last=True)
    return MemberWriter(codec.model_id).block(block, method, payload), payload


@pytest.mark.parametrize("method", PROFILE)
def test_lanes_in_a_payload_count_against_the_limit(tiny, method):
    codec = BlockCoder(tiny, threads=1)
    archive, payload = forged(codec, method)
    encoder, needed = codec.memory(method, SIZE), codec.memory(method, SIZE, payload)
    assert encoder < needed
    limited = LimitedCodec(codec, needed - 1)
    with pytest.raises(ArchiveError):  # loads what is loaded on first use
        codec.decode(method, payload[:1] + bytes(40), SIZE)
    tracemalloc.start()
    try:
        with pytest.raises(MemoryLimitError) as refusal:
            Decompressor(lambda model_id: limited).decompress(archive)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20  # before it is taken
        tracemalloc.reset_peak()
        with pytest.raises(ArchiveError):  # allowed, but its contents are forged, too
            Decompressor(lambda model_id: LimitedCodec(codec, needed)).decompress(archive)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refusal.value.needed == needed
    assert peak <= needed


@pytest.mark.parametrize("first", [15, 7 << 4])
def test_what_no_payload_can_say_is_no_matter_of_memory(tiny, first):
    codec = BlockCoder(tiny, threads=1)
    with pytest.raises(ArchiveError):
        codec.memory(Method.NETWORK_MIXING, SIZE, bytes([first, 0]))

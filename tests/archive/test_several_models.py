"""Blocks of several models in one archive, and models that an archive carries."""

from __future__ import annotations

import io
import random
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.archive.access import read_map
from nncompress.archive.codec import CodecSource, ReadModel
from nncompress.archive.embedded import MAX_MODEL_FILE, MOST_KEPT, model_member, unpack_model
from nncompress.archive.format import BlockHeader, Header, LiteralsHeader, Method
from nncompress.archive.packing import DEFLATED
from nncompress.archive.recover import recover
from nncompress.errors import (
    ArchiveError,
    ConfigError,
    DamagedArchiveError,
    MemoryLimitError,
    ModelNotFoundError,
)
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Compressor, Decompressor
from nncompress.pipeline.limits import Limits
from tests.fakes import ZlibCodec
from tests.pipeline.test_streams import contents, pack, pieces

IDS = [bytes([number]) * 16 for number in (3, 77, 200)]


class Keyed(ZlibCodec):
    """A codec whose bytes only its own model makes right."""

    def encode(self, data, progress=None, *, alone=False):
        return super().encode(bytes(byte ^ self.model_id[0] for byte in data))

    def decode(self, method, payload, size, progress=None):
        return bytes(byte ^ self.model_id[0] for byte in super().decode(method, payload, size))


class Several(Keyed):
    """Chooses a model by a block's first byte."""

    def choose(self, data: bytes) -> Keyed:
        return Keyed(IDS[data[0] % len(IDS)], self.block_size)


def with_models(*models: bytes) -> CodecSource:
    """A source that has these models and no others."""

    def source(model_id: bytes | None, embedded: ReadModel | None = None) -> ZlibCodec:
        if model_id is None:
            return ZlibCodec()
        if model_id in models:
            return Keyed(model_id)
        if embedded is not None:
            assert embedded() == file_of(model_id)
            return Keyed(model_id)
        raise ModelNotFoundError("not here", wanted=model_id.hex())

    return source


def file_of(model_id: bytes) -> bytes:
    return b"a model file " + model_id * 20


def packed(data: bytes, block_size: int, embedded: bytes | None = None) -> bytes:
    codec = Several(IDS[0], block_size) if embedded is None else Keyed(embedded, block_size)
    codec.embedded = embedded and model_member(embedded, file_of(embedded))
    compressor = Compressor(codec)
    return compressor.compress(data) + compressor.flush()


def in_order(archive: bytes, source: CodecSource, step: int = 1 << 20) -> bytes:
    decompressor = Decompressor(source)
    parts = [archive[at : at + step] for at in range(0, len(archive), step)]
    data = b"".join(map(decompressor.decompress, parts))
    decompressor.close()
    return data


def anywhere(archive: bytes, source: CodecSource) -> bytes:
    return io.BufferedReader(BlockReader(io.BytesIO(archive), source)).read()


def recovered(archive: bytes, source: CodecSource) -> bytes:
    found = recover(io.BytesIO(archive), source)
    return b"".join(s.data if s.data is not None else bytes(s.size) for s in found)


READERS = pytest.mark.parametrize("read", [in_order, anywhere, recovered])
Read = Callable[[bytes, CodecSource], bytes]

TEXT = b"".join(b"line %d of the text\n" % number for number in range(200))


@given(contents, st.integers(8, 400), st.lists(st.integers(0, 9999), max_size=3))
def test_blocks_of_several_models_come_back(data, block_size, cuts):
    archive = packed(data, block_size)
    compressor = Compressor(Several(IDS[0], block_size))
    streamed = b"".join(map(compressor.compress, pieces(data, cuts))) + compressor.flush()
    assert streamed == archive
    for read in (in_order, anywhere, recovered):
        assert read(archive, with_models(*IDS)) == data
    assert in_order(archive, with_models(*IDS), 7) == data


def test_one_block_names_its_model_in_the_header_alone():
    for first in b"abc":
        data = bytes([first]) * 500
        archive = packed(data, 1000)
        used = IDS[first % 3]
        assert archive[4:20] == used
        assert archive.count(used) == 1
        assert in_order(archive, with_models(used)) == data


@READERS
def test_each_block_asks_for_its_own_model(read: Read):
    data = b"a" * 300 + b"b" * 300 + b"c" * 300
    archive = packed(data, 300)
    used = [IDS[first % 3] for first in b"abc"]
    assert read(archive, with_models(*used)) == data
    for gone in range(3):
        source = with_models(*(model for model in used if model != used[gone]))
        if read is not recovered:
            with pytest.raises(ModelNotFoundError) as missing:
                read(archive, source)
            assert missing.value.wanted == used[gone].hex()
        else:
            lost = b"".join(
                bytes(300) if at == gone else bytes([first]) * 300
                for at, first in enumerate(b"abc")
            )
            assert read(archive, source) == lost


def test_recovery_says_which_model_is_missing():
    archive = packed(b"a" * 300 + b"b" * 300, 300)
    errors = [s.error for s in recover(io.BytesIO(archive), with_models(IDS[ord("a") % 3]))]
    assert errors[0] is None
    assert isinstance(errors[1], ModelNotFoundError)


def test_blocks_find_their_model_where_the_header_is_lost():
    data = b"a" * 300 + b"b" * 300 + b"c" * 300
    archive = b"?" + packed(data, 300)[1:-3]
    assert recovered(archive, with_models(*IDS)) == bytes(300) + data[300:]


@pytest.mark.parametrize("literals", [None, LiteralsHeader(100, 0, 4, 7)])
def test_stored_and_mixed_blocks_cannot_name_a_model(literals):
    header = Header(IDS[0], 1 << 20)
    for method in (Method.STORED, Method.MIXING):
        size = 100 if method is Method.STORED else 40
        block = BlockHeader(method, 200, size + 4, 5, True, 0, literals, IDS[1])
        with pytest.raises(ArchiveError):
            in_order(header.pack() + block.pack(header) + bytes(size + 4), with_models(*IDS))


@READERS
@pytest.mark.parametrize("block_size", [1 << 20, 500])
def test_an_archive_with_its_model_opens_without_it(read: Read, block_size):
    archive = packed(TEXT, block_size, IDS[1])
    assert read(archive, with_models()) == TEXT
    assert len(archive) < len(packed(TEXT, block_size)) + 200


@READERS
def test_joined_archives_carry_their_models(read: Read):
    archive = b"".join(packed(TEXT[at:], 900, model) for at, model in enumerate(IDS))
    joined = archive + packed(TEXT, 1000, IDS[0]) + pack(b"end" * 40)
    assert read(joined, with_models()) == TEXT + TEXT[1:] + TEXT[2:] + TEXT + b"end" * 40


@READERS
def test_a_model_serves_later_members_as_long_as_few_others_follow(read: Read):
    carried, *archive = packed(TEXT, 900, IDS[0]), packed(TEXT, 900, IDS[0])
    plain = archive[0][len(model_member(IDS[0], file_of(IDS[0]))) :]
    others = [bytes([9, number] * 8) for number in range(MOST_KEPT)]
    between = [model_member(model, file_of(model)) for model in others]
    assert read(carried + b"".join(between[1:]) + plain, with_models()) == 2 * TEXT
    if read is not recovered:
        with pytest.raises(ModelNotFoundError):
            read(carried + b"".join(between) + plain, with_models())


@READERS
def test_damage_of_a_carried_model_costs_its_blocks_alone(read: Read):
    carried = bytearray(packed(TEXT, 900, IDS[0]))
    carried[30] ^= 1
    archive = bytes(carried) + pack(b"more" * 40)
    if read is not recovered:
        with pytest.raises(DamagedArchiveError):
            read(archive, with_models())
    else:
        assert read(archive, with_models()) == bytes(len(TEXT)) + b"more" * 40
        assert read(archive, with_models(IDS[0])) == TEXT + b"more" * 40


def test_models_behind_damage_are_found():
    archive = bytearray(packed(TEXT, 900, IDS[0]) + packed(TEXT, 900, IDS[1]))
    first = len(model_member(IDS[0], file_of(IDS[0])))
    archive[first + 22] ^= 1
    assert recovered(bytes(archive), with_models()).endswith(TEXT)


def test_no_model_is_carried_where_no_block_can_need_it():
    noise = random.Random(0).randbytes(300)
    assert packed(noise, 1000, IDS[0]) == packed(noise, 1000)


def test_models_that_are_too_large_are_refused():
    assert len(model_member(IDS[0], random.Random(1).randbytes(MAX_MODEL_FILE))) > MAX_MODEL_FILE
    with pytest.raises(ConfigError, match="too large"):
        model_member(IDS[0], bytes(MAX_MODEL_FILE + 1))


def test_a_small_payload_cannot_unpack_to_much():
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = bytes([DEFLATED]) + packer.compress(bytes(1 << 28)) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(DamagedArchiveError, match="too much"):
            unpack_model(bomb, zlib.crc32(bomb))
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_MODEL_FILE
    finally:
        tracemalloc.stop()


def test_a_memory_limit_holds_for_carried_models():
    archive = packed(TEXT, 900, IDS[0])
    with pytest.raises(MemoryLimitError):
        Decompressor(with_models(), Limits(max_block=20)).decompress(archive)


def test_a_member_with_a_model_has_no_contents_and_no_other_block():
    header = Header(IDS[0])
    payload = b"\0model"
    crc = zlib.crc32(payload)
    good = BlockHeader(Method.MODEL, 0, len(payload), crc, True, 0)
    assert in_order(header.pack() + good.pack(header) + payload, with_models()) == b""
    bad = [
        (header, BlockHeader(Method.MODEL, 9, len(payload), crc, True, 0)),
        (header, BlockHeader(Method.MODEL, 0, len(payload), crc, False, 0)),
        (header, BlockHeader(Method.MODEL, 0, 0, 0, True, 0)),
        (header, BlockHeader(Method.MODEL, 0, len(payload), crc, True, 0, None, IDS[1])),
        (Header(), good),
        (Header(IDS[0], 1 << 20), good),
    ]
    for member, block in bad:
        with pytest.raises(ArchiveError):
            in_order(member.pack() + block.pack(member) + payload, with_models())


@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_any_changed_byte_gives_an_error_or_the_contents(place, change, embed):
    archive = bytearray(packed(TEXT[:900], 200, IDS[0] if embed else None))
    archive[place % len(archive)] ^= change
    source = with_models() if embed else with_models(*IDS)
    for read in (in_order, anywhere):
        with suppress(ArchiveError, ModelNotFoundError):
            assert read(bytes(archive), source) == TEXT[:900]
    read_map(io.BytesIO(archive))
    recovered(bytes(archive), source)

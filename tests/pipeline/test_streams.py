"""Round trips through the archive layer, with a fake codec."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.archive.codec import StoredCodec
from nncompress.archive.format import MAX_BLOCK_SIZE
from nncompress.errors import (
    ArchiveError,
    ConfigError,
    DamagedArchiveError,
    MemoryLimitError,
    NotAnArchiveError,
    OutputLimitError,
    TruncatedArchiveError,
    UnsupportedArchiveError,
)
from nncompress.pipeline.incremental import Compressor, Decompressor
from nncompress.pipeline.limits import Limits
from tests.fakes import MODEL_ID, ZlibCodec, source

MIXED = [b"", b"a", bytes(range(256)), b"ab" * 700, os.urandom(900), b"\0" * 3000]
contents = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from([b"abc" * 40, b"\0" * 99, bytes(range(256))]), max_size=9).map(
        b"".join
    ),
)


def pack(data: bytes, model_id: bytes | None = None, block_size: int = 1 << 20) -> bytes:
    compressor = Compressor(ZlibCodec(model_id, block_size))
    return compressor.compress(data) + compressor.flush()


def unpack(archive: bytes, **limits: int) -> bytes:
    decompressor = Decompressor(source, Limits(**limits))
    data = decompressor.decompress(archive)
    decompressor.close()
    return data


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds)]


@given(
    contents,
    st.integers(1, 400),
    st.sampled_from([None, MODEL_ID]),
    st.lists(st.integers(0, 9999)),
    st.sampled_from([1, 2, 5]),
)
def test_any_chunking_gives_the_same_archive_and_the_same_bytes(
    data, block_size, model_id, cuts, at_once
):
    archive = pack(data, model_id, block_size)
    compressor = Compressor(ZlibCodec(model_id, block_size), at_once=at_once)
    streamed = b"".join([compressor.compress(piece) for piece in pieces(data, cuts)])
    assert streamed + compressor.flush() == archive

    decompressor = Decompressor(source)
    restored = b"".join([decompressor.decompress(piece) for piece in pieces(archive, cuts)])
    assert restored == data
    assert decompressor.eof
    decompressor.close()


@given(st.lists(st.tuples(contents, st.integers(1, 400)), min_size=1, max_size=4))
def test_joined_archives_decode_as_one(parts):
    archive = b"".join(pack(data, block_size=size) for data, size in parts)
    assert unpack(archive) == b"".join(data for data, _ in parts)


@pytest.mark.parametrize("model_id", [None, MODEL_ID])
@pytest.mark.parametrize("data", MIXED)
def test_overhead_of_one_block_is_at_most_32_bytes(data, model_id):
    archive = pack(data, model_id)
    _, payload = ZlibCodec().encode(data)
    assert len(archive) <= 32 + min(len(payload), len(data))


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 17])
def test_incompressible_data_grows_by_at_most_32_bytes_and_a_ten_thousandth(size):
    archive = pack(os.urandom(size), MODEL_ID)
    assert len(archive) <= size + 32 + size / 10_000


@pytest.mark.parametrize("more", [0, 1, 5])  # the last two have longer fields for sizes
def test_largest_block_header_fits(more):
    data = os.urandom(2**24 - 100) + bytes(99 + more)
    archive = pack(data, MODEL_ID, block_size=MAX_BLOCK_SIZE)
    assert len(archive) - len(ZlibCodec().encode(data)[1]) <= 32 + len(data) // 10**6
    assert unpack(archive) == data


def test_stored_file_names_no_model():
    assert MODEL_ID not in pack(os.urandom(500), MODEL_ID)
    assert MODEL_ID in pack(b"text " * 100, MODEL_ID)


def every_cut(archive: bytes) -> range:
    return range(len(archive))


@pytest.mark.parametrize("block_size", [1 << 20, 700])
def test_cut_off_archive_gives_a_prefix_and_an_error(block_size):
    data = b"some text, some more text; " * 100
    archive = pack(data, MODEL_ID, block_size)
    longest = 0
    for cut in every_cut(archive):
        decompressor = Decompressor(source)
        part = decompressor.decompress(archive[:cut])
        assert data.startswith(part)
        longest = max(longest, len(part))
        with pytest.raises(TruncatedArchiveError):
            decompressor.close()
    if block_size == 700:
        assert longest == len(data)  # only the index was missing


@pytest.mark.parametrize("data", MIXED)
@pytest.mark.parametrize("block_size", [1 << 20, 300])
def test_no_flipped_bit_gives_wrong_bytes(data, block_size):
    archive = pack(data, MODEL_ID, block_size)
    for position in range(len(archive)):
        flipped = bytearray(archive)
        flipped[position] ^= 1 << position % 8
        try:
            restored = unpack(bytes(flipped))
        except ArchiveError:
            continue
        assert restored == data  # deflate has bits that do not matter


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=60))
def test_foreign_bytes_are_refused(start, rest):
    data = start + rest
    with pytest.raises(ArchiveError):
        unpack(data)


@given(st.data())
def test_splices_never_give_wrong_bytes(draw):
    first = b"the first contents " * 60
    archives = [pack(first, MODEL_ID, 250), pack(b"other, second contents " * 50, MODEL_ID, 250)]
    one, two = (draw.draw(st.sampled_from(archives)) for _ in range(2))
    a, b, c = (draw.draw(st.integers(0, 600)) for _ in range(3))
    spliced = one[:a] + two[b : b + c] + one[a + c :]
    try:
        result = unpack(spliced)
    except ArchiveError:
        return
    known = [unpack(one), unpack(two)]
    allowed = [
        *known,
        *(x + y for x in known for y in known),
        *(x + y + z for x in known for y in known for z in known),
    ]
    assert result in allowed


def test_errors_say_what_kind_of_fault_it_is():
    archive = pack(b"text " * 100, MODEL_ID)
    with pytest.raises(NotAnArchiveError, match="not an nncompress archive"):
        unpack(b"PK\3\4 something else")
    with pytest.raises(TruncatedArchiveError, match="empty"):
        unpack(b"")
    with pytest.raises(UnsupportedArchiveError, match="version 2"):
        unpack(archive[:3] + b"\x02" + archive[4:])
    with pytest.raises(DamagedArchiveError, match="after the end"):
        unpack(archive + b"tail")
    with pytest.raises(DamagedArchiveError) as caught:
        unpack(archive + archive[:-1] + bytes([archive[-1] ^ 1]))
    assert caught.value.offset == len(archive)


def test_blocks_need_a_codec_only_when_not_stored():
    stored = Compressor(StoredCodec(100))
    archive = stored.compress(b"x" * 1000) + stored.flush()
    decompressor = Decompressor(lambda model_id: StoredCodec())
    assert decompressor.decompress(archive) == b"x" * 1000
    with pytest.raises(UnsupportedArchiveError):
        Decompressor(lambda model_id: StoredCodec()).decompress(pack(b"x" * 1000))


def test_limits_hold_before_anything_is_decoded():
    archive = pack(b"z" * 100_000, block_size=30_000)
    assert unpack(archive, max_output=100_000, max_block=60_000) == b"z" * 100_000
    with pytest.raises(OutputLimitError) as caught:
        unpack(archive, max_output=99_999)
    assert caught.value.limit == 99_999
    with pytest.raises(MemoryLimitError):
        unpack(archive, max_block=20_000)


def test_output_comes_as_blocks_fill():
    compressor = Compressor(ZlibCodec(block_size=100))
    assert compressor.compress(b"a" * 100) == b""
    first = compressor.compress(b"b")
    assert Decompressor(source).decompress(first) == b"a" * 100


class Held(ZlibCodec):
    """Codes no block before it is released."""

    def __init__(self) -> None:
        super().__init__(block_size=1000)
        self.released, self.begun = threading.Event(), threading.Semaphore(0)

    def encode(self, data, *options, **more):
        self.begun.release()
        assert self.released.wait(60)
        return super().encode(data, *options, **more)


def test_blocks_are_coded_at_once_while_more_is_taken():
    codec, data = Held(), os.urandom(4500)
    compressor = Compressor(codec, at_once=3)
    assert compressor.compress(data[:3500]) == b""  # three blocks, of which none can be ready
    for _ in range(3):
        assert codec.begun.acquire(timeout=60)
    with ThreadPoolExecutor(1) as executor:
        rest = executor.submit(compressor.compress, data[3500:])  # the fourth waits for the first
        assert not wait([rest], 0.1).done
        codec.released.set()
        assert rest.result(60) + compressor.flush() == pack(data, block_size=1000)


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_only_the_one_block_of_an_archive_is_alone(blocks, at_once):
    class Noting(ZlibCodec):
        def encode(self, data, *options, alone, **more):
            alone_ones.append(alone)
            return super().encode(data, *options, **more)

    alone_ones: list[bool] = []
    compressor = Compressor(Noting(block_size=1000), at_once=at_once)
    compressor.compress(bytes(1000 * blocks))
    compressor.flush()
    assert alone_ones == [blocks == 1] * blocks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_can_go_on_with_an_archive():
    codec, data = Held(), os.urandom(4500)
    compressor = Compressor(codec, at_once=3)
    start = compressor.compress(data[:3500])
    assert codec.begun.acquire(timeout=60)
    child = os.fork()
    if child == 0:
        codec.released.set()
        archive = start + compressor.compress(data[3500:]) + compressor.flush()
        os._exit(archive != pack(data, block_size=1000))
    assert os.waitpid(child, 0)[1] == 0
    codec.released.set()


def test_an_error_while_others_are_coded_is_told():
    class Failing(ZlibCodec):
        def encode(self, data, *options, **more):
            if b"bad" in data:
                raise ConfigError("a bad block")
            return super().encode(data, *options, **more)

    compressor = Compressor(Failing(block_size=1000), at_once=4)
    data = bytes(1500) + b"bad" + bytes(1500)
    with pytest.raises(ConfigError, match="a bad block"):
        b"".join((compressor.compress(data), compressor.flush()))
    with pytest.raises(ConfigError, match="a bad block"):
        compressor.flush()


@pytest.mark.parametrize("size", [0, -1, MAX_BLOCK_SIZE + 1])
def test_impossible_block_sizes_are_refused(size):
    with pytest.raises(ConfigError):
        Compressor(ZlibCodec(block_size=size))


def test_a_flushed_compressor_takes_no_more():
    compressor = Compressor(ZlibCodec())
    compressor.flush()
    with pytest.raises(ValueError, match="flushed"):
        compressor.compress(b"more")


class Interrupted(ZlibCodec):
    """Is interrupted in blocks of these numbers."""

    def __init__(self, *numbers: int) -> None:
        super().__init__(MODEL_ID, 700)
        self.numbers, self.calls = numbers, 0

    def encode(self, data, *options, **more):
        self.calls += 1
        if self.calls in self.numbers:
            raise KeyboardInterrupt
        return super().encode(data, *options, **more)


@pytest.mark.parametrize("numbers", [(1,), (2, 3), (5,), (1, 3, 5, 7, 8)])
@pytest.mark.parametrize("size", [300, 4000])
@pytest.mark.parametrize("at_once", [1, 2, 20])
def test_an_interrupted_compressor_goes_on_where_it_was(numbers, size, at_once):
    data = os.urandom(100).hex().encode() * (size // 100)
    compressor = Compressor(Interrupted(*numbers), at_once=at_once)
    out = b""

    def retry(code, *data):
        nonlocal out
        try:
            out += code(*data)
        except KeyboardInterrupt:
            assert compressor.resumable
            retry(code, *(b"" for _ in data))

    for piece in pieces(data, [1000, 1100, 3000]):
        retry(compressor.compress, piece)
    retry(compressor.flush)
    assert out == pack(data, MODEL_ID, 700)
    for use in (lambda: compressor.compress(b"more"), compressor.flush):
        with pytest.raises(ValueError, match="flushed"):
            use()

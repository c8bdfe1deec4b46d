"""Blocks: what goes in comes out, and how it is computed makes no difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.archive.codec import StoredCodec
from nncompress.archive.format import Method
from nncompress.coding.block import BlockCoder
from nncompress.coding.levels import LEVELS, Level
from nncompress.coding.loop import decode, encode
from nncompress.coding.network_predictor import NetworkPredictor
from nncompress.coding.opening import open_block_coder
from nncompress.coding.options import CodingOptions
from nncompress.coding.rangecoder import BitDecoder, BitEncoder
from nncompress.errors import ConfigError, DamagedArchiveError
from nncompress.exact.engine import Network
from nncompress.lanes import Layout, read_layout
from nncompress.pipeline.incremental import Compressor, Decompressor
from tests.models import DEEP, model, parameters, text

METHODS = ("network", "network+mixing", "mixing")
MANY_LANES = Level(network=True, max_lanes_bits=6, bytes_per_lane=8)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return model(tmp_path_factory.mktemp("models"))


@given(st.integers(1, 300), st.integers(0, 8))
def test_layouts_cut_and_join(size, bits):
    layout = Layout(size, 1 << bits)
    data = bytes(i % 251 for i in range(size))
    table = layout.cut(data)
    assert table.shape == (layout.steps, layout.lanes)
    assert layout.join(table) == data
    assert sum(layout.active(step) for step in range(layout.steps)) == size


@pytest.mark.parametrize(
    ("lanes", "groups"), [(1, 1), (8, 1), (16, 2), (32, 2), (64, 4), (128, 4), (256, 8)]
)
def test_layouts_split_into_equal_groups_when_there_are_enough_lanes(lanes, groups):
    layout = Layout(1000, lanes)
    size = lanes // groups
    assert layout.groups() == [(i * size, (i + 1) * size) for i in range(groups)]


@pytest.mark.parametrize(("size", "bits"), [(10, 4), (1 << 20, 13), (0, 1)])
def test_impossible_layouts_are_damage(size, bits):
    with pytest.raises(DamagedArchiveError):
        read_layout(size, bits, network=True)


@given(st.integers(0, 2**32), st.lists(st.integers(1, 70), max_size=12))
def test_range_coder_returns_its_bits_in_any_portions(seed, portions):
    generator = np.random.default_rng(seed)
    total = sum(portions)
    ones = generator.integers(1, 1 << 16, total) / (1 << 16)
    bits = (generator.random(total) < ones).astype(np.int32)
    encoder = BitEncoder()
    encoder.encode(bits, ones)
    decoder, start = BitDecoder(encoder.finish()), 0
    for portion in portions:
        stop = start + portion
        assert np.array_equal(decoder.decode(ones[start:stop]), bits[start:stop])
        start = stop


def test_range_coder_comes_close_to_the_ideal_length():
    generator = np.random.default_rng(1)
    ones = generator.integers(1, 1 << 16, 50_000) / (1 << 16)
    bits = (generator.random(50_000) < ones).astype(np.int32)
    encoder = BitEncoder()
    encoder.encode(bits, ones)
    ideal = -np.log2(np.where(bits == 1, ones, 1 - ones)).sum() / 8
    assert ideal <= len(encoder.finish()) <= ideal * 1.0005 + 8


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1, 2, 31, 300, 2000])
def test_blocks_come_back(tiny, method, size):
    for data in (text(size), bytes(size), np.random.default_rng(0).bytes(size)):
        codec = BlockCoder(tiny, level=MANY_LANES, method=method, threads=2)
        used, payload = codec.encode(data)
        assert BlockCoder(tiny, threads=1).decode(used, payload, size) == data


@pytest.mark.parametrize("method", METHODS)
def test_threads_and_kernels_change_nothing(tiny, method):
    data = text(3001)
    payloads = {
        BlockCoder(tiny, level=MANY_LANES, method=method, threads=threads, kernels=kernels).encode(
            data
        )
        for threads in (1, 2, 3)
        for kernels in ("numba", "torch")
    }
    assert len(payloads) == 1
    (payload,) = payloads
    for kernels in ("numba", "torch"):
        assert BlockCoder(tiny, threads=2, kernels=kernels).decode(*payload, 3001) == data


def test_network_payload_has_the_length_that_its_weights_promise():
    data, layout = text(640), Layout(640, 8)
    network = Network(parameters(DEEP))
    stream = encode(data, layout, network, NetworkPredictor(8))
    lanes, table, bits = network.lanes(8), layout.cut(data), 0.0
    weights = lanes.start().weights
    for row in table:
        bits -= np.log2(weights[np.arange(8), row] / weights.sum(axis=1)).sum()
        weights = lanes.step(row).weights
    # Bits have at least 2**-16, which can only help where a byte was held for all but impossible.
    assert 0.9 * bits / 8 <= len(stream) <= 1.002 * bits / 8 + 8


@given(st.binary(min_size=1, max_size=60), st.integers(0, 3))
@settings(max_examples=40)
def test_any_stream_decodes_to_something_or_is_damage(stream, bits):
    layout = Layout(40, 1 << bits)
    try:
        data = decode(stream, layout, Network(parameters()), NetworkPredictor(layout.lanes))
    except DamagedArchiveError:
        return
    assert len(data) == 40


def test_auto_takes_the_best_method(tiny):
    codec = BlockCoder(tiny, level=MANY_LANES)
    repetitive = text(30_000)
    method, payload = codec.encode(repetitive)
    assert method in (Method.MIXING, Method.NETWORK_MIXING)
    assert len(payload) < len(repetitive) / 2
    noise = np.random.default_rng(3).bytes(30_000)
    assert codec.encode(noise) == (Method.STORED, noise)


def test_a_block_that_is_coded_in_several_ways_is_done_once(tiny):
    data = text(4000)
    told: list[tuple[int, int]] = []
    BlockCoder(tiny, level=MANY_LANES).encode(data, lambda *sizes: told.append(sizes))
    halves = [sum(size for size, _ in told[: len(told) // 2]), sum(size for size, _ in told)]
    assert halves[0] < len(data)
    assert len(data) - 10 < halves[1] <= len(data)


def test_the_choice_is_deterministic(tiny):
    data = text(5000) + np.random.default_rng(5).bytes(5000)
    assert BlockCoder(tiny, threads=2).encode(data) == BlockCoder(tiny, threads=1).encode(data)


@pytest.mark.parametrize("payload", [b"", b"\x0f\x00", b"\xf0\x00"])
@pytest.mark.parametrize("method", [Method.NETWORK_MIXING, Method.MIXING])
def test_impossible_payloads_are_damage(tiny, method, payload):
    with pytest.raises(DamagedArchiveError):
        BlockCoder(tiny).decode(method, payload, 100)


@pytest.mark.parametrize("place", [0, 16, 48])
def test_a_failing_group_does_not_hang_the_others(tiny, place):
    class Failing:
        def encode_step(self, lo, hi, symbols, prediction, out):
            if lo == place:
                raise MemoryError("no more")
            out[:] = 0.5

    layout = Layout(640, 64)
    with pytest.raises(MemoryError, match="no more"):
        encode(text(640), layout, Network(tiny.parameters), Failing(), threads=2)


def test_methods_that_need_a_model_say_so():
    with pytest.raises(ConfigError, match="needs a model"):
        BlockCoder(None, method="network")


def test_mixing_alone_needs_no_model(tmp_path, monkeypatch):
    monkeypatch.setenv("NNCOMPRESS_MODELS", str(tmp_path))
    codec = open_block_coder(CodingOptions(method="mixing"))
    assert codec.model_id is None
    data = text(2000)
    method, payload = codec.encode(data)
    assert method == Method.MIXING
    assert codec.decode(method, payload, 2000) == data


@pytest.mark.parametrize("number", LEVELS)
def test_every_level_makes_archives(tiny, number):
    data = text(5000)
    codec = BlockCoder(tiny, level=LEVELS[number])
    compressor, decompressor = Compressor(codec), Decompressor(lambda identity: codec)
    packed = compressor.compress(data) + compressor.flush()
    assert decompressor.decompress(packed) == data


@pytest.mark.parametrize("size", [1, 7, 12, 20, 33, 60, 150, 1000])
def test_small_input_takes_the_method_that_makes_the_smallest_archive(tiny, size):
    data = text(size, seed=4)
    packed = {
        method: Compressor(BlockCoder(tiny, method=method)) for method in ("auto", *METHODS[1:])
    }
    sizes = {name: len(own.compress(data) + own.flush()) for name, own in packed.items()}
    stored = Compressor(StoredCodec())
    sizes["stored"] = len(stored.compress(data) + stored.flush())
    assert sizes["auto"] == min(sizes.values())


def test_levels_differ_in_their_model_unless_one_is_given():
    def identity(level, model=None):
        return open_block_coder(CodingOptions(model, level)).model_id

    assert identity(4) == identity(5) == identity(6, "quick")
    assert identity(6) == identity(7) == identity(None) == identity(4, "default")
    assert identity(8) == identity(9) == identity(6, "large")
    assert len({identity(4), identity(6), identity(8)}) == 3
    assert identity(1) is None


def test_higher_levels_have_fewer_lanes():
    networks = [level for level in LEVELS.values() if level.network]
    lanes = [level.lanes_bits(1 << 22, Method.NETWORK_MIXING) for level in networks]
    assert lanes == sorted(lanes, reverse=True)
    assert {level.lanes_bits(1 << 22, Method.MIXING) for level in LEVELS.values()} == {0}


def test_memory_is_stated_and_grows_with_the_block(tiny):
    codec = BlockCoder(tiny)
    small, large = (codec.memory(Method.NETWORK_MIXING, size) for size in (1000, 1 << 22))
    assert 0 < small < large < 2 << 30

"""The range coder's streams have an end, and both coders make the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.coding import rangecoder, rangecoder_compiled
from nncompress.coding.rangecoder import BitDecoder, BitEncoder
from nncompress.errors import DamagedArchiveError
from nncompress.lanes import read_layout


@pytest.fixture(params=["constriction", "numba"])
def either(request, monkeypatch):
    """Each of the two coders in turn."""
    if request.param == "numba":
        monkeypatch.setattr(rangecoder, "queue", rangecoder_compiled)
        monkeypatch.setattr(rangecoder, "MODEL", rangecoder_compiled.MODEL)
    else:
        pytest.importorskip("constriction")


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("ones", [1 / 65536, 0.001, 0.5, 0.999, 65535 / 65536])
@pytest.mark.parametrize("bit", [0, 1])
def test_runs_of_one_bit_come_back(ones, bit):
    """Their streams are the shortest, and end in zero bytes more often than others."""
    for size in (1, 2, 63, 1000):
        bits = np.full(size, bit, dtype=np.int32)
        probabilities = np.full(size, ones)
        encoder = BitEncoder()
        encoder.encode(bits, probabilities)
        decoded = BitDecoder(encoder.finish()).decode(probabilities)
        assert np.array_equal(decoded, bits)


def read_bits(decoder, count):
    for _ in range(count):
        decoder.decode(np.full(1, 0.5))


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("stream", [b"", b"\0", b"\x55" * 40, b"\xfe" * 11])
def test_reading_past_the_end_is_an_error(stream):
    decoder = BitDecoder(stream)
    with pytest.raises(DamagedArchiveError):
        read_bits(decoder, 8 * len(stream) + 1000)


SHARES = st.integers(1, 65535) | st.sampled_from([1, 2, 32767, 32768, 32769, 65534, 65535])


@given(
    st.lists(SHARES, max_size=300),
    st.integers(0, 2**32),
    st.sampled_from(["likely", "unlikely", "even"]),
    st.integers(1, 100),
)
def test_both_coders_make_and_read_the_same_words(shares, seed, kind, portion):
    """Unlikely bits make the longest streams, and carries that run far back."""
    stream = pytest.importorskip("constriction").stream
    ones = np.array(shares) / 65536
    threshold = {"likely": ones, "unlikely": 1 - ones, "even": 0.5}[kind]
    bits = (np.random.default_rng(seed).random(len(ones)) < threshold).astype(np.int32)
    model = stream.model.Bernoulli(perfect=False)
    theirs, ours = stream.queue.RangeEncoder(), rangecoder_compiled.RangeEncoder()
    pieces = [slice(i, i + portion) for i in range(0, len(ones), portion)]
    for piece in pieces:
        theirs.encode(bits[piece], model, ones[piece])
        ours.encode(bits[piece], None, ones[piece])
    words = theirs.get_compressed()
    assert ours.get_compressed().tolist() == words.tolist()
    padded = np.concatenate([words, np.full(2, 7, np.uint32)])
    reader, own = stream.queue.RangeDecoder(padded), rangecoder_compiled.RangeDecoder(padded)
    for piece in pieces:
        assert own.decode(None, ones[piece]).tolist() == bits[piece].tolist()
        reader.decode(model, ones[piece])
        assert own.maybe_exhausted() == reader.maybe_exhausted()


def test_every_probability_is_rounded_as_constriction_rounds_it():
    stream = pytest.importorskip("constriction").stream
    model = stream.model.Bernoulli(perfect=False)
    ones = np.arange(1, 65536) / 65536
    for bits in (np.zeros(65535, np.int32), np.ones(65535, np.int32)):
        theirs, ours = stream.queue.RangeEncoder(), rangecoder_compiled.RangeEncoder()
        theirs.encode(bits, model, ones)
        ours.encode(bits, None, ones)
        assert np.array_equal(ours.get_compressed(), theirs.get_compressed())


def test_endless_lanes_are_refused():
    assert read_layout(2**24 - 1, 4, network=True).lanes == 16
    assert read_layout(2**24 - 1, 0, network=False).lanes == 1
    with pytest.raises(DamagedArchiveError):
        read_layout(2**24 - 1, 0, network=True)

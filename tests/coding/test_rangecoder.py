"""The range coder's streams have an end."""

from __future__ import annotations

import numpy as np
import pytest

from nncompress.coding.lanes import read_layout
from nncompress.coding.rangecoder import BitDecoder, BitEncoder
from nncompress.errors import DamagedArchiveError


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


@pytest.mark.parametrize("stream", [b"", b"\0", b"\x55" * 40, b"\xfe" * 11])
def test_reading_past_the_end_is_an_error(stream):
    decoder = BitDecoder(stream)
    with pytest.raises(DamagedArchiveError):
        read_bits(decoder, 8 * len(stream) + 1000)


def test_endless_lanes_are_refused():
    assert read_layout(2**24 - 1, 4).lanes == 16
    with pytest.raises(DamagedArchiveError):
        read_layout(2**24 - 1, 0)

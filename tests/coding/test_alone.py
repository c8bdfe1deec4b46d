"""The compiled loop for mixing alone makes what the general loop makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.coding import alone, loop
from nncompress.coding.lanes import Layout
from nncompress.errors import DamagedArchiveError
from nncompress.mixing import Mixer
from nncompress.mixing.spec import FAST


def mixer(layout):
    return Mixer(FAST, layout.lanes, layout.size)


def sample(size, seed=0):
    """Bytes of which some can be predicted and others cannot."""
    generator = np.random.default_rng(seed)
    values = np.where(generator.random(size) < 0.8, np.arange(size) % 9, generator.integers(256))
    return values.astype(np.uint8).tobytes()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3000), st.integers(0, 6), st.integers(0, 99))
def test_streams_are_those_of_the_general_loop(size, bits, seed):
    data, layout = sample(size, seed), Layout(size, 1 << bits)
    stream = alone.encode(data, layout, mixer(layout))
    assert stream == loop.encode(data, layout, None, mixer(layout))
    assert alone.decode(stream, layout, mixer(layout)) == data
    assert loop.decode(stream, layout, None, mixer(layout)) == data


def test_blocks_of_several_chunks_tell_of_every_byte():
    size = 3 * alone.CHUNK + 7
    data, layout, done = sample(size), Layout(size, 4), []
    stream = alone.encode(data, layout, mixer(layout), done.append)
    assert sum(done) == size
    done.clear()
    assert alone.decode(stream, layout, mixer(layout), done.append) == data
    assert sum(done) == size
    assert len(done) > 1


@pytest.mark.parametrize("stream", [b"\x55" * 40, b"\xfe" * 11])
def test_reading_past_the_end_is_an_error(stream):
    layout = Layout(1 << 17, 8)
    with pytest.raises(DamagedArchiveError):
        alone.decode(stream, layout, mixer(layout))

"""The compiled loop makes the streams of the loop in Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.coding.compiled_steps import CompiledDecoder, CompiledEncoder
from nncompress.coding.loop import TURN_SIZE, decode, encode
from nncompress.coding.planes import PlaneDecoder, PlaneEncoder
from nncompress.coding.recorded_steps import Notes, RecordingEncoder
from nncompress.errors import DamagedArchiveError
from nncompress.exact.engine import Prediction
from nncompress.lanes import Layout
from nncompress.mixing.clusters import Clusters
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FAST, FULL

WIDTH = 16


def sample(size, seed=0):
    """Bytes of which some can be predicted and others cannot."""
    generator = np.random.default_rng(seed)
    values = np.where(generator.random(size) < 0.8, np.arange(size) % 9, generator.integers(256))
    return values.astype(np.uint8).tobytes()


def alone(layout):
    return Predictor(FAST, layout.lanes, layout.size)


def beside_a_network(layout):
    return Predictor(FULL, layout.lanes, layout.size, clusters=Clusters.none(WIDTH))


def turns(layout, parts, seed):
    """What the loop calls, in order, with what a network might say."""
    generator = np.random.default_rng(seed)
    size = layout.lanes // parts
    for step in range(layout.steps):
        for lo in range(0, layout.lanes, size):
            hi = min(lo + size, layout.active(step))
            if lo < hi:
                weights = generator.integers(1, 1 << 20, (hi - lo, 256)).astype(np.int32)
                hidden = generator.integers(-99, 99, (hi - lo, WIDTH)).astype(np.int8)
                yield step, step + 1, lo, hi, Prediction(weights, hidden)


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(0, 6), st.integers(0, 99))
def test_streams_of_mixing_alone_are_those_of_the_loop_in_python(size, bits, seed):
    data, layout = sample(size, seed), Layout(size, 1 << bits)
    plain = PlaneEncoder(alone(layout), layout.cut(data))
    plain.code(0, size // layout.lanes, 0, layout.lanes, None)
    if size % layout.lanes:
        plain.code(layout.steps - 1, layout.steps, 0, size % layout.lanes, None)
    stream = encode(data, layout, None, alone(layout))
    assert stream == plain.finish()
    assert decode(stream, layout, None, alone(layout)) == data


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("size", [100, 101, 107])
def test_streams_beside_a_network_are_those_of_the_loop_in_python(size, parts):
    data, layout = sample(size), Layout(size, 8)
    table = layout.cut(data)
    coders = [kind(beside_a_network(layout), table) for kind in (PlaneEncoder, CompiledEncoder)]
    for coder in coders:
        for turn in turns(layout, parts, seed=3):
            coder.code(*turn)
    stream, same = (coder.finish() for coder in coders)
    assert stream == same
    for kind in (PlaneDecoder, CompiledDecoder):
        found = np.zeros_like(table)
        decoder = kind(beside_a_network(layout), found, stream)
        for turn in turns(layout, parts, seed=3):
            decoder.code(*turn)
        assert layout.join(found) == data


@pytest.mark.parametrize("predictor", [alone, beside_a_network])
@pytest.mark.parametrize("size", [100, 107])
def test_streams_are_the_same_when_every_byte_is_noted(predictor, size):
    data, layout = sample(size), Layout(size, 8)
    table, notes = layout.cut(data), Notes.empty(size)
    plain = CompiledEncoder(predictor(layout), table)
    recording = RecordingEncoder(predictor(layout), table, layout, notes)
    for turn in turns(layout, 2, seed=3):
        plain.code(*turn)
        recording.code(*turn)
    stream = plain.finish()
    assert recording.finish() == stream
    assert notes.coded.sum() == pytest.approx(8 * len(stream), abs=64)
    assert np.isnan(notes.network).all() == (predictor is alone)


def test_long_blocks_tell_of_every_byte_as_it_is_done():
    size = 3 * TURN_SIZE + 7
    data, layout, told = sample(size), Layout(size, 4), []

    def tell(*sizes: int) -> None:
        told.append(sizes)

    stream = encode(data, layout, None, alone(layout), progress=tell)
    done, made = (sum(sizes) for sizes in zip(*told, strict=True))
    assert done == size
    assert len(stream) - 16 <= made <= len(stream)
    told.clear()
    assert decode(stream, layout, None, alone(layout), progress=tell) == data
    assert [sum(sizes) for sizes in zip(*told, strict=True)] == [size, size]
    assert len(told) > 1


@pytest.mark.parametrize("stream", [b"\x55" * 40, b"\xfe" * 11])
def test_reading_past_the_end_is_an_error(stream):
    layout = Layout(1 << 17, 8)
    with pytest.raises(DamagedArchiveError):
        decode(stream, layout, None, alone(layout))


def test_lanes_that_are_not_there_are_refused():
    layout = Layout(80, 8)
    encoder = CompiledEncoder(alone(layout), layout.cut(bytes(80)))
    with pytest.raises(ValueError, match="no lanes"):
        encoder.code(0, 1, 0, 9, None)

"""The compiled loop beside a network: as the loop in Python, with any threads, and never stuck."""

from __future__ import annotations

import threading
from functools import cache

import numpy as np
import pytest

from nncompress.coding import compiled_loop
from nncompress.coding.loop import _in_threads, decode, encode
from nncompress.coding.network_predictor import NetworkPredictor
from nncompress.coding.thread_count import ThreadCount
from nncompress.errors import DamagedArchiveError
from nncompress.exact.engine import Network
from nncompress.lanes import Layout
from nncompress.machine import atomics
from nncompress.machine.jit import jit
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FULL
from tests.models import SINGLE, TINY, parameters, some_clusters, text

CONFIGS = (TINY, SINGLE)


class Lone:
    """Lets one thread work: the others stand by."""

    def __init__(self, most):
        self.most, self.count = most, 1

    def look(self, done, most):
        return self.count


class Fickle(Lone):
    """Lets another number of threads work whenever it is asked."""

    def look(self, done, most):
        self.count = self.count % self.most + 1
        return self.count


@pytest.fixture(params=[ThreadCount, Lone, Fickle])
def any_count(request, monkeypatch):
    """Let a number of threads work that is chosen in one of these ways; nobody naps."""
    monkeypatch.setattr(compiled_loop, "ThreadCount", request.param)
    monkeypatch.setattr(compiled_loop, "NAP", 3600)


@cache
def network_of(config=TINY):
    return Network(parameters(config))


class InPython:
    """A mixer that the compiled loop does not know for one."""

    def __init__(self, mixer):
        self.encode_step, self.decode_step = mixer.encode_step, mixer.decode_step


def mixer(layout, config=TINY):
    return Predictor(FULL, layout.lanes, layout.size, clusters=some_clusters(config.dim))


def both_ways(data, lanes, threads, config=TINY):
    layout, network = Layout(len(data), lanes), network_of(config)
    stream = encode(data, layout, network, mixer(layout, config), threads)
    assert decode(stream, layout, network, mixer(layout, config), threads) == data
    return stream


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("size", "lanes"), [(1, 1), (301, 1), (403, 4), (1507, 16), (2053, 64)])
def test_streams_are_those_of_the_loop_in_python(config, size, lanes):
    data, layout, network = text(size), Layout(size, lanes), network_of(config)
    expected = encode(data, layout, network, InPython(mixer(layout, config)))
    assert both_ways(data, lanes, 2, config) == expected
    assert decode(expected, layout, network, InPython(mixer(layout, config))) == data


@pytest.mark.parametrize(("size", "lanes"), [(1, 1), (301, 1), (403, 4), (2053, 64)])
def test_streams_of_the_network_alone_are_those_of_the_loop_in_python(size, lanes):
    data, layout = text(size), Layout(size, lanes)
    stream = encode(data, layout, network_of(), NetworkPredictor(lanes), 2)
    assert stream == encode(data, layout, network_of(), InPython(NetworkPredictor(lanes)))
    assert decode(stream, layout, network_of(), NetworkPredictor(lanes), 2) == data
    assert decode(stream, layout, network_of(), InPython(NetworkPredictor(lanes))) == data


def test_a_mixer_may_use_a_part_of_the_vectors():
    data, layout = text(500), Layout(500, 4)

    def narrow():
        return Predictor(FULL, layout.lanes, layout.size, clusters=some_clusters(TINY.dim - 2))

    expected = encode(data, layout, network_of(), InPython(narrow()))
    assert encode(data, layout, network_of(), narrow()) == expected


def test_threads_that_stand_by_and_come_back_change_nothing(any_count):
    data, layout, network = text(20_000), Layout(20_000, 256), network_of()
    expected = encode(data, layout, network, mixer(layout), 1)
    assert both_ways(data, 256, 8) == expected


def test_any_number_of_threads_makes_the_same_stream():
    data = text(9000)
    assert len({both_ways(data, 256, threads) for threads in (1, 2, 3, 8, 20)}) == 1


def test_no_thread_sleeps_for_ever(any_count):
    """Many threads, tiny blocks, and no look after a while at what a lost wake-up would hide."""
    random, wrong = np.random.default_rng(5), []

    def work():
        for _ in range(40):
            size, lanes = int(random.integers(1, 900)), int(random.choice([16, 32, 64, 256]))
            lanes = min(lanes, 1 << (size.bit_length() - 1))
            data, threads = text(size, seed=3), int(random.integers(2, 17))
            layout, network = Layout(size, lanes), network_of()
            stream = encode(data, layout, network, mixer(layout), threads)
            if decode(stream, layout, network, mixer(layout), threads) != data:
                wrong.append((size, lanes, threads))

    several = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join(300)
    assert not any(thread.is_alive() for thread in several)
    assert wrong == []


def test_bytes_without_order_have_room():
    data = np.random.default_rng(0).bytes(20_000)
    assert len(both_ways(data, 32, 2)) > len(data)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_byte_is_told_of_once(any_count, threads):
    data, layout, told = text(12_345), Layout(12_345, 32), []

    def tell(*sizes: int) -> None:
        told.append(sizes)

    stream = encode(data, layout, network_of(), mixer(layout), threads, tell)
    done, made = (sum(sizes) for sizes in zip(*told, strict=True))
    assert done == len(data)
    assert len(stream) - 16 <= made <= len(stream)
    assert len(told) > 2
    told.clear()
    decode(stream, layout, network_of(), mixer(layout), threads, tell)
    assert [sum(sizes) for sizes in zip(*told, strict=True)] == [len(data), len(data)]


def test_an_error_in_one_thread_ends_all(any_count):
    def stop(done, made):
        raise KeyboardInterrupt

    layout = Layout(50_000, 256)
    with pytest.raises(KeyboardInterrupt):
        encode(text(50_000), layout, network_of(), mixer(layout), 8, stop)
    assert threading.active_count() < 8


@pytest.mark.parametrize("stream", [b"\x55" * 40, b"\xfe" * 11])
def test_streams_that_end_too_soon_are_damage(any_count, stream):
    layout = Layout(1 << 16, 64)
    with pytest.raises(DamagedArchiveError):
        decode(stream, layout, network_of(), mixer(layout), 2)


def test_a_mixer_for_longer_vectors_is_refused():
    layout = Layout(640, 16)
    with pytest.raises(ValueError, match="this mixer needs"):
        encode(text(640), layout, network_of(), mixer(layout, SINGLE), 2)


@jit
def count_up(numbers, times):
    for _ in range(times):
        atomics.add(numbers, 1, 1)
        atomics.put(numbers, 0, atomics.get(numbers, 1))
        atomics.pause()


def test_threads_that_count_together_miss_nothing():
    numbers = np.zeros(2, np.int64)
    threads = [threading.Thread(target=count_up, args=(numbers, 10_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers[1] == 40_000
    assert 0 < numbers[0] <= 40_000


def test_one_thread_does_the_work_where_no_more_can_be_had(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    _in_threads(4, lambda: done.append(1), lambda: None)
    assert done == [1]

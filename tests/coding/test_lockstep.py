"""Blocks that share a network's steps have the bytes that they have alone."""

from __future__ import annotations

import _thread
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch

from nncompress.archive.writer import RawBlock
from nncompress.coding import lockstep_threads
from nncompress.coding.block import BlockCoder
from nncompress.coding.levels import Level
from nncompress.coding.lockstep import MOST_ROWS, Lockstep, rows_within
from nncompress.coding.loop import decode, encode
from nncompress.coding.network_predictor import NetworkPredictor
from nncompress.coding.options import CodingOptions
from nncompress.errors import DamagedArchiveError, DeviceError
from nncompress.exact import device_step
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.engine import Network
from nncompress.lanes import Layout
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FULL
from nncompress.pipeline.coder import Coder
from tests.models import DEEP, TINY, model, parameters, some_clusters, text

SMALL = SHARNNConfig(dim=16, boom=32, layers=1, attention=(0,), window=6)
"""A step of torch's kernels takes as long for it as their calls do."""

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@cache
def network_of(config=SMALL, kernels="torch", device="cpu"):
    return Network(parameters(config), device, kernels)


def shared(rows, config=SMALL, threads=2):
    return Lockstep(network_of(config), threads, rows)


def mixer(layout, config):
    return Predictor(FULL, layout.lanes, layout.size, clusters=some_clusters(config.dim))


def network_alone(layout, config):
    return NetworkPredictor(layout.lanes)


class InPython:
    """A predictor that has no compiled form."""

    def __init__(self, predictor):
        self.encode_step, self.decode_step = predictor.encode_step, predictor.decode_step


def in_python(layout, config):
    return InPython(network_alone(layout, config))


def ignore(done, made=0):
    pass


class Block:
    """A block, and its stream as numba's kernels make it for this block alone."""

    def __init__(self, size, lanes, config=SMALL, predictor=mixer, seed=0):
        self.data, self.layout = text(size, seed), Layout(size, lanes)
        self.predictor = lambda: predictor(self.layout, config)
        own = network_of(config, "numba")
        self.stream = encode(self.data, self.layout, own, self.predictor())

    def encoded(self, network, progress=ignore):
        return encode(self.data, self.layout, network, self.predictor(), progress=progress)

    def decoded(self, network, progress=ignore):
        return decode(self.stream, self.layout, network, self.predictor(), progress=progress)


def at_once(work, blocks, most=8):
    """Call ``work`` with each block, a few at once, as a mixer is large; errors are results."""

    def try_work(block):
        try:
            return work(block)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(min(most, len(blocks))) as pool:
        return list(pool.map(try_work, blocks))


def check(blocks, network, most=8):
    """Encode blocks at once, then decode some while others are encoded."""
    expected = [block.stream for block in blocks]
    assert at_once(lambda block: block.encoded(network), blocks, most) == expected
    jobs = [(block, number % 3 == 0) for number, block in enumerate(blocks)]
    found = at_once(lambda job: (job[0].encoded if job[1] else job[0].decoded)(network), jobs, most)
    assert found == [block.stream if encodes else block.data for block, encodes in jobs]


def some_blocks(config=SMALL, predictor=mixer):
    sizes = [(0, 1), (1, 1), (2, 2), (37, 4), (300, 8), (61, 1), (1000, 16), (64, 8), (199, 4)]
    return [Block(*size, config, predictor, seed) for seed, size in enumerate(sizes)]


@pytest.mark.parametrize("predictor", [mixer, network_alone, in_python])
@pytest.mark.parametrize("config", [DEEP, SMALL], ids=["deep", "small"])
def test_blocks_have_their_own_bytes(config, predictor):
    check(some_blocks(config, predictor), shared(70, config))


SIZES = [0, 1, 2, 31, 32, 33, 255, 256, 257, 1000, 4095, 4096, 4097, 16_384, 65_536]


@cache
def blocks_of_all_sizes():
    """One block a size, none of more than 32 steps."""
    return [Block(size, 1 << max(0, (size - 1).bit_length() - 5)) for size in SIZES]


@pytest.mark.parametrize("rows", [2, 66, 4096])
def test_no_size_and_no_number_of_rows_changes_a_byte(rows):
    """Numba's kernels, alone, made the streams. A few blocks have more lanes than these rows."""
    network = shared(rows)
    check([block for block in blocks_of_all_sizes() if network.takes(block.layout)], network)
    larger = [block for block in blocks_of_all_sizes() if not network.takes(block.layout)]
    for block in larger[:1]:
        assert block.encoded(network_of()) == block.stream
        assert block.decoded(network_of()) == block.data


@pytest.mark.parametrize("rows", [16, 40])
def test_blocks_join_late_wait_for_rows_and_end_early(rows):
    random = np.random.default_rng(rows)
    blocks = []
    for seed in range(40):
        lanes = 1 << int(random.integers(0, 4))
        blocks.append(Block(int(random.integers(lanes, 40 * lanes)), lanes, seed=seed))
    check(blocks, shared(rows), most=12)


def test_blocks_of_one_network_may_be_mixed_or_not_or_be_coded_in_python():
    kinds = [some_blocks(predictor=kind) for kind in (mixer, network_alone, in_python)]
    check([block for together in zip(*kinds, strict=True) for block in together], shared(200))


def test_the_last_blocks_have_a_step_of_few_rows(monkeypatch):
    taken, run = [], device_step.HostStep.launch

    def launch(step):
        taken.append(len(step._exchange.host.symbols))
        run(step)

    monkeypatch.setattr(device_step.HostStep, "launch", launch)
    blocks = [Block(30 * 64, 64), *(Block(90 * 4, 4, seed=seed) for seed in range(3))]
    check(blocks, shared(512))
    assert {32, 64} <= set(taken) <= {32, 64, 128}


@pytest.mark.parametrize("predictor", [mixer, network_alone, in_python])
def test_a_damaged_block_ends_alone(predictor):
    blocks = [Block(900, 16, predictor=predictor, seed=seed) for seed in range(5)]
    network = shared(200)
    blocks[2].stream = b"\x55" * 40
    found = at_once(lambda block: block.decoded(network), blocks)
    assert isinstance(found.pop(2), DamagedArchiveError)
    del blocks[2]
    assert found == [block.data for block in blocks]
    check(blocks, network)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_report_that_fails_ends_its_block_alone(error):
    blocks, network = [Block(900, 16, seed=seed) for seed in range(4)], shared(200)

    def stop(done, made=0):
        raise error

    found = at_once(
        lambda block: block.encoded(network, stop if block is blocks[1] else ignore), blocks
    )
    assert isinstance(found.pop(1), error)
    assert found == [block.stream for block in blocks if block is not blocks[1]]


def test_every_byte_is_told_of_once():
    blocks, network = [Block(1201, 8, seed=seed) for seed in range(3)], shared(200)
    told = {block: [] for block in blocks}

    def work(block):
        block.encoded(network, lambda *sizes: told[block].append(sizes))

    at_once(work, blocks)
    for block in blocks:
        done, made = (sum(sizes) for sizes in zip(*told[block], strict=True))
        assert done == len(block.data)
        assert len(block.stream) - 16 <= made <= len(block.stream)
        assert len(told[block]) > 2


def test_a_mixer_for_another_network_is_refused_alone():
    blocks = [Block(700, 8), Block(700, 8, TINY), Block(700, 8)]
    network = shared(100)
    found = at_once(lambda block: block.encoded(network), blocks)
    assert isinstance(found[1], ValueError)
    assert found[0] == found[2] == blocks[0].stream


def test_a_device_that_fails_ends_all_blocks_with_one_line_and_may_work_again(monkeypatch):
    blocks, network = [Block(900, 16, seed=seed) for seed in range(6)], shared(64)
    run, left = device_step.HostStep._run, [20]

    def fail(step):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA")
        run(step)

    monkeypatch.setattr(device_step.HostStep, "_run", fail)
    for error in at_once(lambda block: block.encoded(network), blocks):
        assert isinstance(error, DeviceError)
        assert "out of memory" in str(error)
        assert "\n" not in str(error)
    monkeypatch.undo()
    check(blocks, network)


def test_no_thread_sleeps_for_ever(monkeypatch):
    """Many threads, tiny blocks, and no look after a while at what a lost wake-up would hide."""
    monkeypatch.setattr(lockstep_threads, "NAP", 3600)
    monkeypatch.setattr(lockstep_threads, "SPINS", 2)
    blocks = [Block(1 + 13 * seed, 1 << seed % 3, seed=seed) for seed in range(20)]
    network, done = shared(40, threads=6), []
    thread = threading.Thread(target=lambda: done.append(check(blocks, network, 9)), daemon=True)
    thread.start()
    thread.join(300)
    assert done == [None]


def test_one_thread_does_all_the_work_where_no_more_can_be_had(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    block, network = Block(300, 8), shared(40, threads=3)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert block.encoded(network) == block.stream


def ended_threads():
    """Whether all threads of blocks that share steps end, in time."""
    own = [thread for thread in threading.enumerate() if thread.name.startswith("lockstep")]
    for thread in own:
        thread.join(100)
    return not any(thread.is_alive() for thread in own)


def test_no_thread_is_left_once_all_blocks_have_ended():
    block, network = Block(300, 8), shared(40, threads=4)
    at_once(lambda block: block.encoded(network), [block] * 6)
    assert ended_threads()


def test_rows_are_bounded_by_memory():
    network = network_of()
    assert rows_within(network, 0) == 2
    assert rows_within(network, 1 << 40) == MOST_ROWS
    assert 2 < rows_within(network, 1 << 20) < MOST_ROWS


@pytest.mark.parametrize("method", ["auto", "network+mixing", "network"])
def test_block_coders_choose_and_code_alike(tmp_path, method):
    small, level = model(tmp_path, SMALL), Level(True, 2, 9, bytes_per_lane=30)
    own, other = (
        BlockCoder(small, level=level, method=method, threads=2, kernels=kernels)
        for kernels in ("numba", "torch")
    )
    sizes = [1, 700, 3000, 9000] + ([20_000] if method == "auto" else [])
    datas = [*(text(size, size) for size in sizes), bytes(5000)]
    coded = [own.encode(data) for data in datas]
    assert at_once(other.encode, datas) == coded
    jobs = [(*pair, len(data)) for pair, data in zip(coded, datas, strict=True) if pair[0]]
    assert len(jobs) > 2
    assert at_once(lambda job: other.decode(*job), jobs) == [own.decode(*job) for job in jobs]


def test_blocks_that_nobody_waits_for_are_given_up(tmp_path):
    """One block is done, others are at work, and others again wait for rows and for workers."""
    level = Level(True, 2, 3, bytes_per_lane=1)
    coder = Coder(CodingOptions(threads=8))
    coder._encoder = BlockCoder(
        model(tmp_path, SMALL), level=level, method="network+mixing", threads=2, kernels="torch"
    )
    coder._encoder._lockstep = Lockstep(network_of(), 2, 32)
    datas = [text(80), *(text(100_000, seed) for seed in range(20))]
    blocks = coder.encode(RawBlock(data, data, data is datas[-1]) for data in datas)
    assert next(blocks)[0].raw == datas[0]
    blocks.close()
    assert ended_threads()


@pytest.fixture
def ctrl_c():
    """Hear Ctrl-C where whoever started the tests ignores it, as shells do in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_caller_that_is_interrupted_gives_its_block_up(ctrl_c):
    block, network, told = Block(30_000, 8), shared(40), []

    def interrupt(done, made=0):
        told.append(done)
        if len(told) == 1:
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        block.encoded(network, interrupt)
    assert ended_threads()
    assert sum(told) < 30_000


@needs_cuda
@pytest.mark.parametrize("rows", [64, 500])
def test_blocks_have_their_own_bytes_on_cuda(rows):
    check(some_blocks(), Lockstep(network_of(device="cuda"), 4, rows))

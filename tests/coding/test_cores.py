"""Blocks share cores: never more are lent than there are, and none is lost."""

from __future__ import annotations

import threading
import time

import pytest

from nncompress.archive.format import Method
from nncompress.coding.block import BlockCoder
from nncompress.coding.cores import Cores, Loan
from tests.models import model, text


def test_a_block_gets_what_it_can_use_or_what_is_left():
    cores = Cores(5)
    with cores.lend(2) as first, cores.lend(4) as second:
        assert (first.count, second.count) == (2, 3)
    with cores.lend(9) as again:
        assert again.count == 5


def test_a_block_waits_for_a_core_and_takes_one_that_is_given_back():
    cores, got = Cores(2), []

    def borrow():
        with cores.lend(2) as loan:
            got.append(loan.count)

    thread = threading.Thread(target=borrow)
    with cores.lend(2) as loan:
        thread.start()
        time.sleep(0.05)
        assert got == []
        loan.keep(1)
        thread.join(20)
        assert got == [1]
    with cores.lend(2) as loan:
        assert loan.count == 2


def test_a_block_with_several_gives_one_to_a_block_that_waits():
    cores, lent, ended = Cores(2), threading.Event(), threading.Event()

    def borrow():
        with cores.lend(2) as loan:
            lent.set()
            assert loan.adjust() == 1
            ended.wait(20)

    thread = threading.Thread(target=borrow)
    with cores.lend(2) as loan:
        assert loan.adjust() == 2
        thread.start()
        while loan.adjust() == 2:
            time.sleep(0.001)
        assert lent.wait(20)
        assert loan.adjust() == 1
        ended.set()
        thread.join(20)
        assert loan.adjust() == 2
        loan.keep(1)
        assert loan.adjust() == 1


def test_one_block_alone_has_what_it_was_lent():
    loan = Loan.of(3)
    assert (loan.count, loan.adjust(), loan.most) == (3, 3, 3)


def test_a_block_that_fails_keeps_no_core():
    cores = Cores(1)
    with pytest.raises(MemoryError), cores.lend(1):
        raise MemoryError
    with cores.lend(1) as loan:
        assert loan.count == 1


@pytest.mark.parametrize("method", ["network+mixing", "mixing"])
def test_many_blocks_at_once_come_back(tmp_path, method):
    codec = BlockCoder(model(tmp_path), method=method, threads=2)
    blocks, done = [text(5000, seed) for seed in range(6)], {}

    def work(number):
        used, payload = codec.encode(blocks[number])
        done[number] = used, codec.decode(used, payload, 5000)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    used = Method[method.upper().replace("+", "_")]
    assert done == {number: (used, block) for number, block in enumerate(blocks)}

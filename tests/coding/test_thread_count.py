"""How many threads of a block work: as many as go fastest, on a machine that is made up."""

from __future__ import annotations

import pytest

from nncompress.coding.thread_count import LATE, TRIAL, ThreadCount

MOMENT = 0.01


class Machine:
    """A machine on which time passes only when it is told to.

    Args:
        rates: work a second with each number of threads.
        share: the part of the time for which a thread has a core.
    """

    def __init__(self, rates, share=1.0, most=None):
        self.rates, self.share, self.most = rates, share, most or max(rates)
        self.now = self.busy = self.done = 0.0
        self.spent = dict.fromkeys(rates, 0)
        self.threads = ThreadCount(self.most, lambda: self.now, lambda: self.busy)

    def run(self, seconds):
        """Let time pass; return what was done in it, a second."""
        before = self.done
        for _ in range(round(seconds / MOMENT)):
            self.now += MOMENT
            self.busy += MOMENT * (self.share if self.threads.count > 1 else 1)
            self.done += MOMENT * self.rates[self.threads.count]
            self.spent[self.threads.count] += 1
            self.threads.look(int(1000 * self.done), lambda: self.most)
        return (self.done - before) / seconds


IDLE, CROWDED = {1: 1.0, 2: 1.7}, {1: 1.0, 2: 0.6}


def test_nothing_is_tried_while_threads_need_not_wait():
    machine = Machine(IDLE)
    machine.run(60)
    assert machine.spent[1] == 0


def test_what_is_over_in_a_moment_changes_nothing():
    machine = Machine(IDLE)
    for _ in range(30):
        machine.run(9 * TRIAL)
        machine.rates, machine.share = CROWDED, 0.3
        machine.run(2 * TRIAL)
        machine.rates, machine.share = IDLE, 1.0
    assert machine.spent[1] == 0


def test_one_thread_works_where_two_are_slower():
    machine = Machine(CROWDED, share=0.6)
    machine.run(10 * TRIAL)
    assert machine.run(60) > 0.97 * CROWDED[1]


def test_two_threads_stay_where_they_are_faster_though_they_wait():
    machine = Machine(IDLE, share=0.7)
    assert machine.run(60) > 0.97 * IDLE[2]


def test_threads_come_back_when_the_other_work_ends():
    machine = Machine(CROWDED, share=0.6)
    machine.run(120)
    machine.rates, machine.share = IDLE, 1.0
    machine.run(LATE + 1)
    before = machine.spent[1]
    assert machine.run(30) > 0.99 * IDLE[2]
    assert machine.spent[1] == before


def test_other_work_that_begins_late_is_noticed_soon():
    machine = Machine(IDLE)
    machine.run(100)
    machine.rates, machine.share = CROWDED, 0.6
    machine.run(10 * TRIAL)
    assert machine.run(20) > 0.95 * CROWDED[1]


@pytest.mark.parametrize("best", [1, 2, 4, 8])
def test_any_number_can_be_found(best):
    rates = {count: 1 / (1 + abs(count - best)) for count in (1, 2, 4, 8)}
    machine = Machine(rates, share=0.5)
    machine.run(60)
    assert machine.run(120) > 0.95


def test_never_more_threads_work_than_have_cores():
    machine = Machine({1: 1.0, 2: 1.7, 3: 2.0, 4: 2.5}, share=0.5, most=4)
    for most in (3, 1, 2, 4):
        machine.most = most
        machine.run(2 * TRIAL)
        machine.spent = dict.fromkeys(machine.spent, 0)
        machine.run(20)
        assert not any(spent for count, spent in machine.spent.items() if count > most)

"""Code the blocks of a turn in several threads, which stay in compiled code between turns.

A *turn* codes one step of each of some blocks. It is posted by one thread, the leader, which then
takes part. The blocks are given out one at a time by a counter that all threads share, the
*ticket*: it names the turn, how many blocks it has, and the next of them, so that a thread that was
held up between two looks cannot take a block of another turn than the one it saw.

Threads that find nothing to do look on for a tenth of a millisecond, and then sleep in Python. No
wake-up is lost, for the reason that :mod:`.compiled_loop` gives: who wants to sleep says so and
then looks once more, under the lock; who has something to tell writes it first, and then looks
whether anybody sleeps.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np

from nncompress.machine import atomics
from nncompress.machine.jit import inline, jit

from .compiled_loop import NAP, SPINS
from .lockstep_block import code_block

# What the threads share: places in an int64 array that is read and written atomically.
TICKET = 0
"""The turn's number, from bit 32 on; its number of blocks, in 16 bits; the next block, in 16."""
FINISHED = 1
"""How many blocks of the turn are coded."""
CALLING = 2
"""How many of them need Python."""
SLEEPING = 3
"""1 while a thread sleeps, or is about to, until a turn is posted."""
AWAITED = 4
"""1 while the leader sleeps, or is about to, until the turn's last block is coded."""
CLOSED = 5
"""1 once the threads are to end."""
_SHARED_SIZE = 6

MOST_BLOCKS = 1 << 13
"""Blocks of a turn, at most; far fewer than 2**16, as idle threads count the ticket up, too."""

_LOW = (1 << 16) - 1


@inline
def _has_work(ticket):
    return (ticket & _LOW) < ((ticket >> 16) & _LOW)


@jit
def work(shared, addresses, looks):
    """Code blocks of whichever turn is posted, until so many looks in a row find none.

    Args:
        shared: int64 [_SHARED_SIZE], the places above.
        addresses: int64 [2, MOST_BLOCKS], of the tables of the blocks of even and odd turns.
        looks: at least 1.

    Returns:
        1 if this thread coded a turn's last block and the leader sleeps, else 0.
    """
    left = looks
    while left > 0 and not atomics.get(shared, CLOSED):
        ticket = atomics.get(shared, TICKET)
        if _has_work(ticket):
            ticket = atomics.add(shared, TICKET, 1)
        if not _has_work(ticket):
            left -= 1
            atomics.pause()
            continue
        if code_block(addresses[(ticket >> 32) & 1, ticket & _LOW]):
            atomics.add(shared, CALLING, 1)
        coded = atomics.add(shared, FINISHED, 1) + 1
        if coded == (ticket >> 16) & _LOW and atomics.get(shared, AWAITED):
            return 1
        left = looks
    return 0


@jit
def _is_finished(shared, count, looks):
    """Whether a turn's blocks are coded, after so many looks at most."""
    for _ in range(looks):
        if atomics.get(shared, FINISHED) == count:
            return True
        atomics.pause()
    return False


@jit
def _must_sleep(shared):
    """Announce that this thread will sleep; False where there is work, or the end, meanwhile."""
    atomics.put(shared, SLEEPING, 1)
    return not (_has_work(atomics.get(shared, TICKET)) or atomics.get(shared, CLOSED))


@jit
def _must_await(shared, count):
    """Announce that the leader will sleep; False where the turn is over meanwhile."""
    atomics.put(shared, AWAITED, 1)
    return atomics.get(shared, FINISHED) != count


@jit
def _post(shared, turn, count):
    """Post a turn; returns whether a thread sleeps."""
    atomics.put(shared, FINISHED, 0)
    atomics.put(shared, CALLING, 0)
    atomics.put(shared, TICKET, turn << 32 | count << 16)
    return atomics.get(shared, SLEEPING) != 0


class TurnThreads:
    """Threads that code turns.

    Args:
        count: how many there are, the leader among them.
    """

    def __init__(self, count: int) -> None:
        self._others = count - 1
        self._shared = np.zeros(_SHARED_SIZE, np.int64)
        self._addresses = np.zeros((2, MOST_BLOCKS), np.int64)
        self._turn = self._count = 0
        self._changed = threading.Condition()

    @contextmanager
    def started(self) -> Iterator[None]:
        """Have the other threads for a while; the one that enters is the leader."""
        self._shared[:] = 0  # nothing is left of a turn that an error ended
        threads = [
            threading.Thread(target=self._help, name="lockstep", daemon=True)
            for _ in range(self._others)
        ]
        started = list[threading.Thread]()
        with suppress(RuntimeError):  # no more threads: the interpreter ends, or a limit is reached
            for thread in threads:
                thread.start()
                started.append(thread)
        try:
            yield
        finally:
            self._shared[CLOSED] = 1
            self._wake()
            for thread in started:
                thread.join()

    def post(self, addresses: Sequence[int]) -> None:
        """Begin a turn, for blocks whose tables are there; the turn before is over."""
        self._turn = (self._turn + 1) & ((1 << 30) - 1)
        self._count = len(addresses)
        self._addresses[self._turn & 1, : self._count] = addresses
        if _post(self._shared, self._turn, self._count):
            self._wake()

    def finish(self) -> int:
        """Take part in the turn until it is over; return how many blocks need Python."""
        shared, count = self._shared, self._count
        work(shared, self._addresses, 1)
        if not _is_finished(shared, count, SPINS):
            with self._changed:
                while _must_await(shared, count):
                    self._changed.wait(NAP)
                shared[AWAITED] = 0
        return int(shared[CALLING])

    def _help(self) -> None:
        while not self._shared[CLOSED]:
            if work(self._shared, self._addresses, SPINS):
                with self._changed:
                    self._changed.notify_all()
                continue
            with self._changed:
                if _must_sleep(self._shared):
                    self._changed.wait(NAP)

    def _wake(self) -> None:
        with self._changed:
            self._shared[SLEEPING] = 0
            self._changed.notify_all()

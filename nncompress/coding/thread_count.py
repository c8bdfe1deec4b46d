"""Choose how many of a block's threads work, by how much gets done.

Threads of a block wait for each other's turns. Where other processes want the same cores, a thread
that has none makes the others wait, and two threads can take half as long again as one. What the
system will do is not known beforehand, so it is measured: for a short while another number of
threads works, and the faster one stays. While no thread has to wait for a core nothing is tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TRIAL = 0.1
"""Seconds for which a rate is measured: many slices of a scheduler, and one period of a container's
quota, so that it does not matter when in the period the window begins."""

BUSY = 0.8
"""A thread that had a core for a smaller part of the time waits for others, or for cores."""

WORTH = 1.05
"""Another number of threads must be so much faster to be taken."""

SOON, LATE = 0.3, 8.0
"""Seconds for which threads must wait until fewer are tried, and seconds between two trials: this
long at first, and twice as long after each one in vain, up to the second number. Trials in vain so
take about a hundredth of the time."""


class ThreadCount:
    """The number of threads that work on a block.

    One of them makes it, and asks it again and again: times are those of that thread.

    Args:
        most: threads at first, and at most.
        clock: seconds that pass.
        busy_clock: seconds for which the asking thread had a core.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.perf_counter,
        busy_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.count = most
        self._clock, self._busy_clock = clock, busy_clock
        self._begun, self._busy, self._done = clock(), busy_clock(), 0
        self._rate, self._before = 0.0, 0
        self._restart(most, self._begun)

    def look(self, done: int, most: Callable[[], int]) -> int:
        """Return how many threads are to work from now on.

        Args:
            done: work done since the block began, in any unit.
            most: tells how many there may be; asked once a window.
        """
        now = self._clock()
        passed = now - self._begun
        if passed < TRIAL:
            return self.count
        busy = self._busy_clock()
        if self.count > 1 and busy - self._busy >= BUSY * passed:
            self._calm = now
        rate = (done - self._done) / passed
        self._begun, self._busy, self._done = now, busy, done
        allowed = most()
        if allowed != self._most:
            self._restart(allowed, now)
        elif self._before:
            self._end_trial(rate, now)
        else:
            self._rate = (self._rate + rate) / 2 if self._rate else rate
            self._begin_trial(now)
        return self.count

    def _restart(self, most: int, now: float) -> None:
        self._calm = now
        self._most = self.count = most
        self._rate, self._before = 0.0, 0
        self._pause, self._next = SOON, 0.0
        self._falls_next = True

    def _begin_trial(self, now: float) -> None:
        """Let another number of threads work for a window, if it is time to."""
        may_fall, may_rise = self.count > 1 and now - self._calm > SOON, self.count < self._most
        if not (may_fall or may_rise):
            self._pause, self._next = SOON, 0.0
        elif now >= self._next:
            self._before = self.count
            falls = may_fall and (self._falls_next or not may_rise)
            self.count = self.count // 2 if falls else min(2 * self.count, self._most)
            self._falls_next = not falls

    def _end_trial(self, rate: float, now: float) -> None:
        """Keep the number of threads that was tried, or go back to the one before."""
        if rate > WORTH * self._rate:
            self._rate, self._pause = rate, SOON
        else:
            self.count, self._pause = self._before, min(2 * self._pause, LATE)
        self._before, self._next = 0, now + self._pause

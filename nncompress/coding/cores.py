"""Share the cores among the blocks that are coded at once.

Two blocks with as many threads each as there are cores take a quarter longer than one after the
other, since threads wait for turns of threads that have no core. So blocks borrow cores, and never
more than there are. Threads of different blocks don't wait for each other, unlike those of one.
So a block that has several cores gives some to one that waits, and takes them again when no block
waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Cores:
    """A number of cores, which blocks borrow.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._count = self._free = count
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def lend(self, most: int) -> Iterator[Loan]:
        """Wait until a core is free, and lend all that are free, up to ``most``."""
        with self._changed:
            self._wait()
            loan = Loan(self, min(most, self._free), min(most, self._count))
            self._free -= loan.count
        try:
            yield loan
        finally:
            loan.keep(0)

    def _wait(self) -> None:
        self._waiting += 1
        try:
            self._changed.wait_for(lambda: self._free > 0)
        finally:
            self._waiting -= 1

    def _take_one(self) -> None:
        with self._changed:
            self._wait()
            self._free -= 1

    def _share(self, count: int, most: int) -> int:
        """Return how many cores a block should have that has ``count``; move the difference."""
        with self._changed:
            spare = self._free - self._waiting
            wanted = max(1, min(count + spare, most))
            self._free += count - wanted
            if wanted < count:
                self._changed.notify_all()
            return wanted

    def _take_back(self, count: int) -> None:
        with self._changed:
            self._free += count
            self._changed.notify_all()


class Loan:
    """The ``count`` cores that a block has borrowed, which can use ``most``."""

    def __init__(self, cores: Cores, count: int, most: int) -> None:
        self._cores, self.count, self.most = cores, count, most

    @classmethod
    def of(cls, count: int) -> Loan:
        """Return cores that no other block wants."""
        return cls(Cores(0), count, count)

    def adjust(self) -> int:
        """Give cores to blocks that wait, or take free ones; return how many there are then."""
        self.count = self._cores._share(self.count, self.most)
        return self.count

    @contextmanager
    def away(self) -> Iterator[None]:
        """Give all of them back for a while, and then wait for one."""
        most = self.most
        self.keep(0)
        try:
            yield
        finally:
            self._cores._take_one()
            self.count, self.most = 1, most

    def keep(self, most: int) -> None:
        """Give back all but ``most`` of them, for good."""
        excess = max(0, self.count - most)
        self.count, self.most = self.count - excess, most
        self._cores._take_back(excess)

"""Share the cores among the blocks that are coded at once.

Two blocks with as many threads each as there are cores take a quarter longer than one after the
other, since threads wait for turns of threads that have no core. So a block takes the cores that it
can use, or what is left of them, and the next waits until there is one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Cores:
    """A number of cores, which blocks borrow.

    Args:
        count: how many there are, at least 1.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._changed = threading.Condition()

    @contextmanager
    def lend(self, most: int) -> Iterator[Loan]:
        """Wait until a core is free, and lend all that are free, up to ``most``."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0)
            loan = Loan(self, min(most, self._free))
            self._free -= loan.count
        try:
            yield loan
        finally:
            loan.keep(0)

    def _take_one(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0)
            self._free -= 1

    def _take_back(self, count: int) -> None:
        with self._changed:
            self._free += count
            self._changed.notify_all()


class Loan:
    """The ``count`` cores that a block has borrowed."""

    def __init__(self, cores: Cores, count: int) -> None:
        self._cores, self.count = cores, count

    @contextmanager
    def away(self) -> Iterator[None]:
        """Give all of them back for a while, and then wait for one."""
        self.keep(0)
        try:
            yield
        finally:
            self._cores._take_one()
            self.count = 1

    def keep(self, most: int) -> None:
        """Give back all but ``most`` of them."""
        excess = max(0, self.count - most)
        self.count -= excess
        self._cores._take_back(excess)

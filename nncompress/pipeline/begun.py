"""Work on a block that a thread of its own has begun.

The end of the program gives it up, and does not wait for it as for threads of
:mod:`concurrent.futures`: nobody wants the result by then, and a block can take minutes.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic
from weakref import WeakSet

from nncompress.archive.codec import Progress
from nncompress.machine.threads import start_daemon

from .pool import Result, result_of


class _Unwanted(Exception):
    """Nobody will ask for the result."""


class Begun(Generic[Result]):
    """Does work in a thread of its own.

    Args:
        work: does it, and reports to the function that it is given now and then.

    Raises:
        RuntimeError: there can be no thread: the interpreter ends, or a limit is reached.
    """

    def __init__(self, work: Callable[[Progress], Result]) -> None:
        self._work, self._future = work, Future[Result]()
        self._process, self._unwanted = os.getpid(), False
        start_daemon(self._run)
        _all.add(self)

    def _run(self) -> None:
        try:
            self._future.set_result(self._work(self._look))
        except BaseException as error:  # raised where the result is asked for
            self._future.set_exception(error)

    def _look(self, _: int, __: int = 0, /) -> None:
        if self._unwanted:
            raise _Unwanted

    @property
    def is_here(self) -> bool:
        """Whether the thread is one of this process, and not of one that was forked."""
        return os.getpid() == self._process

    @property
    def done(self) -> bool:
        """Whether the work has come to its end."""
        return self._future.done()

    def result(self) -> Result:
        """Wait for the result, or for the error that ended the work."""
        return result_of(self._future)

    def give_up(self) -> None:
        """End the work soon: nobody will ask for its result."""
        self._unwanted = True


_all: WeakSet[Begun[Any]] = WeakSet()


@atexit.register
def _give_up_all() -> None:
    """Let their threads end, after writers that are still open have completed their archives."""
    for begun in list(_all):
        begun.give_up()

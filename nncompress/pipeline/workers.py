"""Do work for items in threads, several at once, and yield the results in order.

Memory for the work in flight is bounded. A thread of its own reads the items, so that what is done
never waits for input::

    items ──▶ reader thread ──▶ pool of workers ──▶ caller, in the order of the items
                  │ waits for a place in the line and for memory
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from nncompress.archive.codec import Progress

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")

_POLL = 0.5
"""Seconds. On Windows Ctrl-C is heard only between two waits."""

_REPORTS = 1000
"""Reports on one job, at most."""


def _nothing(_: object) -> int:
    return 0


@dataclass(frozen=True)
class Job(Generic[Result]):
    """What is to be done for an item.

    Attributes:
        run: does it, and reports the raw bytes done to the function that it is given.
        raw_size: raw bytes of the block.
        weight: what the block counts for in reports on the whole, in bytes.
        memory: bytes of memory that it takes.
        made: counts the bytes of the result; what ``run`` reported of them was provisional.
    """

    run: Callable[[Progress], Result]
    raw_size: int = 0
    weight: int = 0
    memory: int = 0
    made: Callable[[Result], int] = _nothing


class Workers(Generic[Item, Result]):
    """Threads that do the jobs of one stream of items.

    Args:
        threads: how many jobs are done at once, at most.
        memory: bytes that they may take together; one that needs more is done alone.
        plan: makes the job for an item; called in the thread that reads the items.
        progress: told of the weight done and of bytes made, from any thread, one call at a time.
    """

    def __init__(
        self, threads: int, memory: int, plan: Callable[[Item], Job[Result]], progress: Progress
    ) -> None:
        self._plan, self._progress = plan, progress
        self._pool = _open_pool(threads)
        self._places = threading.Semaphore(2 * threads)
        self._room = _Room(memory)
        self._stopped = threading.Event()
        self._reporting = threading.Lock()
        self._line: SimpleQueue[tuple[Item, _Share[Result], Future[Result]] | Exception | None] = (
            SimpleQueue()
        )

    def run(self, items: Iterable[Item]) -> Generator[tuple[Item, Result], None, None]:
        """Yield each item with its result; after those before it, the error that ended the items.

        Close the generator, and jobs that nobody waits for are given up.
        """
        try:
            threading.Thread(target=self._read, args=(items,), daemon=True).start()
        except RuntimeError:  # while the interpreter ends there are no new threads
            yield from self._run_here(items)
            return
        try:
            while (entry := self._next()) is not None:
                if isinstance(entry, Exception):
                    raise entry
                item, share, future = entry
                while not wait([future], _POLL).done:
                    pass
                result = future.result()
                yield item, result
                share.complete(result)
                self._places.release()
        finally:
            self._stopped.set()
            self._room.close()
            self._places.release()
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)

    def _run_here(self, items: Iterable[Item]) -> Generator[tuple[Item, Result], None, None]:
        for item in items:
            job = self._plan(item)
            share = _Share(job, self._report)
            result = job.run(share.add)
            yield item, result
            share.complete(result)

    def _next(self) -> tuple[Item, _Share[Result], Future[Result]] | Exception | None:
        while True:
            with suppress(Empty):
                return self._line.get(timeout=_POLL)

    def _read(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                self._places.acquire()
                job = self._plan(item)
                self._room.take(job.memory)
                if self._stopped.is_set():
                    return
                share = _Share(job, self._report)
                future = self._submit(job, share)
                future.add_done_callback(partial(self._give_back, job.memory))
                self._line.put((item, share, future))
            self._line.put(None)
        except Exception as error:  # raised where the results are waited for
            self._line.put(error)

    def _submit(self, job: Job[Result], share: _Share[Result]) -> Future[Result]:
        """Have a worker do the job, or do it in this thread once workers cannot be had.

        That is so after the end of the main thread, and where the system grants no more threads.
        """
        with suppress(RuntimeError):
            if self._pool is not None:
                return self._pool.submit(job.run, share.add)
        future = Future[Result]()
        try:
            future.set_result(job.run(share.add))
        except Exception as error:  # raised where the result is waited for
            future.set_exception(error)
        return future

    def _give_back(self, memory: int, _: Future[Result]) -> None:
        self._room.give(memory)

    def _report(self, size: int, made: int = 0, /) -> None:
        if self._stopped.is_set():
            raise _Stopped
        if size or made:
            with self._reporting:
                self._progress(size, made)


def _open_pool(threads: int) -> ThreadPoolExecutor | None:
    try:
        from concurrent.futures import ThreadPoolExecutor
    except RuntimeError:  # it is imported for the first time after the end of the main thread
        return None
    return ThreadPoolExecutor(threads)


class _Stopped(Exception):
    """Nobody waits for this job any more."""


class _Room:
    """Memory for the jobs at once. One that needs more than there is has it all to itself."""

    def __init__(self, size: int) -> None:
        self._size, self._taken = size, 0
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + size <= self._size)
            self._taken += size

    def give(self, size: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._taken -= size
            self._changed.notify()

    def close(self) -> None:
        """Keep nobody waiting."""
        with self._changed:
            self._size = sys.maxsize
            self._changed.notify()


class _Share(Generic[Result]):
    """Turns reports from inside a block into reports on the whole.

    A block counts for its weight and its result when it is done, whatever was reported before.
    """

    def __init__(self, job: Job[Result], report: Progress) -> None:
        self._job, self._report = job, report
        self._done = self._told = 0
        self._made = self._told_made = 0

    def add(self, size: int, made: int = 0, /) -> None:
        """Note that ``size`` more raw bytes are done, and ``made`` bytes made of them."""
        job = self._job
        self._made += made
        self._done = min(self._done + size, job.raw_size)
        new = self._done * job.weight // job.raw_size - self._told
        if new * _REPORTS <= job.weight:  # not for each of thousands of steps
            self._report(0)
            return
        self._tell(new, self._made - self._told_made)

    def complete(self, result: Result) -> None:
        """Report what is missing."""
        self._tell(self._job.weight - self._told, self._job.made(result) - self._told_made)

    def _tell(self, new: int, made: int) -> None:
        self._told += new
        self._told_made += made
        self._report(new, made)

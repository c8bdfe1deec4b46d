"""Do work for items, several at once, and yield the results in order.

A thread of its own reads the items, so that what is done never waits for input. The work is done by
a pool: threads of this process (:mod:`.pool`), or workers elsewhere (:mod:`.cluster`)::

    items ──▶ reader thread ──▶ pool ──▶ caller, in the order of the items
                  │ waits for a place in the line and for memory
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from nncompress.archive.codec import Progress

from .pool import POLL, Job, Pool, Result, result_of

Item = TypeVar("Item")

_REPORTS = 1000
"""Reports on one job, at most."""


class Workers(Generic[Item, Result]):
    """Does the jobs of one stream of items.

    Args:
        pool: does them; it is closed at the end.
        plan: makes the job for an item; called in the thread that reads the items.
        progress: told of the weight done and of bytes made, from any thread, one call at a time.
    """

    def __init__(self, pool: Pool, plan: Callable[[Item], Job[Result]], progress: Progress) -> None:
        self._pool, self._plan, self._progress = pool, plan, progress
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
                result = result_of(future)
                yield item, result
                share.complete(result)
                self._pool.release(share.job)
        finally:
            self._stopped.set()
            self._pool.close()

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
                return self._line.get(timeout=POLL)

    def _read(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                job = self._plan(item)
                self._pool.admit(job)
                if self._stopped.is_set():
                    return
                share = _Share(job, self._report)
                future = self._pool.submit(job, share.add)
                if job.remote is not None:
                    future.add_done_callback(partial(_report_whole, share))
                self._line.put((item, share, future))
            self._line.put(None)
        except Exception as error:  # raised where the results are waited for
            self._line.put(error)

    def _report(self, size: int, made: int = 0, /) -> None:
        if self._stopped.is_set():
            raise _Stopped
        if size or made:
            with self._reporting:
                self._progress(size, made)


def _report_whole(share: _Share[Result], future: Future[Result]) -> None:
    """Report a block that a worker elsewhere has done, of which nothing is heard meanwhile."""
    if future.cancelled() or future.exception() is not None:
        return
    with suppress(Exception):  # what a report raises, the next one does where it is heard
        share.add(share.job.raw_size, share.job.made(future.result()))


class _Stopped(Exception):
    """Nobody waits for this job any more."""


class _Share(Generic[Result]):
    """Turns reports from inside a block into reports on the whole.

    A block counts for its weight and its result when it is done, whatever was reported before.
    """

    def __init__(self, job: Job[Result], report: Progress) -> None:
        self.job, self._report = job, report
        self._done = self._told = 0
        self._made = self._told_made = 0
        self._lock = threading.Lock()  # what is done elsewhere is reported and taken by two threads

    def add(self, size: int, made: int = 0, /) -> None:
        """Note that ``size`` more raw bytes are done, and ``made`` bytes made of them."""
        job = self.job
        with self._lock:
            self._made += made
            self._done = min(self._done + size, job.raw_size)
            new = self._done * job.weight // job.raw_size - self._told
            if new * _REPORTS > job.weight:
                self._tell(new, self._made - self._told_made)
                return
        self._report(0)  # not for each of thousands of steps

    def complete(self, result: Result) -> None:
        """Report what is missing."""
        with self._lock:
            self._tell(self.job.weight - self._told, self.job.made(result) - self._told_made)
            self._done = self.job.raw_size

    def _tell(self, new: int, made: int) -> None:
        self._told += new
        self._told_made += made
        self._report(new, made)

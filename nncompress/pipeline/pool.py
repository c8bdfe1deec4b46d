"""Do jobs in the threads of this process, within a bound on how many wait and on their memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from nncompress.archive.codec import Progress

from .limits import Room
from .tasks import Task

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")

POLL = 0.5
"""Seconds. On Windows Ctrl-C is heard only between two waits."""


def _nothing(_: object) -> int:
    return 0


@dataclass(frozen=True)
class RemoteTask:
    """What a worker elsewhere does in place of a job's ``run``.

    Attributes:
        task: what it does.
        read_model: returns the file of the model with an identity, for workers that lack it.
        with_literals: returns the same task with literals in it, for a worker that cannot read
            them; None where they are in it.
    """

    task: Task
    read_model: Callable[[bytes], bytes]
    with_literals: Callable[[], Task] | None = None


@dataclass(frozen=True)
class Job(Generic[Result]):
    """What is to be done for an item.

    Attributes:
        run: does it, and reports the raw bytes done to the function that it is given.
        raw_size: raw bytes of the block.
        weight: what the block counts for in reports on the whole, in bytes.
        memory: bytes of memory that it takes in this process.
        made: counts the bytes of the result; what ``run`` reported of them was provisional.
        remote: the same for a worker elsewhere; None for what is done here in no time.
    """

    run: Callable[[Progress], Result]
    raw_size: int = 0
    weight: int = 0
    memory: int = 0
    made: Callable[[Result], int] = _nothing
    remote: RemoteTask | None = None


class Pool(Protocol):
    """Does the jobs of one stream, several at once."""

    def admit(self, job: Job[Any]) -> None:
        """Wait for a place in the line and for memory; once closed, not any more."""

    def submit(self, job: Job[Any], progress: Progress) -> Future[Any]:
        """Begin a job that was admitted."""

    def release(self, job: Job[Any]) -> None:
        """Note that the result of a job has been taken."""

    def close(self) -> None:
        """Give up what nobody waits for."""


class ThreadPool:
    """Threads of this process.

    Args:
        threads: how many jobs are done at once, at most.
        memory: bytes that they may take together; one that needs more is done alone.
    """

    def __init__(self, threads: int, memory: int) -> None:
        self._threads = _open_threads(threads)
        self._places = threading.Semaphore(2 * threads)
        self._room = Room(memory)

    def admit(self, job: Job[Any]) -> None:
        """Wait for a place in the line and for memory; once closed, not any more."""
        self._places.acquire()
        self._room.take(job.memory)

    def submit(self, job: Job[Any], progress: Progress) -> Future[Any]:
        """Have a thread do the job, or do it in this one once threads cannot be had.

        That is so after the end of the main thread, and where the system grants no more threads.
        """
        future = self._submit(job, progress)
        future.add_done_callback(partial(self._give_back, job.memory))
        return future

    def _submit(self, job: Job[Any], progress: Progress) -> Future[Any]:
        with suppress(RuntimeError):
            if self._threads is not None:
                return self._threads.submit(job.run, progress)
        return run_here(job, progress)

    def _give_back(self, memory: int, _: Future[Any]) -> None:
        self._room.give(memory)

    def release(self, job: Job[Any]) -> None:
        """Note that the result of a job has been taken."""
        self._places.release()

    def close(self) -> None:
        """Give up what nobody waits for."""
        self._room.close()
        self._places.release()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def result_of(future: Future[Result]) -> Result:
    """Wait for a result, and hear Ctrl-C meanwhile."""
    while not wait([future], POLL).done:
        pass
    return future.result()


def run_here(job: Job[Result], progress: Progress) -> Future[Result]:
    """Do a job in this thread; an error is raised where the result is waited for."""
    future = Future[Result]()
    try:
        future.set_result(job.run(progress))
    except Exception as error:
        future.set_exception(error)
    return future


def _open_threads(threads: int) -> ThreadPoolExecutor | None:
    try:
        from concurrent.futures import ThreadPoolExecutor
    except RuntimeError:  # it is imported for the first time after the end of the main thread
        return None
    return ThreadPoolExecutor(threads)

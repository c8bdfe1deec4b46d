"""Have blocks coded by workers elsewhere: other processes, or other machines.

A :class:`Cluster` serves any number of streams at once, each through a :class:`RemotePool` of its
own. What it can do itself stands in :class:`ExecutorCluster`, for any
:class:`concurrent.futures.Executor`, and in :mod:`.dask_cluster`.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from nncompress.archive.codec import Progress
from nncompress.errors import ClusterError, NNCompressError
from nncompress.machine.resources import cpus, memory

from .limits import SHARE
from .pool import POLL, Job, RemoteTask, run_here
from .spans import NeedsLiterals
from .tasks import NeedsModels, Task, run_task

log = logging.getLogger("nncompress")

UNKNOWN_WORKERS = 64
"""For an executor that does not say how many workers it has."""

TASKS_AHEAD = 4
"""Beside a task for each worker, one more for so many of them waits, so that none is idle."""

MOST_TRIES = 4
"""A task is sent so often at most: once, then with models, and anew where those were lost."""

_NEEDS = NeedsModels, NeedsLiterals


class Cluster(ABC):
    """Workers elsewhere.

    Tasks in flight are bounded in number, by :attr:`workers`, and in bytes, all streams together.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._places = self._bytes = 0
        self._room = memory() // SHARE
        self._closed = False
        self._resender = ThreadPoolExecutor(1)
        self._pools: set[RemotePool] = set()

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many tasks can be done at once, at least 1."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether workers may be on other machines, and so had better read URLs themselves."""
        return True

    @abstractmethod
    def start(self, task: Task, files: Sequence[bytes]) -> Future[Any]:
        """Have a worker do a task, which is told the files of models that workers lack."""

    @abstractmethod
    def explain(self, error: BaseException) -> Exception:
        """Return the error to raise for one of the machinery's, of one line."""

    def pool(self) -> RemotePool:
        """Return what does the jobs of one stream."""
        pool = RemotePool(self)
        self._pools.add(pool)
        return pool

    def forget(self, pool: RemotePool) -> None:
        """Note that a stream has come to its end."""
        self._pools.discard(pool)

    def close(self) -> None:
        """Cancel all that is in flight; nothing more is begun."""
        self._closed = True
        for pool in tuple(self._pools):
            pool.close()
        self._resender.shutdown(wait=False, cancel_futures=True)

    def take(self, size: int, stopped: threading.Event) -> None:
        """Wait for a place and for room for ``size`` bytes; once stopped, not any more."""
        while True:
            workers = self.workers
            with self._changed:
                full = self._places >= workers + -(-workers // TASKS_AHEAD)
                full = full or self._bytes + size > self._room
                if not (self._places and full) or stopped.is_set():
                    self._places += 1
                    self._bytes += size
                    return
                self._changed.wait(POLL)

    def give(self, size: int) -> None:
        """Give both back."""
        with self._changed:
            self._places -= 1
            self._bytes -= size
            self._changed.notify_all()

    def submit(self, remote: RemoteTask) -> Future[Any]:
        """Have a task done; cancel the result, and the worker is told."""
        result = Future[Any]()
        self._try(result, remote, (), MOST_TRIES)
        return result

    def _try(
        self, result: Future[Any], remote: RemoteTask, files: Sequence[bytes], tries: int
    ) -> None:
        if result.cancelled():
            return
        try:
            if self._closed:
                raise CancelledError
            started = self.start(remote.task, files)
        except Exception as error:
            _fail(result, self.explain(error))
            return
        result.add_done_callback(lambda _: started.cancel())
        started.add_done_callback(partial(self._finish, result, remote, tries - 1))

    def _finish(
        self, result: Future[Any], remote: RemoteTask, tries: int, started: Future[Any]
    ) -> None:
        if result.cancelled():
            return
        error = CancelledError() if started.cancelled() else started.exception()
        if error is None:
            with suppress(InvalidStateError):  # cancelled just now
                result.set_result(started.result())
        elif tries and (isinstance(error, _NEEDS) or self.may_retry(error)):
            with suppress(RuntimeError):  # closed
                self._resender.submit(self._try_again, result, remote, tries, error)
        else:
            _fail(result, self.explain(error))

    def may_retry(self, error: BaseException) -> bool:
        """Whether the same task may come through if it is sent again."""
        return False

    def _try_again(
        self, result: Future[Any], remote: RemoteTask, tries: int, error: BaseException
    ) -> None:
        if isinstance(error, NeedsLiterals) and remote.with_literals is not None:
            log.debug("a worker is sent the bytes of a block: %s", error)
            remote = replace(remote, task=remote.with_literals())
        try:
            needed = error.args[0] if isinstance(error, NeedsModels) else remote.task.spec.models
            files = [remote.read_model(identity) for identity in needed]
        except Exception as failure:
            _fail(result, failure)
            return
        self._try(result, remote, files, tries)


def _fail(result: Future[Any], error: BaseException) -> None:
    with suppress(InvalidStateError):  # cancelled just now
        result.set_exception(error)


class RemotePool:
    """Does the jobs of one stream on a cluster; see :class:`.pool.Pool`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[int, tuple[Job[Any], Future[Any] | None]] = {}

    def admit(self, job: Job[Any]) -> None:
        """Wait for a place in the line and for memory; once closed, not any more."""
        self._cluster.take(job.memory, self._stopped)
        with self._lock:
            self._held[id(job)] = job, None
        if self._stopped.is_set():
            self.release(job)

    def submit(self, job: Job[Any], progress: Progress) -> Future[Any]:
        """Begin a job that was admitted."""
        if job.remote is None:
            return run_here(job, progress)
        future = self._cluster.submit(job.remote)
        with self._lock:
            if id(job) in self._held:
                self._held[id(job)] = job, future
            else:
                future.cancel()  # closed just now
        return future

    def release(self, job: Job[Any]) -> None:
        """Note that the result of a job has been taken."""
        with self._lock:
            held = self._held.pop(id(job), None)
        if held is not None:
            self._cluster.give(job.memory)

    def close(self) -> None:
        """Give up what nobody waits for."""
        self._stopped.set()
        with self._lock:
            held = list(self._held.values())
        for job, future in held:
            self.release(job)
            if future is not None and future.cancel():
                future.set_running_or_notify_cancel()  # else who waits for it is not told
        self._cluster.forget(self)


class ExecutorCluster(Cluster):
    """The workers of any executor, which stays its owner's to shut down.

    Tasks go to it as they would from anyone else, so what it pickles, and whom it trusts, is its
    own concern. A pool of processes shares the cores and the memory of this machine.
    """

    def __init__(self, executor: Executor) -> None:
        super().__init__()
        self._executor = executor
        self._threads = self._memory = 0
        if isinstance(executor, ProcessPoolExecutor):
            self._threads = max(1, cpus() // self.workers)
            self._memory = memory() // SHARE // self.workers

    @property
    def workers(self) -> int:
        """How many tasks can be done at once: what the executor says of itself, or a guess."""
        for name in ("_max_workers", "num_workers"):  # of the standard library, and of mpi4py
            count = getattr(self._executor, name, None)
            if isinstance(count, int) and count > 0:
                return count
        return UNKNOWN_WORKERS

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is none of the standard library's, whose workers are on this machine."""
        return not isinstance(self._executor, ProcessPoolExecutor | ThreadPoolExecutor)

    def start(self, task: Task, files: Sequence[bytes]) -> Future[Any]:
        """Have a worker do a task."""
        work = partial(run_task, threads=self._threads, memory_share=self._memory)
        return self._executor.submit(work, task, *files)

    def explain(self, error: BaseException) -> Exception:
        """Return the error to raise for one of the executor's."""
        if isinstance(error, BrokenExecutor):
            return ClusterError(
                "a worker process ended all of a sudden, and with it its pool: "
                "perhaps memory was short; make a new executor and try again"
            )
        return explained(error)


def explained(error: BaseException) -> Exception:
    """Return the error to raise for one that came from a worker, or from the way to it."""
    if isinstance(error, NNCompressError | MemoryError):
        return error
    if isinstance(error, CancelledError):
        return ClusterError("the work on a block was cancelled, and not by this program")
    if isinstance(error, NeedsModels):
        return ClusterError("a worker lost a model that it was sent, again and again")
    if isinstance(error, NeedsLiterals):
        return ClusterError(f"a worker cannot read a block: {error}")
    text = " ".join(str(error).split()) or "no more is known"
    if isinstance(error, ImportError | AttributeError):
        return ClusterError(
            f"a worker cannot run this nncompress ({text}): "
            "install the same version on all machines"
        )
    return ClusterError(f"a worker failed: {type(error).__name__}: {text}")

"""Have blocks coded by the workers of a Dask cluster, or by worker processes on this machine.

Dask distributed (https://distributed.dask.org) does the work: it gives tasks to workers, does those
of lost workers again, and cancels what nobody waits for.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import Any

from nncompress._version import __version__
from nncompress.archive.codec import Coded, Decoded
from nncompress.errors import ClusterError, ConfigError, MissingLibraryError
from nncompress.machine.resources import cpus, memory

from .cluster import Cluster, explained
from .limits import SHARE
from .tasks import Task, run_task

log = logging.getLogger("nncompress")

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer."""

CLOSE_SECONDS = 5
"""How long leaving a cluster may take; a scheduler that is lost does not answer."""

COUNT_SECONDS = 5.0
"""How long the number of workers is taken to be what it was."""

MOST_LOCAL = 1024
"""Worker processes on this machine."""

_LOCAL = re.compile(r"local:([0-9]{1,9})")


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster]:
    """Connect to a cluster for as long as the context lasts.

    Args:
        address: of a scheduler, such as "tcp://host:8786" or "tls://host:8786"; or "local:N" for N
            worker processes on this machine, which end with the context.

    Raises:
        ConfigError: that is no address.
        MissingLibraryError: Dask distributed is not installed.
        ClusterError: nobody answers, or the workers have another version of nncompress.
    """
    local = _LOCAL.fullmatch(address)
    if local is None and not re.fullmatch(r"[a-z]+://\S+", address):
        raise ConfigError(f"{address!r} is neither a scheduler such as tcp://host:8786 nor local:N")
    if local is not None and not 1 <= int(local[1]) <= MOST_LOCAL:
        raise ConfigError(f"local:N has 1 to {MOST_LOCAL} worker processes, not {local[1]}")
    _require_distributed()
    _silence()
    with ExitStack() as stack:
        if local is not None:
            count = int(local[1])
            scheduler = stack.enter_context(_local_cluster(count))
            share = memory() // SHARE // count
        else:
            scheduler, share = address, 0
        client = stack.enter_context(_connected(scheduler, address))
        cluster = DaskCluster(client, address, share)
        stack.callback(cluster.close)
        cluster.check_versions()
        yield cluster


def _require_distributed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise MissingLibraryError(
            "a cluster needs Dask distributed: pip install 'nncompress[cluster]'"
        ) from None


def _silence() -> None:
    """Keep Dask's log from standard error: what is lost is said by one error."""
    for name in tuple(logging.root.manager.loggerDict):
        if name.split(".")[0] == "distributed":  # each has a level of its own
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _local_cluster(count: int) -> Iterator[Any]:
    """Start worker processes, which share the cores of this machine.

    Connections are encrypted, and others on the machine cannot use them, where the library for it
    is installed.
    """
    from distributed import LocalCluster

    with ExitStack() as stack:
        with _interrupts_held_back():
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=max(1, cpus() // count),
                processes=True,
                memory_limit=0,  # blocks at once are bounded by what they are known to take
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                security=_has_encryption() or None,
            )
            stack.callback(_close, cluster)
        yield cluster


def _close(connected: Any) -> None:
    with suppress(Exception):  # what is lost already does not answer
        connected.close(timeout=CLOSE_SECONDS)


def _has_encryption() -> bool:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        return False
    return True


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the context ends; processes that start meanwhile never hear of it.

    A terminal sends it to worker processes, too, which are to end with this one, and not alone.
    Threads and processes inherit that it is blocked.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # else the first process to start unblocks it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _connected(scheduler: Any, address: str) -> Iterator[Any]:
    import dask
    from distributed import Client

    # Blocks go with their tasks, since what lies on a worker would be lost with it.
    settings = {"distributed.admin.large-graph-warning-threshold": "1TB"}
    with dask.config.set(settings):
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            text = " ".join(str(error).split())
            raise ClusterError(f"no scheduler of Dask answers at {address}: {text}") from None
        try:
            yield client
        finally:
            _close(client)


class DaskCluster(Cluster):
    """The workers of a Dask cluster.

    Args:
        client: connected to its scheduler.
        address: what errors call it.
        memory_share: bytes of memory for the blocks that a worker codes at once; 0 for a part of
            its machine's.
    """

    def __init__(self, client: Any, address: str, memory_share: int = 0) -> None:
        super().__init__()
        self._client, self._address = client, address
        self._executor = client.get_executor(pure=False)
        self._work: Callable[..., Any] = partial(run_on_worker, memory_share)
        self._count, self._counted = 1, 0.0
        self._scattered: dict[bytes, Any] = {}

    def check_versions(self) -> None:
        """Compare the workers that there are; later ones compare when they get a task.

        Raises:
            ClusterError: one has another version of nncompress, or none.
        """
        try:
            found = self._client.run(worker_version, on_error="return")
        except Exception as error:
            raise self.explain(error) from None
        if not found:
            log.warning("%s has no workers yet; waiting for them", self._address)
        for worker, version in found.items():
            if version != __version__:
                has = f"nncompress {version}" if isinstance(version, str) else "no such nncompress"
                raise ClusterError(
                    f"the worker {worker} has {has}, and this is {__version__}: "
                    "install the same version on all machines"
                )

    @property
    def workers(self) -> int:
        """How many threads all workers have."""
        now = time.monotonic()
        if now - self._counted > COUNT_SECONDS and self._is_connected:
            self._counted = now
            with suppress(Exception):  # lost; what is in flight tells
                self._count = max(1, sum(self._client.nthreads().values()))
        return self._count

    @property
    def is_elsewhere(self) -> bool:
        """Whether its workers were not started here."""
        return _LOCAL.fullmatch(self._address) is None

    @property
    def _is_connected(self) -> bool:
        """Whether the scheduler is there; tasks end as cancelled when it is lost."""
        return bool(self._client.status == "running")

    def start(self, task: Task, files: Sequence[bytes]) -> Future[Any]:
        """Have a worker do a task; files of models go from worker to worker."""
        if not self._is_connected:
            raise CancelledError
        scattered = [self._scatter(file) for file in files]
        started: Future[Any] = self._executor.submit(self._work, task, *scattered)
        if not self._is_connected:  # Dask may never end what begins while it loses a scheduler
            raise CancelledError
        return started

    def _scatter(self, file: bytes) -> Any:
        if file not in self._scattered or self._scattered[file].status != "finished":
            self._scattered[file] = self._client.scatter(file, hash=False)
        return self._scattered[file]

    def may_retry(self, error: BaseException) -> bool:
        """Whether a task was cancelled since the worker with a model's file was lost."""
        return isinstance(error, CancelledError) and self._is_connected

    def explain(self, error: BaseException) -> Exception:
        """Return the error to raise for one of Dask's, or of a worker's."""
        from distributed import KilledWorker

        if not self._is_connected:
            return ClusterError(
                f"the scheduler at {self._address} is lost: start one and run this again"
            )
        if isinstance(error, KilledWorker):
            return ClusterError(
                f"workers at {self._address} were lost over and over while they coded one block: "
                "perhaps their memory is short; fewer threads a worker take less"
            )
        return explained(error)


class _Cancelled(Exception):
    """Nobody waits for this task any more."""


def worker_version() -> str:
    """Return the version of nncompress in this process."""
    return __version__


def run_on_worker(memory_share: int, task: Task, *files: bytes) -> Coded | Decoded:
    """Do a task in a worker of Dask, with as many threads as the worker was given."""
    from distributed import get_worker

    worker = get_worker()
    threads = min(cpus(), worker.state.nthreads)
    watch = _watch(worker, worker.get_current_task())
    return run_task(task, *files, threads=threads, memory_share=memory_share, progress=watch)


def _watch(worker: Any, key: object) -> Callable[..., None]:
    """Return what ends a task that nobody waits for, when it reports progress."""
    looked = time.monotonic()
    lock = threading.Lock()

    def look(_: int, __: int = 0, /) -> None:
        nonlocal looked
        with lock:
            now = time.monotonic()
            if now - looked < 1:
                return
            looked = now
        state = worker.state.tasks.get(key)
        if state is None or state.state == "cancelled":
            raise _Cancelled

    return look

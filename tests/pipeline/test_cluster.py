"""Blocks coded elsewhere make the same archive, whatever becomes of the workers meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

import nncompress
from nncompress.archive.writer import RawBlock
from nncompress.coding.options import CodingOptions
from nncompress.errors import (
    ClusterError,
    ConfigError,
    DamagedArchiveError,
    MissingLibraryError,
    ModelError,
)
from nncompress.pipeline import cluster as cluster_module
from nncompress.pipeline import dask_cluster, tasks
from nncompress.pipeline.cluster import Cluster, ExecutorCluster
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.dask_cluster import open_cluster
from nncompress.pipeline.pool import RemoteTask
from tests.dask import dask_workers
from tests.models import text, write_model

SIZE = 30_000
BLOCKS = [RawBlock(data := text(SIZE, seed), data, seed == 7) for seed in range(8)]
FAST = CodingOptions(level=1)


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def dask(scheduler: str) -> Iterator[Cluster]:
    with open_cluster(scheduler) as cluster:
        yield cluster


@pytest.fixture
def uninstalled(tmp_path: Path) -> Path:
    """A model that workers cannot know; they have to be sent it."""
    return write_model(tmp_path / "tiny.nncmodel")


def test_an_executor_makes_the_archive_of_this_process(threads):
    data = text(100_000) + os.urandom(1000) + text(100_000)
    archive = nncompress.compress(data, level=1, executor=threads)
    assert archive == nncompress.compress(data, level=1)
    assert nncompress.decompress(archive, executor=threads) == data


def test_files_are_written_whole_or_not_at_all_with_an_executor(threads, tmp_path):
    source, broken = tmp_path / "notes", tmp_path / "broken.nnc"
    source.write_bytes(text(20_000))
    archive = Path(nncompress.compress_file(source, level=1, executor=threads))
    assert archive.read_bytes() == nncompress.compress(source.read_bytes(), level=1)
    data = bytearray(archive.read_bytes())
    data[-20] ^= 1
    broken.write_bytes(data)
    with pytest.raises(DamagedArchiveError):
        nncompress.decompress_file(broken, executor=threads)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.nnc", "notes", "notes.nnc"]
    source.unlink()
    assert nncompress.decompress_file(archive, executor=threads) == str(source)
    assert source.read_bytes() == text(20_000)


def test_what_is_no_executor_is_refused():
    with pytest.raises(TypeError, match="Executor, not int"):
        nncompress.compress(b"data", executor=3)  # type: ignore[arg-type]


class Slow(Executor):
    """Does nothing until it is told to, and counts what waits."""

    num_workers = 4

    def __init__(self) -> None:
        self.waiting: list[Future[object]] = []

    def submit(self, work, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.waiting.append(future := Future[object]())
        return future


def test_tasks_in_flight_are_bounded_and_cancelled(monkeypatch):
    executor = Slow()
    cluster = ExecutorCluster(executor)
    coded = Coder(FAST, cluster=cluster).encode(iter(BLOCKS))
    monkeypatch.setattr(cluster_module, "POLL", 0.01)
    waiting = ThreadPoolExecutor(1).submit(next, coded)
    while len(executor.waiting) < 5:  # four workers, and one task ahead
        assert not waiting.done()
    cluster.close()
    with pytest.raises(CancelledError):
        waiting.result()
    assert len(executor.waiting) == 5
    assert all(future.cancelled() for future in executor.waiting)


def test_a_pool_whose_process_ends_says_so_and_leaves_nothing(tmp_path):
    source = tmp_path / "notes"
    source.write_bytes(text(2000))
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        executor.submit(os._exit, 1).exception()
        with pytest.raises(ClusterError, match="process ended"):
            nncompress.compress_file(source, level=1, executor=executor)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def task_of(options: CodingOptions) -> tasks.EncodeTask:
    """A task for a worker."""
    coder = Coder(options)
    spec = coder._spec(coder.encoder)
    assert spec is not None
    return tasks.EncodeTask(spec, b"some literals", 13, True)


def test_a_task_of_another_version_is_refused():
    with pytest.raises(ClusterError, match="the same version on all machines"):
        tasks.run_task(replace(task_of(FAST), version="0.0.1"))


def test_a_model_is_taken_from_no_file_of_another(tmp_path, uninstalled):
    other = write_model(tmp_path / "other.nncmodel", seed=1)
    task = task_of(CodingOptions(model=other, method="network"))
    with pytest.raises(tasks.NeedsModels) as lacking:
        tasks.run_task(task)
    assert lacking.value.args[0] == list(task.spec.models)
    with pytest.raises(tasks.NeedsModels):
        tasks.run_task(task, uninstalled.read_bytes())
    with pytest.raises(ModelError, match="sent to a worker"):
        tasks.run_task(task, other.read_bytes()[:-1])
    tasks.run_task(task, other.read_bytes())


def test_a_cluster_makes_the_archive_of_this_process(dask):
    here = [coded for _, coded in Coder(FAST).encode(BLOCKS)]
    done = 0

    def count(size: int, made: int = 0, /) -> None:
        nonlocal done
        done += size

    assert list(Coder(FAST, cluster=dask).encode(BLOCKS, count)) == list(
        zip(BLOCKS, here, strict=True)
    )
    assert done == SIZE * len(BLOCKS)


@pytest.mark.parametrize("with_model", [False, True])
def test_blocks_of_a_killed_worker_are_done_again(scheduler, uninstalled, with_model):
    options = CodingOptions(model=uninstalled, method="network") if with_model else FAST
    here = [coded for _, coded in Coder(options).encode(BLOCKS)]
    with open_cluster(scheduler) as cluster:
        coded = Coder(options, cluster=cluster).encode(BLOCKS)
        found = [next(coded)[1]]
        client = cluster._client  # type: ignore[attr-defined]
        workers = {address for holders in client.who_has().values() for address in holders}
        pids = client.run(os.getpid)
        pid = pids[sorted(workers & set(pids))[0]] if with_model else pids.popitem()[1]
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        found += [made for _, made in coded]
    assert found == here


def test_workers_get_models_that_they_lack(dask, uninstalled):
    options = CodingOptions(model=uninstalled, method="network+mixing")
    blocks = BLOCKS[:3]
    coded = list(Coder(options, cluster=dask).encode(blocks))
    assert coded == list(Coder(options).encode(blocks))
    assert {made.model_id for _, made in coded} == {Coder(options).encoder.model_id}


def test_an_archive_with_its_model_is_decoded_by_workers(dask, uninstalled):
    data = text(20_000)
    archive = nncompress.compress(data, model=uninstalled, method="network", embed_model=True)
    executor = dask._client.get_executor()
    assert nncompress.decompress(archive, executor=executor) == data


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(ClusterError, match=r"no scheduler .* tcp://127.0.0.1:9"):
        open_cluster("tcp://127.0.0.1:9").__enter__()


def test_tasks_that_begin_after_the_scheduler_is_lost_fail(monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 2)
    with ExitStack() as connected:
        with dask_workers(0) as address:
            cluster = connected.enter_context(open_cluster(address))
        remote = RemoteTask(task_of(FAST), lambda _: b"")
        states = set()
        while "closed" not in states:  # it looks for a scheduler for two seconds, then gives up
            states.add(cluster._client.status)
            assert cluster.workers == 1
            with pytest.raises(ClusterError, match="is lost"):
                cluster.submit(remote).result(30)
        assert "connecting" in states


@pytest.mark.parametrize("address", ["", "host", "local", "local:0", "local:-1", "local:9999999"])
def test_addresses_are_checked(address):
    with pytest.raises(ConfigError, match="local:N"):
        open_cluster(address).__enter__()


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'nncompress\[cluster\]'"):
        open_cluster("local:1").__enter__()

"""A Dask cluster of two worker processes, one for all tests of a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def dask_workers(count: int) -> Iterator[str]:
    """Start a scheduler and workers, and yield the scheduler's address."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of the cluster that tests share."""
    with dask_workers(2) as address:
        yield address

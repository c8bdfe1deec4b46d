"""Check the keywords of the Python interface, and make objects of them."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError

from .fileobj import FilePath
from .limits import Limits

if TYPE_CHECKING:
    from .cluster import Cluster


def coding_options(
    model: FilePath | None,
    device: str,
    threads: int,
    memory_limit: int | None,
    level: int | None = None,
    method: str | None = None,
    window: int | None = None,
    embed_model: bool = False,
) -> CodingOptions:
    """Return the options, or raise TypeError for a value of the wrong type."""
    check_text("device", device)
    if method is not None:
        check_text("method", method)
    if not isinstance(embed_model, bool):
        raise TypeError(f"embed_model must be True or False, not {type(embed_model).__name__}")
    number = whole_number("threads", threads)
    if number is None:
        raise TypeError("threads must be a whole number, not None")
    limit = whole_number("memory_limit", memory_limit)
    if limit is not None and limit < 1:
        raise ConfigError(f"memory_limit must be at least 1, not {limit}")
    return CodingOptions(
        model=model if model is None or isinstance(model, str) else Path(os.fsdecode(model)),
        level=whole_number("level", level),
        method=method,
        device=device,
        threads=number,
        memory_limit=limit,
        window=whole_number("window", window),
        embed_model=embed_model,
    )


def reading_limits(options: CodingOptions, max_output_size: int | None) -> Limits:
    """Return the bounds for reading an archive."""
    most = whole_number("max_output_size", max_output_size)
    if most is not None and most < 0:
        raise ConfigError(f"max_output_size must be at least 0, not {most}")
    return Limits(options.memory_limit, most)


def whole_number(name: str, value: Any) -> int | None:
    """Return a whole number of any type that is one, or None; raise TypeError for others."""
    if value is None:
        return None
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")


def check_text(name: str, value: Any) -> None:
    """Raise TypeError for what is no text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text (str), not {type(value).__name__}")


@contextmanager
def using(executor: Executor | None) -> Iterator[Cluster | None]:
    """Give the workers of an executor; None stands for the threads of this process.

    Raises:
        TypeError: it is no executor.
    """
    if executor is None:
        yield None
        return
    if not isinstance(executor, Executor):
        kind = type(executor).__name__
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {kind}")
    with closing(_cluster_of(executor)) as cluster:
        yield cluster


def _cluster_of(executor: Executor) -> Cluster:
    """Return what sends tasks to an executor; of Dask's, what knows how many threads there are."""
    from .cluster import ExecutorCluster

    client = getattr(executor, "_client", None)
    if client is None or not type(executor).__module__.startswith("distributed."):
        return ExecutorCluster(executor)
    from .dask_cluster import DaskCluster

    return DaskCluster(client, client.scheduler.address)

"""Compress and restore one file by its name, for the Python interface."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from nncompress.errors import FileError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import FilePath, place_of_file
from nncompress.pipeline.keywords import coding_options, reading_limits, using
from nncompress.pipeline.remote import Place, Url
from nncompress.pipeline.stream import Totals, compress_stream, decompress_stream

from .names import Skip, archive_name, contents_name
from .readback import read_back_from
from .remote import Output, open_output
from .source import Source, open_source

if TYPE_CHECKING:
    from nncompress.pipeline.cluster import Cluster


def compress_file(
    source: FilePath,
    target: FilePath | None = None,
    *,
    force: bool = False,
    executor: Executor | None = None,
    level: int | None = None,
    method: str | None = None,
    window: int | None = None,
    model: FilePath | None = None,
    embed_model: bool = False,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
) -> str:
    """Compress a file to an archive, which appears under its name when it is complete.

    Args:
        source: the file's name, or a URL. It is kept.
        target: the archive's name; None for that of the source with ``.nnc`` behind it.
        force: whether to replace a file that exists.
        executor: what codes the blocks: any :class:`concurrent.futures.Executor`, such as Dask's
            ``Client.get_executor()``; None for threads of this process. The archive is the same.
        level: 1 (fastest) to 9 (smallest); None for the default, 6.
        method: "auto", "network", "network+mixing", "mixing" or "stored"; None is "auto".
        window: how many bytes back repeats are sought, besides those that repeat themselves; 0 for
            not at all, None for the level's own.
        model: model file, or name or identity of an installed model; None for the level's own;
            "auto" for the one of the installed models that fits each block best.
        embed_model: whether the archive carries the model that it needs, so that it opens where
            that is not installed.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, in each process of an executor; 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take, in each process of an
            executor; blocks become smaller to fit, and the level lower where that is not enough.
            None for any number for one block, and a quarter of the machine's memory for several.

    Returns:
        The name of the archive, or its URL.

    Raises:
        TypeError: an argument has the wrong type.
        ConfigError: an argument has an impossible value.
        FileError: the source cannot be read, or the target exists or cannot be written.
        ModelError: the model is missing or damaged.
        DeviceError: the device is missing or not exact.
        MemoryLimitError: not even the lowest level keeps to ``memory_limit``.
        ClusterError: the executor has lost its workers, or they cannot do it.

    >>> import nncompress, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes"
    >>> _ = path.write_bytes(b"one two three " * 100)
    >>> pathlib.Path(nncompress.compress_file(path)).name
    'notes.nnc'
    """
    options = coding_options(
        model, device, threads, memory_limit, level, method, window, embed_model
    )
    path = place_of_file(source)

    def compress(file: Source, out: Output, cluster: Cluster | None) -> Totals:
        return compress_stream(file, out, Coder(options, cluster=cluster), url=file.url)

    result = archive_name(path, force=True) if target is None else place_of_file(target)
    return _convert(path, result, force, executor, compress, sparse=False)


def decompress_file(
    source: FilePath,
    target: FilePath | None = None,
    *,
    force: bool = False,
    executor: Executor | None = None,
    max_output_size: int | None = None,
    model: FilePath | None = None,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
) -> str:
    """Restore the file that an archive was made of; it appears when all of it has been checked.

    Args:
        source: the archive's name, or a URL. It is kept.
        target: the file's name; None for that of the archive without ``.nnc``.
        force: whether to replace a file that exists.
        executor: what decodes the blocks: any :class:`concurrent.futures.Executor`; None for
            threads of this process.
        max_output_size: most bytes to write, None for no limit.
        model: model file, or name or identity of an installed model; None for the one that the
            archive names.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, in each process of an executor; 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take, in each process of an
            executor; None for any number for one block, and a quarter of the machine's memory for
            several.

    Returns:
        The name of the file, or its URL.

    Raises:
        TypeError: an argument has the wrong type.
        ConfigError: an argument has an impossible value.
        FileError: the archive cannot be read, its name does not say what the file is called, or
            the target exists or cannot be written.
        ArchiveError: the archive is damaged, cut off, or none at all; nothing is left then.
        LimitError: a limit would be passed.
        ModelError: the model is missing, damaged, or not the one that the archive names.
        DeviceError: the device is missing or not exact.
        ClusterError: the executor has lost its workers, or they cannot do it.
    """
    options = coding_options(model, device, threads, memory_limit)
    limits = reading_limits(options, max_output_size)
    path = place_of_file(source)

    def decompress(file: Source, out: Output, cluster: Cluster | None) -> Totals:
        with read_back_from(out) as history:
            return decompress_stream(
                file, out, Coder(options, cluster=cluster), limits, history=history
            )

    result = _contents(path) if target is None else place_of_file(target)
    return _convert(path, result, force, executor, decompress, sparse=True)


def _contents(path: Place) -> Place:
    try:
        return contents_name(path)
    except Skip:
        raise FileError(f"{path}: unknown suffix; give a target", str(path)) from None


def _convert(
    path: Place,
    target: Place,
    force: bool,
    executor: Executor | None,
    work: Callable[[Source, Output, Cluster | None], Totals],
    *,
    sparse: bool,
) -> str:
    with using(executor) as cluster, open_source(path, replaces=False) as file:
        if file.is_at(target):
            raise FileError(f"{target}: is source and target at once", str(target))
        with open_output(target, force=force, sparse=sparse) as out:
            work(file, out, cluster)
            out.sync(file.attributes)
            out.commit()
    return target.text if isinstance(target, Url) else str(target)

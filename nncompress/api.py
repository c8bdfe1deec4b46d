"""The Python interface: one-shot functions, file objects, streaming objects.

Each has its keywords in its signature and describes them. Nothing heavy is imported before a block
is coded.
"""

from __future__ import annotations

import io
from concurrent.futures import Executor
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO, get_args, overload

from nncompress.errors import ConfigError
from nncompress.pipeline import incremental
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import FilePath, open_archive
from nncompress.pipeline.incremental import as_bytes
from nncompress.pipeline.keywords import (
    check_text,
    coding_options,
    reading_limits,
    using,
    whole_number,
)
from nncompress.pipeline.stream import compress_stream, decompress_stream

if TYPE_CHECKING:
    from typing_extensions import Buffer

BinaryMode = Literal["r", "rb", "w", "wb", "x", "xb", "a", "ab"]
TextMode = Literal["rt", "wt", "xt", "at"]

BINARY_MODES, TEXT_MODES = get_args(BinaryMode), get_args(TextMode)


def compress(
    data: Buffer,
    *,
    level: int | None = None,
    method: str | None = None,
    window: int | None = None,
    model: FilePath | None = None,
    embed_model: bool = False,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
    executor: Executor | None = None,
) -> bytes:
    """Compress ``data`` and return an archive.

    Args:
        data: bytes, or what has bytes: a bytearray, a memoryview, an array.
        level: 1 (fastest) to 9 (smallest); None for the default, 6.
        method: "auto", "network", "network+mixing", "mixing" or "stored"; None is "auto".
        window: how many bytes back repeats are sought, besides those that repeat themselves; 0 for
            not at all, None for the level's own.
        model: model file, or name or identity of an installed model; None for the level's own;
            "auto" for the one of the installed models that fits each block best.
        embed_model: whether the archive carries the model that it needs, so that it opens where
            that is not installed.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take; blocks become smaller
            to fit, and the level lower where that is not enough. None for any number for one
            block, and a quarter of the machine's memory for several.
        executor: what codes the blocks: any :class:`concurrent.futures.Executor`, with ``threads``
            and ``memory_limit`` for each of its processes; None for threads of this process.

    Returns:
        An archive, never more than 32 bytes and 0.01% larger than ``data``, and the model that it
        is told to carry.

    Raises:
        TypeError: an argument has the wrong type.
        ConfigError: an argument has an impossible value.
        ModelError: the model is missing or damaged.
        DeviceError: the device is missing or not exact.
        MemoryLimitError: not even the lowest level keeps to ``memory_limit``.

    >>> import nncompress
    >>> archive = nncompress.compress(b"one two three " * 100)
    >>> len(archive) < 200
    True
    >>> nncompress.decompress(archive) == b"one two three " * 100
    True
    """
    sink = io.BytesIO()
    options = coding_options(
        model, device, threads, memory_limit, level, method, window, embed_model
    )
    with using(executor) as cluster:
        compress_stream(io.BytesIO(as_bytes(data)), sink, Coder(options, cluster=cluster))
    return sink.getvalue()


def decompress(
    data: Buffer,
    *,
    max_output_size: int | None = None,
    model: FilePath | None = None,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
    executor: Executor | None = None,
) -> bytes:
    """Return the contents of an archive, or of several joined together.

    Args:
        data: the archive: bytes, or what has bytes.
        max_output_size: most bytes to return, None for no limit.
        model: model file, or name or identity of an installed model; None for the one that the
            archive names.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take; None for any number
            for one block, and a quarter of the machine's memory for several.
        executor: what decodes the blocks: any :class:`concurrent.futures.Executor`, with
            ``threads`` and ``memory_limit`` for each of its processes; None for threads of this
            process.

    Raises:
        TypeError: an argument has the wrong type.
        ArchiveError: the archive is damaged, cut off, or none at all.
        LimitError: a limit would be passed.
        ModelError: the model is missing, damaged, or not the one that the archive names.
        DeviceError: the device is missing or not exact.

    >>> import nncompress
    >>> nncompress.decompress(nncompress.compress(b"hello"))
    b'hello'
    >>> nncompress.decompress(b"something else")
    Traceback (most recent call last):
        ...
    nncompress.errors.NotAnArchiveError: not an nncompress archive (its first bytes are not those...
    """
    options = coding_options(model, device, threads, memory_limit)
    sink = io.BytesIO()
    limits = reading_limits(options, max_output_size)
    with using(executor) as cluster:
        coder = Coder(options, cluster=cluster)
        decompress_stream(io.BytesIO(as_bytes(data)), sink, coder, limits)
    return sink.getvalue()


class Compressor(incremental.Compressor):
    """Makes one archive of bytes that come in pieces.

    Args:
        block_size: raw bytes a block; smaller blocks make access finer and archives larger.
            None for the level's own.
        level: 1 (fastest) to 9 (smallest); None for the default, 6.
        method: "auto", "network", "network+mixing", "mixing" or "stored"; None is "auto".
        window: how many bytes back repeats are sought, besides those that repeat themselves; 0 for
            not at all, None for the level's own.
        model: model file, or name or identity of an installed model; None for the level's own;
            "auto" for the one of the installed models that fits each block best.
        embed_model: whether the archive carries the model that it needs, so that it opens where
            that is not installed.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take; blocks become smaller
            to fit, and the level lower where that is not enough. None for any number for one
            block, and a quarter of the machine's memory for several.

    >>> import nncompress
    >>> compressor = nncompress.Compressor()
    >>> archive = compressor.compress(b"first, ") + compressor.compress(b"second")
    >>> archive += compressor.flush()
    >>> nncompress.decompress(archive)
    b'first, second'
    """

    def __init__(
        self,
        *,
        block_size: int | None = None,
        level: int | None = None,
        method: str | None = None,
        window: int | None = None,
        model: FilePath | None = None,
        embed_model: bool = False,
        device: str = "auto",
        threads: int = 0,
        memory_limit: int | None = None,
    ) -> None:
        options = coding_options(
            model, device, threads, memory_limit, level, method, window, embed_model
        )
        size, coder = whole_number("block_size", block_size), Coder(options)
        super().__init__(coder.encoder, block_size=size, at_once=coder.at_once(size))


class Decompressor(incremental.Decompressor):
    """Restores contents from an archive that comes in pieces.

    Args:
        max_output_size: most bytes to return in all, None for no limit.
        model: model file, or name or identity of an installed model; None for the one that the
            archive names.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take; None for any number
            for one block, and a quarter of the machine's memory for several.

    >>> import nncompress
    >>> decompressor = nncompress.Decompressor()
    >>> archive = nncompress.compress(b"some contents")
    >>> decompressor.decompress(archive[:10]) + decompressor.decompress(archive[10:])
    b'some contents'
    >>> decompressor.eof
    True
    >>> decompressor.close()
    """

    def __init__(
        self,
        *,
        max_output_size: int | None = None,
        model: FilePath | None = None,
        device: str = "auto",
        threads: int = 0,
        memory_limit: int | None = None,
    ) -> None:
        options = coding_options(model, device, threads, memory_limit)
        limits, coder = reading_limits(options, max_output_size), Coder(options)
        super().__init__(coder.decoder, limits, coder.history())


@overload
def open(
    file: FilePath | BinaryIO,
    mode: BinaryMode = "rb",
    *,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
    block_size: int | None = None,
    level: int | None = None,
    method: str | None = None,
    window: int | None = None,
    model: FilePath | None = None,
    embed_model: bool = False,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
) -> BinaryIO: ...


@overload
def open(
    file: FilePath | BinaryIO,
    mode: TextMode,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    block_size: int | None = None,
    level: int | None = None,
    method: str | None = None,
    window: int | None = None,
    model: FilePath | None = None,
    embed_model: bool = False,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
) -> TextIO: ...


def open(
    file: FilePath | BinaryIO,
    mode: str = "rb",
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    block_size: int | None = None,
    level: int | None = None,
    method: str | None = None,
    window: int | None = None,
    model: FilePath | None = None,
    embed_model: bool = False,
    device: str = "auto",
    threads: int = 0,
    memory_limit: int | None = None,
) -> BinaryIO | TextIO:
    r"""Open an archive as a file object, like :func:`lzma.open`.

    Writing codes several blocks at once, while ``write`` takes more.

    Reading can start anywhere: ``seek`` costs nothing, and only the blocks that are read are
    decoded, each checked by its CRC-32. Once blocks are read in order, the next ones are decoded
    meanwhile. A ``file`` that cannot seek is read in order, one block at a time.

    What ends the writing also completes the archive, as in :mod:`lzma`: ``close``, the end of a
    ``with`` block, by an exception too (what was written before it is kept), and the end of the
    program for a file still open then. Only after an error of the writing itself, such as a full
    disk, the archive stays cut off, which reading reports; ``close`` raises that error again. To
    keep no archive of what an exception has ended, delete it where the exception is caught.

    Args:
        file: a path, or a URL as text; or an open binary file, which stays open. It is used from
            where it stands, and needs only ``read`` or only ``write``.
        mode: "r", "w", "x" (must not exist) or "a" (adds a member to a file that ends as an archive
            does, or is empty or missing), with "b" (the default) or "t".
        encoding: of text, for mode "t".
        errors: treatment of coding errors in text, for mode "t".
        newline: treatment of line ends, for mode "t".
        block_size: raw bytes a block when writing; smaller blocks make access finer and archives
            larger. None for the level's own.
        level: 1 (fastest) to 9 (smallest); None for the default, 6.
        method: "auto", "network", "network+mixing", "mixing" or "stored"; None is "auto".
        window: how many bytes back repeats are sought, besides those that repeat themselves; 0 for
            not at all, None for the level's own.
        model: model file, or name or identity of an installed model; None for the level's own when
            writing, and for the one that the archive names when reading; "auto" for the one of the
            installed models that fits each block best, when writing.
        embed_model: when writing, whether the archive carries the model that it needs, so that it
            opens where that is not installed.
        device: where the network is computed: "cpu", "cuda" or "cuda:N"; "auto" is the CPU.
        threads: how many to use, 0 for one a core.
        memory_limit: bytes of memory that the blocks coded at once may take; when writing, blocks
            become smaller to fit, and the level lower where that is not enough. None for any number
            for one block, and a quarter of the machine's memory for several.

    Raises:
        TypeError: an argument has the wrong type.
        ConfigError: the mode, or another argument, has an impossible value.
        OSError: the file cannot be opened.
        FileError: the URL has a protocol that is not known.
        MissingLibraryError: what the URL's protocol needs is not installed.
        ArchiveError: while reading, the archive is damaged, cut off, or none at all; for mode "a",
            the file does not end as an archive does.
        MemoryLimitError: while reading, a block would take more than ``memory_limit``.

    >>> import nncompress, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "numbers.nnc"
    >>> with nncompress.open(path, "wt", encoding="ascii") as file:
    ...     _ = file.write("\n".join(map(str, range(1000))))
    >>> with nncompress.open(path, "rb") as file:
    ...     _ = file.seek(-7, 2)
    ...     file.read()
    b'998\n999'
    """
    check_text("mode", mode)
    if mode not in (*BINARY_MODES, *TEXT_MODES):
        raise ConfigError(f"invalid mode {mode!r}: use r, w, x or a, with b or t")
    text = mode in TEXT_MODES
    if not text and not encoding is errors is newline is None:
        raise ConfigError("encoding, errors and newline are for text modes")
    options = coding_options(
        model, device, threads, memory_limit, level, method, window, embed_model
    )
    binary = open_archive(file, mode[0], options, whole_number("block_size", block_size))
    if not text:
        return binary
    return io.TextIOWrapper(binary, encoding, errors, newline)

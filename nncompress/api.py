"""The Python interface: one-shot functions, file objects, streaming objects.

Every function takes the keywords of :class:`nncompress.codecs.CodecOptions`. Nothing heavy is
imported before a block is coded.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast, overload

from nncompress import streams
from nncompress.codecs import CodecOptions
from nncompress.errors import ConfigError
from nncompress.fileobj import ArchiveWriter, BlockReader, StreamReader
from nncompress.parallel import Coder
from nncompress.pipeline import Limits, compress_stream, decompress_stream

StrPath = str | os.PathLike[str]

BinaryMode = Literal["r", "rb", "w", "wb", "x", "xb", "a", "ab"]
TextMode = Literal["rt", "wt", "xt", "at"]


def compress(
    data: bytes | bytearray | memoryview,
    *,
    model: StrPath | None = None,
    level: int | None = None,
    method: str | None = None,
    device: str = "auto",
    threads: int = 0,
    processes: int = 1,
) -> bytes:
    """Compress ``data`` and return an archive.

    Args:
        data: any bytes.
        model: model file, or name of a known model; None for the default.
        level: 1 (fastest) to 9 (smallest); None for the default.
        method: "auto", "network", "network+mixing", "mixing" or "stored"; None is "auto".
        device: "auto", "cpu", "cuda" or "cuda:N"; does not change the archive.
        threads: threads inside a block, 0 for one a core; does not change the archive.
        processes: blocks coded at once, each in a process; does not change the archive.

    Returns:
        An archive, never more than 32 bytes and 0.01% larger than ``data``.

    Raises:
        ConfigError: an argument has an impossible value.
        ModelError: the model is missing or damaged.
        DeviceError: the device is missing or not exact.

    >>> import nncompress
    >>> archive = nncompress.compress(b"one two three " * 100)
    >>> len(archive) < 200
    True
    >>> nncompress.decompress(archive) == b"one two three " * 100
    True
    """
    options = CodecOptions(_path(model), level, method, device, threads)
    sink = io.BytesIO()
    with Coder(options, processes) as coder:
        compress_stream(io.BytesIO(data), sink, coder)
    return sink.getvalue()


def decompress(
    data: bytes | bytearray | memoryview,
    *,
    model: StrPath | None = None,
    device: str = "auto",
    threads: int = 0,
    processes: int = 1,
    memory_limit: int | None = None,
    max_output_size: int | None = None,
) -> bytes:
    """Return the contents of an archive, or of several joined together.

    Args:
        data: the archive.
        model: model file it was made with; None looks for the identity that the archive names.
        device: see :func:`compress`.
        threads: see :func:`compress`.
        processes: see :func:`compress`.
        memory_limit: bytes that one block may take, None for no limit.
        max_output_size: most bytes to return, None for no limit.

    Raises:
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
    options = CodecOptions(_path(model), None, None, device, threads, memory_limit)
    sink = io.BytesIO()
    with Coder(options, processes) as coder:
        decompress_stream(io.BytesIO(data), sink, coder, Limits(memory_limit, max_output_size))
    return sink.getvalue()


class Compressor(streams.Compressor):
    """Makes one archive of bytes that come in pieces; keywords as in :func:`compress`.

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
        model: StrPath | None = None,
        level: int | None = None,
        method: str | None = None,
        device: str = "auto",
        threads: int = 0,
        block_size: int | None = None,
    ) -> None:
        options = CodecOptions(_path(model), level, method, device, threads)
        super().__init__(options.open_encoder(), block_size=block_size)


class Decompressor(streams.Decompressor):
    """Restores contents from an archive that comes in pieces; keywords as in :func:`decompress`.

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
        model: StrPath | None = None,
        device: str = "auto",
        threads: int = 0,
        memory_limit: int | None = None,
        max_output_size: int | None = None,
    ) -> None:
        coder = Coder(CodecOptions(_path(model), None, None, device, threads, memory_limit))
        super().__init__(coder.decoder, max_block=memory_limit, max_output=max_output_size)


@overload
def open(
    file: StrPath | BinaryIO,
    mode: BinaryMode = "rb",
    *,
    model: StrPath | None = None,
    level: int | None = None,
    method: str | None = None,
    device: str = "auto",
    threads: int = 0,
    block_size: int | None = None,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
) -> BinaryIO: ...


@overload
def open(
    file: StrPath | BinaryIO,
    mode: TextMode,
    *,
    model: StrPath | None = None,
    level: int | None = None,
    method: str | None = None,
    device: str = "auto",
    threads: int = 0,
    block_size: int | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> TextIO: ...


def open(
    file: StrPath | BinaryIO,
    mode: str = "rb",
    *,
    model: StrPath | None = None,
    level: int | None = None,
    method: str | None = None,
    device: str = "auto",
    threads: int = 0,
    block_size: int | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> BinaryIO | TextIO:
    r"""Open an archive as a file object, like :func:`lzma.open`.

    Reading can start anywhere: ``seek`` costs nothing, and only the blocks that are read are
    decoded, each checked by its CRC-32. A ``file`` that cannot seek is read in order.

    Args:
        file: a path, or an open binary file, which stays open.
        mode: "r", "w", "x" (must not exist) or "a" (adds a member), with "b" (the default) or "t".
        model: see :func:`compress` and :func:`decompress`.
        level: for writing, see :func:`compress`.
        method: for writing, see :func:`compress`.
        device: see :func:`compress`.
        threads: see :func:`compress`.
        block_size: raw bytes a block when writing; smaller blocks make access finer and archives
            larger. None for the default.
        encoding: of text, for mode "t".
        errors: treatment of coding errors in text, for mode "t".
        newline: treatment of line ends, for mode "t".

    Raises:
        ConfigError: the mode is wrong.
        OSError: the file cannot be opened.
        ArchiveError: while reading, the archive is damaged, cut off, or none at all.

    >>> import nncompress, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "numbers.nnc"
    >>> with nncompress.open(path, "wt", encoding="ascii") as file:
    ...     _ = file.write("\n".join(map(str, range(1000))))
    >>> with nncompress.open(path, "rb") as file:
    ...     _ = file.seek(-7, 2)
    ...     file.read()
    b'998\n999'
    """
    kind, text = mode.replace("b", "").replace("t", ""), "t" in mode
    if kind not in ("r", "w", "x", "a") or (text and "b" in mode):
        raise ConfigError(f"invalid mode {mode!r}: use r, w, x or a, with b or t")
    if not text and not encoding is errors is newline is None:
        raise ConfigError("encoding, errors and newline are for text modes")
    options = CodecOptions(_path(model), level, method, device, threads)
    binary = _open_binary(file, kind, options, block_size)
    if not text:
        return binary
    return io.TextIOWrapper(binary, encoding, errors, newline)


def _open_binary(
    file: StrPath | BinaryIO, kind: str, options: CodecOptions, block_size: int | None
) -> BinaryIO:
    own = isinstance(file, (str, os.PathLike))
    if isinstance(file, (str, os.PathLike)):  # noqa: SIM108 - too long for one line
        raw = cast(BinaryIO, Path(file).open(kind + "b"))  # noqa: SIM115 - closed by its user
    else:
        raw = file
    try:
        if kind != "r":
            compressor = streams.Compressor(options.open_encoder(), block_size=block_size)
            return cast(BinaryIO, ArchiveWriter(raw, compressor, close_file=own))
        source = Coder(options).decoder
        reader: io.RawIOBase
        if raw.seekable():
            reader = BlockReader(raw, source, close_file=own)
        else:
            reader = StreamReader(raw, source, close_file=own)
        return io.BufferedReader(reader)
    except BaseException:
        if own:
            raw.close()
        raise


def _path(model: StrPath | None) -> str | Path | None:
    return model if model is None or isinstance(model, str) else Path(model)

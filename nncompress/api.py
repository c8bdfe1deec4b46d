"""The Python interface: one-shot functions, file objects, streaming objects.

The keywords they have in common are described once, in :class:`EncoderOptions` and
:class:`DecoderOptions`. Nothing heavy is imported before a block is coded.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO, TypedDict, overload

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.pipeline import incremental
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import FilePath, open_archive
from nncompress.pipeline.limits import Limits
from nncompress.pipeline.stream import compress_stream, decompress_stream

if TYPE_CHECKING:
    from typing_extensions import Unpack

BinaryMode = Literal["r", "rb", "w", "wb", "x", "xb", "a", "ab"]
TextMode = Literal["rt", "wt", "xt", "at"]


class MachineOptions(TypedDict, total=False):
    """Keywords of every function.

    Of them only ``model`` changes an archive, and a ``memory_limit`` that is too small for the
    blocks of the level.
    """

    model: FilePath | None
    """Model file, or name of a known model; None for the one of the level, or for those whose
    identities an archive names. For compressing, "auto" tries the installed models on each block
    and takes the one that fits it best."""
    device: str
    """Where the network is computed, as ``cpu``, ``cuda`` or ``cuda:N``; ``auto`` (the default) is
    the CPU."""
    threads: int
    """Threads to use, 0 (the default) for one a core. Functions that have all the data code as many
    blocks at once, each in memory of its own."""
    memory_limit: int | None
    """Bytes that the blocks coded at once may take; None (the default) for any number for one
    block, and a quarter of the machine's memory for several."""


class EncoderOptions(MachineOptions, total=False):
    """Keywords for compressing."""

    level: int | None
    """1 (fastest) to 9 (smallest); None for the default."""
    method: str | None
    """"auto", "network", "network+mixing", "mixing" or "stored"; None is "auto"."""
    window: int | None
    """How many bytes back repeats are sought, besides those that repeat themselves; 0 for not at
    all, None for the level's own."""
    embed_model: bool
    """Whether the archive carries the model that it needs, so that it opens where that is not
    installed; False without it."""


class DecoderOptions(MachineOptions, total=False):
    """Keywords for decompressing."""


class OpenOptions(EncoderOptions, DecoderOptions, total=False):
    """Keywords of :func:`open`: those for reading and for writing."""

    block_size: int | None
    """Raw bytes a block when writing; smaller blocks make access finer and archives larger. None
    for the default."""


def compress(
    data: bytes | bytearray | memoryview,
    **options: Unpack[EncoderOptions],
) -> bytes:
    """Compress ``data`` and return an archive.

    Args:
        data: any bytes.
        options: see :class:`EncoderOptions`.

    Returns:
        An archive, never more than 32 bytes and 0.01% larger than ``data``, and the model that it
        is told to carry.

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
    sink = io.BytesIO()
    compress_stream(io.BytesIO(data), sink, Coder(_coding_options(options, EncoderOptions)))
    return sink.getvalue()


def decompress(
    data: bytes | bytearray | memoryview,
    *,
    max_output_size: int | None = None,
    **options: Unpack[DecoderOptions],
) -> bytes:
    """Return the contents of an archive, or of several joined together.

    Args:
        data: the archive.
        max_output_size: most bytes to return, None for no limit.
        options: see :class:`DecoderOptions`.

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
    chosen = _coding_options(options, DecoderOptions)
    limits = Limits(chosen.memory_limit, max_output_size)
    sink = io.BytesIO()
    decompress_stream(io.BytesIO(data), sink, Coder(chosen), limits)
    return sink.getvalue()


class Compressor(incremental.Compressor):
    """Makes one archive of bytes that come in pieces.

    Args:
        block_size: see :class:`OpenOptions`.
        options: see :class:`EncoderOptions`.

    >>> import nncompress
    >>> compressor = nncompress.Compressor()
    >>> archive = compressor.compress(b"first, ") + compressor.compress(b"second")
    >>> archive += compressor.flush()
    >>> nncompress.decompress(archive)
    b'first, second'
    """

    def __init__(self, *, block_size: int | None = None, **options: Unpack[EncoderOptions]) -> None:
        coder = Coder(_coding_options(options, EncoderOptions))
        super().__init__(coder.encoder, block_size=block_size)


class Decompressor(incremental.Decompressor):
    """Restores contents from an archive that comes in pieces.

    Args:
        max_output_size: see :func:`decompress`.
        options: see :class:`DecoderOptions`.

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
        self, *, max_output_size: int | None = None, **options: Unpack[DecoderOptions]
    ) -> None:
        chosen = _coding_options(options, DecoderOptions)
        limits = Limits(chosen.memory_limit, max_output_size)
        coder = Coder(chosen)
        super().__init__(coder.decoder, limits, coder.history())


@overload
def open(
    file: FilePath | BinaryIO,
    mode: BinaryMode = "rb",
    *,
    encoding: None = None,
    errors: None = None,
    newline: None = None,
    **options: Unpack[OpenOptions],
) -> BinaryIO: ...


@overload
def open(
    file: FilePath | BinaryIO,
    mode: TextMode,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[OpenOptions],
) -> TextIO: ...


def open(
    file: FilePath | BinaryIO,
    mode: str = "rb",
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    **options: Unpack[OpenOptions],
) -> BinaryIO | TextIO:
    r"""Open an archive as a file object, like :func:`lzma.open`.

    Reading can start anywhere: ``seek`` costs nothing, and only the blocks that are read are
    decoded, each checked by its CRC-32. A ``file`` that cannot seek is read in order.

    What ends the writing also completes the archive, as in :mod:`lzma`: ``close``, the end of a
    ``with`` block, by an exception too (what was written before it is kept), and the end of the
    program for a file still open then. Only after an error of the writing itself, such as a full
    disk, the archive stays cut off, which reading reports; ``close`` raises that error again. To
    keep no archive of what an exception has ended, delete it where the exception is caught.

    Args:
        file: a path, or an open binary file, which stays open. It is used from where it stands, and
            needs only ``read`` or only ``write``.
        mode: "r", "w", "x" (must not exist) or "a" (adds a member to a file that ends as an archive
            does, or is empty or missing), with "b" (the default) or "t".
        encoding: of text, for mode "t".
        errors: treatment of coding errors in text, for mode "t".
        newline: treatment of line ends, for mode "t".
        options: see :class:`OpenOptions`.

    Raises:
        ConfigError: the mode is wrong.
        OSError: the file cannot be opened.
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
    kind, text = mode.replace("b", "").replace("t", ""), "t" in mode
    if kind not in ("r", "w", "x", "a") or (text and "b" in mode):
        raise ConfigError(f"invalid mode {mode!r}: use r, w, x or a, with b or t")
    if not text and not encoding is errors is newline is None:
        raise ConfigError("encoding, errors and newline are for text modes")
    block_size = options.pop("block_size", None)
    binary = open_archive(file, kind, _coding_options(options, OpenOptions), block_size)
    if not text:
        return binary
    return io.TextIOWrapper(binary, encoding, errors, newline)


def _coding_options(keywords: Any, known: Any) -> CodingOptions:
    """Return the options that ``keywords`` state; TypeError for one that is not ``known``."""
    for name in keywords.keys() - known.__optional_keys__:
        raise TypeError(f"unexpected keyword argument {name!r}")
    model = keywords.get("model")
    if model is not None and not isinstance(model, str):
        keywords["model"] = Path(os.fsdecode(model))
    return CodingOptions(**keywords)

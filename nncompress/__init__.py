"""Lossless compression with a trained SHA-RNN in exact integer arithmetic.

The names below are imported when they are first used; ``import nncompress`` itself is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nncompress._version import __version__
from nncompress.errors import ArchiveError, LimitError, ModelError, NNCompressError

from . import errors

if TYPE_CHECKING:
    from nncompress.api import (
        Compressor,
        Decompressor,
        compress,
        decompress,
        open,
    )
    from nncompress.files.info import ArchiveInfo, BlockInfo, EmbeddedInfo, info
    from nncompress.files.tarformat import register_archive_format
    from nncompress.files.whole import compress_file, decompress_file
    from nncompress.reports.measure import bits_per_byte

__all__ = [
    "ArchiveError",
    "ArchiveInfo",
    "BlockInfo",
    "Compressor",
    "Decompressor",
    "EmbeddedInfo",
    "LimitError",
    "ModelError",
    "NNCompressError",
    "__version__",
    "bits_per_byte",
    "compress",
    "compress_file",
    "decompress",
    "decompress_file",
    "errors",
    "info",
    "open",
    "register_archive_format",
]


_ELSEWHERE = {
    "ArchiveInfo": "files.info",
    "BlockInfo": "files.info",
    "EmbeddedInfo": "files.info",
    "bits_per_byte": "reports.measure",
    "compress_file": "files.whole",
    "decompress_file": "files.whole",
    "info": "files.info",
    "register_archive_format": "files.tarformat",
}
"""Modules of the public names that :mod:`.api` does not define."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

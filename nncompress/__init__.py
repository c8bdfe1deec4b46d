"""Lossless compression with a trained SHA-RNN in exact integer arithmetic.

The names below are imported when they are first used; ``import nncompress`` itself is cheap.
"""

from __future__ import annotations

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
    from nncompress.files.tarformat import register_archive_format

__all__ = [
    "ArchiveError",
    "Compressor",
    "Decompressor",
    "LimitError",
    "ModelError",
    "NNCompressError",
    "__version__",
    "compress",
    "decompress",
    "errors",
    "open",
    "register_archive_format",
]


def __getattr__(name: str) -> Any:
    if name == "register_archive_format":
        from nncompress.files import tarformat

        return tarformat.register_archive_format
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Every exception that nncompress raises on purpose.

All derive from :class:`NNCompressError`, so ``except nncompress.NNCompressError`` is enough for a
caller who only wants to know that it failed. ``str(error)`` is one line that says what is wrong and
what to do; the attributes carry the facts.
"""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "ClusterError",
    "ConfigError",
    "DamagedArchiveError",
    "DeviceError",
    "FileError",
    "LimitError",
    "MemoryLimitError",
    "MissingLibraryError",
    "ModelError",
    "ModelMismatchError",
    "ModelNotFoundError",
    "NNCompressError",
    "NotAnArchiveError",
    "OutputLimitError",
    "TruncatedArchiveError",
    "UnsupportedArchiveError",
]


class NNCompressError(Exception):
    """Base of all errors of this package.

    The command line prints it as one line and exits with status 1.
    """


class ConfigError(NNCompressError, ValueError):
    """An option or argument has a value that cannot work."""


class FileError(NNCompressError):
    """A file cannot be read, written or replaced.

    Attributes:
        path: the file's name as the user gave it.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class ArchiveError(NNCompressError, ValueError):
    """An archive cannot be decoded.

    Attributes:
        offset: byte position in the archive where the fault was seen, or None.
        block: number of the block concerned, counted from 0 in its member, or None.
    """

    def __init__(
        self, message: str, *, offset: int | None = None, block: int | None = None
    ) -> None:
        super().__init__(message)
        self.offset = offset
        self.block = block


class NotAnArchiveError(ArchiveError):
    """The data does not begin with the signature of an nncompress archive."""


class TruncatedArchiveError(ArchiveError, EOFError):
    """The archive ends before its end marker."""


class DamagedArchiveError(ArchiveError):
    """A checksum or a field of the archive is wrong."""


class UnsupportedArchiveError(ArchiveError):
    """The archive uses a version, flag or method that this release does not know."""


class ModelError(NNCompressError):
    """A model file is missing, damaged or foreign."""


class ModelNotFoundError(ModelError):
    """No model with the identity an archive names is at hand.

    Attributes:
        wanted: the identity in hexadecimal digits, or the name that was asked for.
    """

    def __init__(self, message: str, *, wanted: str = "") -> None:
        super().__init__(message)
        self.wanted = wanted


class ModelMismatchError(ModelError):
    """The model given is not the one that an archive needs, and that one is not installed.

    Attributes:
        wanted: identity the archive names, in hexadecimal digits.
        found: identity of the model given, in hexadecimal digits.
    """

    def __init__(self, message: str, *, wanted: str = "", found: str = "") -> None:
        super().__init__(message)
        self.wanted = wanted
        self.found = found


class DeviceError(NNCompressError):
    """A device is missing, or does not compute exactly."""


class ClusterError(NNCompressError):
    """Workers elsewhere cannot be reached, were lost, or cannot do what they are asked."""


class MissingLibraryError(NNCompressError, ImportError):
    """A library that only some commands need is not installed, or cannot be loaded."""


class LimitError(NNCompressError):
    """A limit set by the user would be passed.

    Attributes:
        limit: the limit, in bytes.
        needed: bytes needed, as far as known.
    """

    def __init__(self, message: str, *, limit: int = 0, needed: int = 0) -> None:
        super().__init__(message)
        self.limit = limit
        self.needed = needed


class MemoryLimitError(LimitError):
    """A block needs more memory than ``memory_limit`` allows."""


class OutputLimitError(LimitError):
    """The decompressed data would be larger than ``max_output_size`` allows."""

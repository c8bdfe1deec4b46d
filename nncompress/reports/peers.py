"""The compressors that ``nncompress compare`` knows: one small class each, in the manner of CompressAI's bench.

See https://github.com/InterDigitalInc/CompressAI/tree/master/compressai/utils/bench. Libraries are imported when a
codec is used; a missing one is a line in the table, not an error.
"""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import lzma
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from importlib.metadata import version as installed_version

from nncompress._version import __version__

EXTRAS = "pip install 'nncompress[bench]'"


@dataclass(frozen=True)
class Settings:
    """What own methods run with, and ``seconds`` that a codec may take for both directions."""

    model: str | None = None
    level: int | None = None
    threads: int = 0
    seconds: float = 300.0


class Codec(ABC):
    """A compressor at one setting. ``name`` is what to type, or close to it."""

    name: str
    own = False
    external = False

    def configure(self, settings: Settings) -> None:  # noqa: B027
        """Take the settings; called once, before anything else."""

    def missing(self) -> str | None:
        """Why the codec cannot be used here, in a few words; None if it can."""
        return None

    def version(self) -> str:
        """The version of whatever does the work."""
        return ""

    def prepare(self) -> None:  # noqa: B027
        """Import and compile what the first use would; not timed with the work."""

    @abstractmethod
    def compress(self, data: bytes) -> bytes:
        """Compress."""

    @abstractmethod
    def decompress(self, data: bytes) -> bytes:
        """Undo :meth:`compress`."""


class Own(Codec):
    """One of nncompress's methods."""

    own = True

    def __init__(self, name: str, method: str | None) -> None:
        self.name, self.method = name, method
        self.settings = Settings()

    def configure(self, settings: Settings) -> None:
        """Take model, level and threads; with mixing alone there is no model."""
        self.settings = replace(settings, model=None) if self.method == "mixing" else settings

    def version(self) -> str:
        """The version of nncompress."""
        return __version__

    def prepare(self) -> None:
        """Code a few bytes, which loads libraries and kernels."""
        self.decompress(self.compress(b"warming up"))

    def compress(self, data: bytes) -> bytes:
        """Make an archive; loading the model counts."""
        from nncompress import compress

        chosen = self.settings
        return compress(
            data,
            model=chosen.model,
            level=chosen.level,
            method=self.method,
            threads=chosen.threads,
        )

    def decompress(self, data: bytes) -> bytes:
        """Open it; loading the model counts."""
        from nncompress import decompress

        return decompress(data, model=self.settings.model, threads=self.settings.threads)


class Gzip(Codec):
    """The standard library's, without a file name in the header."""

    name = "gzip -9"

    def version(self) -> str:
        """The version of zlib."""
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def compress(self, data: bytes) -> bytes:
        """``gzip -9n``."""
        return gzip.compress(data, 9, mtime=0)

    def decompress(self, data: bytes) -> bytes:
        """``gzip -d``."""
        return gzip.decompress(data)


class Bzip2(Codec):
    """The standard library's."""

    name = "bzip2 -9"

    def compress(self, data: bytes) -> bytes:
        """``bzip2 -9``."""
        return bz2.compress(data, 9)

    def decompress(self, data: bytes) -> bytes:
        """``bzip2 -d``."""
        return bz2.decompress(data)


class Xz(Codec):
    """The standard library's."""

    name = "xz -9e"

    def compress(self, data: bytes) -> bytes:
        """``xz -9e``."""
        return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)

    def decompress(self, data: bytes) -> bytes:
        """``xz -d``."""
        return lzma.decompress(data)


class Extra(Codec):
    """A codec from an optional package."""

    module: str

    def missing(self) -> str | None:
        """Say how to install it."""
        if importlib.util.find_spec(self.module) is None:
            return f"not installed: {EXTRAS}"
        return None

    def version(self) -> str:
        """The package's version."""
        return f"{self.module} {installed_version(self.module)}"


class Zstd(Extra):
    """zstandard; levels above 19 are what ``zstd --ultra`` unlocks."""

    module = "zstandard"

    def __init__(self, level: int) -> None:
        self.name = f"zstd {'--ultra ' if level > 19 else ''}-{level}"
        self.level = level

    def compress(self, data: bytes) -> bytes:
        """``zstd -N``."""
        import zstandard

        compressed: bytes = zstandard.ZstdCompressor(level=self.level).compress(data)
        return compressed

    def decompress(self, data: bytes) -> bytes:
        """``zstd -d``."""
        import zstandard

        contents: bytes = zstandard.ZstdDecompressor().decompress(data)
        return contents


class Brotli(Extra):
    """Brotli with the largest standard window."""

    name = "brotli -q 11 -w 24"
    module = "brotli"

    def compress(self, data: bytes) -> bytes:
        """``brotli -q 11 -w 24``."""
        import brotli

        compressed: bytes = brotli.compress(data, quality=11, lgwin=24)
        return compressed

    def decompress(self, data: bytes) -> bytes:
        """``brotli -d``."""
        import brotli

        contents: bytes = brotli.decompress(data)
        return contents


def all_codecs() -> dict[str, Codec]:
    """Every codec by its name, own methods first."""
    from .programs import PROGRAMS

    codecs = [
        Own("nncompress", None),
        Own("nncompress mixing", "mixing"),
        Gzip(),
        Bzip2(),
        Xz(),
        Zstd(19),
        Zstd(22),
        Brotli(),
        *PROGRAMS,
    ]
    return {codec.name: codec for codec in codecs}

"""Define the peers that are Python libraries: our own methods, gzip, bzip2, xz, zstd and brotli.

Libraries are imported when a peer is used; a missing one is a line in the table, not an error.
"""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import lzma
import platform
import zlib
from dataclasses import replace
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

from nncompress._version import __version__

from .peer import Peer, PeerSettings

if TYPE_CHECKING:
    from nncompress.coding.options import CodingOptions

EXTRAS = "pip install 'nncompress[bench]'"
"""The command that installs the optional libraries."""


class OwnMethod(Peer):
    """Compress with one of nncompress's methods.

    Args:
        name: the peer's name.
        method: see :class:`~nncompress.coding.options.CodingOptions`.
    """

    own = True

    def __init__(self, name: str, method: str | None) -> None:
        self.name, self.method = name, method
        self._options: CodingOptions | None = None

    def configure(self, settings: PeerSettings) -> None:
        """Take the options; with mixing alone there is no model."""
        self._options = settings.options

    def _chosen(self) -> CodingOptions:
        from nncompress.coding.options import CodingOptions

        options = replace(self._options or CodingOptions(), method=self.method)
        return replace(options, model=None) if self.method == "mixing" else options

    def version(self) -> str:
        """Return the version of nncompress."""
        return f"nncompress {__version__}"

    def command(self) -> str:
        """Return the command line that makes the same archive."""
        facts = self._used()
        words = [f"nncompress compress -{facts['level']}"]
        if self.method:
            words.append(f"--method {self.method}")
        if facts["model"]:
            words.append(f"-m {self._chosen().model or facts['model']}")
        return " ".join([*words, "input"])

    def facts(self) -> dict[str, Any]:
        """Return level and model too."""
        return super().facts() | self._used()

    def _used(self) -> dict[str, Any]:
        """Return level, and name and identity of the model, which are None without one."""
        from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
        from nncompress.coding.opening import model_file
        from nncompress.files.models import describe_model

        options = self._chosen()
        level = options.level or DEFAULT_LEVEL
        facts: dict[str, Any] = {"level": level, "model": None, "model_identity": None}
        if self.method != "mixing" and LEVELS[level].network:
            model = describe_model(model_file(options))
            facts |= {"model": model["name"], "model_identity": model["identity"]}
        return facts

    def prepare(self) -> None:
        """Code a few bytes, which loads libraries and kernels."""
        self.decompress(self.compress(b"warming up"))

    def compress(self, data: bytes) -> bytes:
        """Make an archive; loading the model counts."""
        from nncompress import compress

        chosen = self._chosen()
        return compress(
            data,
            model=chosen.model,
            level=chosen.level,
            method=chosen.method,
            device=chosen.device,
            threads=chosen.threads,
            memory_limit=chosen.memory_limit,
        )

    def decompress(self, data: bytes) -> bytes:
        """Open it; loading the model counts."""
        from nncompress import decompress

        chosen = self._chosen()
        return decompress(
            data,
            model=chosen.model,
            device=chosen.device,
            threads=chosen.threads,
            memory_limit=chosen.memory_limit,
        )


class Gzip(Peer):
    """Compress with the standard library's gzip, without a file name in the header."""

    name = "gzip -9"

    def version(self) -> str:
        """Return the version of zlib."""
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def command(self) -> str:
        """Return the call in Python."""
        return "gzip.compress(data, 9, mtime=0)"

    def compress(self, data: bytes) -> bytes:
        """Compress as ``gzip -9n`` does."""
        return gzip.compress(data, 9, mtime=0)

    def decompress(self, data: bytes) -> bytes:
        """Decompress as ``gzip -d`` does."""
        return gzip.decompress(data)


class Bzip2(Peer):
    """Compress with the standard library's bzip2."""

    name = "bzip2 -9"

    def version(self) -> str:
        """Return the version of Python, which does not tell that of its libbz2."""
        return f"bz2 of Python {platform.python_version()}"

    def command(self) -> str:
        """Return the call in Python."""
        return "bz2.compress(data, 9)"

    def compress(self, data: bytes) -> bytes:
        """Compress as ``bzip2 -9`` does."""
        return bz2.compress(data, 9)

    def decompress(self, data: bytes) -> bytes:
        """Decompress as ``bzip2 -d`` does."""
        return bz2.decompress(data)


class Xz(Peer):
    """Compress with the standard library's xz."""

    name = "xz -9e"

    def version(self) -> str:
        """Return the version of Python, which does not tell that of its liblzma."""
        return f"lzma of Python {platform.python_version()}"

    def command(self) -> str:
        """Return the call in Python."""
        return "lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)"

    def compress(self, data: bytes) -> bytes:
        """Compress as ``xz -9e`` does."""
        return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)

    def decompress(self, data: bytes) -> bytes:
        """Decompress as ``xz -d`` does."""
        return lzma.decompress(data)


class OptionalLibrary(Peer):
    """Compress with an optional package.

    Attributes:
        module: what to import, and the package's name.
    """

    module: str

    def missing(self) -> str | None:
        """Return how to install it, if it is missing."""
        if importlib.util.find_spec(self.module) is None:
            return f"not installed: {EXTRAS}"
        return None

    def version(self) -> str:
        """Return the package's version."""
        return f"{self.module} {installed_version(self.module)}"


class Zstd(OptionalLibrary):
    """Compress with zstandard.

    Args:
        level: those above 19 are what ``zstd --ultra`` unlocks.
    """

    module = "zstandard"

    def __init__(self, level: int) -> None:
        self.name = f"zstd {'--ultra ' if level > 19 else ''}-{level}"
        self.level = level

    def command(self) -> str:
        """Return the call in Python."""
        return f"zstandard.ZstdCompressor(level={self.level}).compress(data)"

    def compress(self, data: bytes) -> bytes:
        """Compress as ``zstd -N`` does."""
        import zstandard

        compressed: bytes = zstandard.ZstdCompressor(level=self.level).compress(data)
        return compressed

    def decompress(self, data: bytes) -> bytes:
        """Decompress as ``zstd -d`` does."""
        import zstandard

        contents: bytes = zstandard.ZstdDecompressor().decompress(data)
        return contents


class Brotli(OptionalLibrary):
    """Compress with Brotli in the largest standard window."""

    name = "brotli -q 11 -w 24"
    module = "brotli"

    def command(self) -> str:
        """Return the call in Python."""
        return "brotli.compress(data, quality=11, lgwin=24)"

    def compress(self, data: bytes) -> bytes:
        """Compress as ``brotli -q 11 -w 24`` does."""
        import brotli

        compressed: bytes = brotli.compress(data, quality=11, lgwin=24)
        return compressed

    def decompress(self, data: bytes) -> bytes:
        """Decompress as ``brotli -d`` does."""
        import brotli

        contents: bytes = brotli.decompress(data)
        return contents

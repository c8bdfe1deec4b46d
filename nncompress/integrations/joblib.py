"""joblib: after an import of this module ``joblib.dump(value, "x.nnc")`` compresses.

``compress=("nncompress", level)`` works with any name, and ``joblib.load`` knows such files by
their first bytes. What they hold are pickles all the same: load none from strangers.
"""

from __future__ import annotations

from typing import BinaryIO

from joblib import register_compressor
from joblib.compressor import CompressorWrapper

from nncompress.archive.format import MAGIC
from nncompress.coding.options import CodingOptions
from nncompress.pipeline.fileobj import FilePath, open_archive


class _Wrapper(CompressorWrapper):
    """Opens files for joblib."""

    def compressor_file(
        self, fileobj: FilePath | BinaryIO, compresslevel: int | None = None
    ) -> BinaryIO:
        """Return a file whose contents are compressed."""
        return open_archive(fileobj, "w", CodingOptions(level=compresslevel))

    def decompressor_file(self, fileobj: FilePath | BinaryIO) -> BinaryIO:
        """Return the contents of a file."""
        return open_archive(fileobj, "r", CodingOptions())


register_compressor("nncompress", _Wrapper(None, MAGIC, ".nnc"), force=True)

"""fsspec, and what opens files through it: pandas, Dask, datatrove.

After an import of this module ``fsspec.open(path, compression="infer")`` knows ``.nnc``, and
``compression="nnc"`` works with any name. Each process has to import it: Dask's workers do with
``dask worker --preload nncompress.integrations.fsspec``.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from fsspec.compression import register_compression

from nncompress.coding.options import CodingOptions
from nncompress.pipeline.fileobj import open_archive


def _open(infile: BinaryIO, mode: str = "r", **options: Any) -> BinaryIO:
    """Open the contents of an archive; the open file below is closed with them, as fsspec needs."""
    return open_archive(infile, mode[0], CodingOptions(**options), close_file=True)


register_compression("nnc", _open, ["nnc"], force=True)

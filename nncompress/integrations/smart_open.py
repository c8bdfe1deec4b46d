"""smart_open: after an import of this module ``smart_open.open("s3://bucket/x.nnc")`` works."""

from __future__ import annotations

from typing import Any, BinaryIO

from smart_open import register_compressor

from nncompress.coding.options import CodingOptions
from nncompress.pipeline.fileobj import open_archive


def _open(file_obj: BinaryIO, mode: str, **options: Any) -> BinaryIO:
    """Open the contents of an archive; smart_open itself closes the file below."""
    return open_archive(file_obj, mode[0], CodingOptions(**options))


register_compressor(".nnc", _open)

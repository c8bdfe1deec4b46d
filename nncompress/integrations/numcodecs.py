"""numcodecs, and zarr's format 2: the codec ``nncompress``, found by an entry point."""

from __future__ import annotations

from typing import Any

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy
from numcodecs.registry import register_codec

from nncompress.api import compress, decompress


class NNCompress(Codec):
    """Compresses each chunk to an archive of its own.

    Args:
        level: 1 (fastest) to 9 (smallest).
        method: "auto", "network", "network+mixing", "mixing" or "stored".
        model: name or identity of an installed model; None for the level's own. Readers need it.
    """

    codec_id = "nncompress"

    def __init__(self, level: int = 6, method: str = "auto", model: str | None = None) -> None:
        self.level = level
        self.method = method
        self.model = model

    def encode(self, buf: Any) -> bytes:
        """Return the archive of a buffer's bytes."""
        data = ensure_contiguous_ndarray(buf)
        return compress(data.view("u1"), level=self.level, method=self.method, model=self.model)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the contents of an archive, in ``out`` if that is given.

        Raises:
            LimitError: they are larger than ``out``.
            ValueError: they are smaller, or the archive is damaged.
        """
        most = None if out is None else ensure_contiguous_ndarray(out).nbytes
        data = ensure_contiguous_ndarray(buf)
        return ndarray_copy(decompress(data.view("u1"), max_output_size=most), out)


register_codec(NNCompress)

"""zarr's format 3: the codec ``nncompress.nnc``, found by an entry point."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from zarr.abc.codec import BytesBytesCodec
from zarr.core.buffer.cpu import as_numpy_array_wrapper
from zarr.registry import register_codec

from nncompress.api import compress, decompress

CODEC_NAME = "nncompress.nnc"


@dataclass(frozen=True)
class NNCompressCodec(BytesBytesCodec):
    """Compresses each chunk to an archive of its own, in one thread: zarr has several at once.

    Attributes:
        level: 1 (fastest) to 9 (smallest).
        method: "auto", "network", "network+mixing", "mixing" or "stored".
        model: name or identity of an installed model; None for the level's own. Readers need it.
    """

    is_fixed_size = False

    level: int = 6
    method: str = "auto"
    model: str | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NNCompressCodec:
        """Make the codec that metadata describe."""
        if data.get("name") != CODEC_NAME:
            raise ValueError(f"expected the codec {CODEC_NAME}, not {data.get('name')!r}")
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        """Return its metadata."""
        return {"name": CODEC_NAME, "configuration": asdict(self)}

    def _encode(self, chunk: Any) -> bytes:
        return compress(chunk, threads=1, **asdict(self))

    def _decode(self, chunk: Any) -> bytes:
        return decompress(chunk, threads=1)

    def _encode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return as_numpy_array_wrapper(self._encode, chunk_bytes, chunk_spec.prototype)

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return as_numpy_array_wrapper(self._decode, chunk_bytes, chunk_spec.prototype)

    async def _encode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._encode_sync, chunk_bytes, chunk_spec)

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """Raise NotImplementedError: it depends on the bytes."""
        raise NotImplementedError


register_codec(CODEC_NAME, NNCompressCodec)

"""Pack what an archive says beside contents: as it is, or in raw deflate where that is smaller.

packed = packing (1), body: as it is (0) or in raw deflate (1)
"""

from __future__ import annotations

import zlib

AS_IS, DEFLATED = 0, 1


def pack_body(body: bytes) -> bytes:
    """Return what stands for ``body``."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflater.compress(body) + deflater.flush()
    return bytes([DEFLATED]) + packed if len(packed) < len(body) else bytes([AS_IS]) + body


def unpack_body(packed: bytes, most: int) -> bytes:
    """Return what :func:`pack_body` was given.

    Args:
        packed: at least one byte.
        most: bytes that deflate may make, so that a small archive cannot take much memory.

    Raises:
        ValueError: it is no such thing, or more.
    """
    if packed[0] == AS_IS:
        return packed[1:]
    if packed[0] != DEFLATED:
        raise ValueError(f"packed in a way that is not known ({packed[0]})")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = inflater.decompress(packed[1:], most + 1)
    except zlib.error:
        raise ValueError("not sound deflate, or too much of it") from None
    if not inflater.eof or inflater.unused_data or len(body) > most:
        raise ValueError("not sound deflate, or too much of it")
    return body

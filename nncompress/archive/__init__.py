"""The archive layer: headers, blocks, checksums, index.

It knows method ids and opaque payloads, not how they are made. It imports neither torch nor numba;
a :class:`~nncompress.archive.codec.BlockCodec` is handed in.
"""

from __future__ import annotations

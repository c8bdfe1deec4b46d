"""Small codecs with which archive, API and command line are tested without a trained model."""

from __future__ import annotations

import zlib

from nncompress.archive.codec import BlockCodec, Progress, ReadModel, no_progress
from nncompress.archive.copies import NO_REPEATS, CopyRules
from nncompress.archive.format import Method
from nncompress.errors import DamagedArchiveError

MODEL_ID = bytes(range(100, 116))


class ZlibCodec:
    """Deflate under the ids of real methods: NETWORK_MIXING with a model identity, else MIXING."""

    embedded: bytes | None = None
    spec: object = None

    def __init__(
        self,
        model_id: bytes | None = None,
        block_size: int = 1 << 20,
        copy_rules: CopyRules = NO_REPEATS,
    ) -> None:
        self.copy_rules = copy_rules
        self.model_id = model_id
        self.block_size = self.first_block_size = block_size
        self.method = Method.MIXING if model_id is None else Method.NETWORK_MIXING

    def choose(self, data: bytes) -> BlockCodec:
        return self

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        return self.method, zlib.compress(data, 1)

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        return 2 * size

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        if method != self.method:
            raise DamagedArchiveError("damaged archive: unexpected method")
        decoder = zlib.decompressobj()
        try:
            return decoder.decompress(payload, size + 1)
        except zlib.error as error:
            raise DamagedArchiveError(f"damaged archive: {error}") from None


def source(model_id: bytes | None, embedded: ReadModel | None = None) -> ZlibCodec:
    """Codec source for whatever ``ZlibCodec`` wrote."""
    return ZlibCodec(model_id)

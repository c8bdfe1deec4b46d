"""From a user's options to block codecs, opened when the first block needs one.

Importing this module is cheap: the coding layer, and with it torch and numba, comes in only when a
codec is opened.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nncompress.archive.codec import BlockCodec, SharedCodec, SizedCodec, StoredCodec
from nncompress.archive.format import Method
from nncompress.errors import ConfigError, MemoryLimitError, ModelMismatchError

log = logging.getLogger("nncompress")

METHODS = ("auto", "network", "network+mixing", "mixing", "stored")
LEVELS = range(1, 10)
SMALLEST_BLOCK = 1 << 16
"""Bytes; a memory limit makes no block smaller, since each starts cold."""


@dataclass(frozen=True)
class CodecOptions:
    """How blocks are coded.

    ``model`` is a file or the name of a known model, None for the one of the level. ``level`` (1 fastest to
    9 smallest) and ``method`` are for encoding; None leaves them to the codec. ``threads`` is their
    number in all, 0 for one a CPU. ``memory_limit`` is in bytes, for all blocks at once.
    """

    model: str | Path | None = None
    level: int | None = None
    method: str | None = None
    device: str = "auto"
    threads: int = 0
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        if self.method is not None and self.method not in METHODS:
            raise ConfigError(f"unknown method {self.method!r}: choose one of {', '.join(METHODS)}")
        if self.level is not None and self.level not in LEVELS:
            raise ConfigError(f"level {self.level} is not between 1 and 9")
        if self.threads < 0:
            raise ConfigError(f"the number of threads must be at least 0, not {self.threads}")

    def open_encoder(self) -> BlockCodec:
        """Open the codec for compressing."""
        if self.method == "stored":
            return StoredCodec()
        codec = self._limited(_open_codec(self, self.model, self.method))
        if isinstance(codec, LimitedCodec) and codec.stores_all:
            log.warning(
                "blocks are only stored: to compress takes %d bytes of memory, more than the limit",
                needed(codec, codec.block_size),
            )
        return codec

    def open_decoder(self, model_id: bytes | None) -> BlockCodec:
        """Open the codec for a member whose header names ``model_id``.

        Raises ModelNotFoundError or ModelMismatchError when that model is not at hand.
        """
        if model_id is None:
            return self._limited(_open_codec(self, None, "mixing"))
        model = self.model if self.model is not None else _find_model(model_id)
        codec = _open_codec(self, model, None)
        if codec.model_id != model_id:
            found = codec.model_id.hex() if codec.model_id else "none"
            raise ModelMismatchError(
                f"the archive was made with model {model_id.hex()}, not with {model} ({found}); "
                "give the right one with -m",
                wanted=model_id.hex(),
                found=found,
            )
        return self._limited(codec)

    def _limited(self, codec: BlockCodec) -> BlockCodec:
        return codec if self.memory_limit is None else LimitedCodec(codec, self.memory_limit)


def needed(
    codec: BlockCodec, size: int, method: int | None = None, payload: bytes | None = None
) -> int:
    """Return the bytes of memory that ``codec`` takes at most for a block of ``size`` bytes.

    To decode ``payload``; without one, to encode by whatever method.
    """
    if not isinstance(codec, SizedCodec):
        return 2 * size
    if method is None:
        method = Method.MIXING if codec.model_id is None else Method.NETWORK_MIXING
    return codec.memory(method, size, payload)


class LimitedCodec:
    """A codec whose blocks may take ``limit`` bytes of memory; MemoryLimitError if one needs more.

    When compressing, blocks become as small as ``SMALLEST_BLOCK`` to fit. If that does not help,
    ``stores_all`` is true, and they are stored.
    """

    def __init__(self, codec: BlockCodec, limit: int) -> None:
        self._codec = codec
        self._limit = limit
        self.model_id = codec.model_id
        self.block_size = codec.block_size
        while needed(codec, self.block_size) > limit and self.block_size // 2 >= SMALLEST_BLOCK:
            self.block_size //= 2
        self.first_block_size = min(codec.first_block_size, self.block_size)
        self.stores_all = needed(codec, self.block_size) > limit

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return what the codec needs."""
        return needed(self._codec, size, method, payload)

    def for_block(self, progress: Callable[[int], None]) -> LimitedCodec:
        """Return the same for one block; see :class:`~nncompress.archive.codec.SharedCodec`."""
        own = copy.copy(self)
        if isinstance(self._codec, SharedCodec):
            own._codec = self._codec.for_block(progress)
        return own

    def encode(self, data: bytes) -> tuple[int, bytes]:
        """Encode a block, or store it where that would take too much memory."""
        if needed(self._codec, len(data)) > self._limit:
            return Method.STORED, data
        return self._codec.encode(data)

    def decode(self, method: int, payload: bytes, size: int) -> bytes:
        """Decode a block if the limit allows it."""
        size_needed = needed(self._codec, size, method, payload)
        if size_needed > self._limit:
            raise MemoryLimitError(
                f"a block needs {size_needed} bytes of memory, more than the limit of {self._limit}",
                limit=self._limit,
                needed=size_needed,
            )
        return self._codec.decode(method, payload, size)


def _open_codec(options: CodecOptions, model: str | Path | None, method: str | None) -> BlockCodec:
    from nncompress.coding.block import open_codec

    return open_codec(
        model,
        level=options.level,
        method=method,
        device=options.device,
        threads=options.threads,
    )


def _find_model(model_id: bytes) -> Path:
    from nncompress.exact.store import find_model

    return find_model(model_id)

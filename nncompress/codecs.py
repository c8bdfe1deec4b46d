"""From a user's options to block codecs, opened when the first block needs one.

Importing this module is cheap: the coding layer, and with it torch and numba, comes in only when a
codec is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nncompress.archive.codec import BlockCodec, ReportingCodec, SizedCodec, StoredCodec
from nncompress.archive.format import Method
from nncompress.errors import ConfigError, MemoryLimitError, ModelMismatchError

log = logging.getLogger("nncompress")

METHODS = ("auto", "network", "network+mixing", "mixing", "stored")
LEVELS = range(1, 10)
SMALLEST_BLOCK = 1 << 16
"""Bytes; a memory limit makes no block smaller, since each starts cold."""


@dataclass(frozen=True)
class CodecOptions:
    """How blocks are coded; can be sent to other processes.

    ``model`` is a file or the name of a known model, None for the default. ``level`` (1 fastest to
    9 smallest) and ``method`` are for encoding; None leaves them to the codec. ``threads`` is the
    number of threads inside a block, 0 for one a core. ``memory_limit`` is in bytes.
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
                codec.needed(codec.block_size),
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
        while self.needed(self.block_size) > limit and self.block_size // 2 >= SMALLEST_BLOCK:
            self.block_size //= 2
        self.stores_all = self.needed(self.block_size) > limit
        self.progress: Callable[[int], None] | None = None

    def needed(
        self, size: int, method: int = Method.NETWORK_MIXING, payload: bytes | None = None
    ) -> int:
        """Return the bytes of memory that a block of ``size`` bytes takes at most."""
        if not isinstance(self._codec, SizedCodec):
            return 2 * size
        return self._codec.memory(method, size, payload)

    def encode(self, data: bytes) -> tuple[int, bytes]:
        """Encode a block, or store it where that would take too much memory."""
        if self.needed(len(data)) > self._limit:
            return Method.STORED, data
        self._pass_progress()
        return self._codec.encode(data)

    def decode(self, method: int, payload: bytes, size: int) -> bytes:
        """Decode a block if the limit allows it."""
        needed = self.needed(size, method, payload)
        if needed > self._limit:
            raise MemoryLimitError(
                f"a block needs {needed} bytes of memory, more than the limit of {self._limit}",
                limit=self._limit,
                needed=needed,
            )
        self._pass_progress()
        return self._codec.decode(method, payload, size)

    def _pass_progress(self) -> None:
        if isinstance(self._codec, ReportingCodec):
            self._codec.progress = self.progress


def _open_codec(options: CodecOptions, model: str | Path | None, method: str | None) -> BlockCodec:
    from nncompress.coding.codec import open_codec

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

"""Open block codecs when a block first needs one, and run blocks through them, several at once.

Blocks are coded alone, so an archive does not depend on the number of threads. They run side by
side because compiled kernels do not hold Python's lock. Importing this module is cheap: numba, and
torch where it is needed, come in when a codec is opened.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

from nncompress.archive.codec import (
    BlockCodec,
    Decoded,
    Progress,
    StoredCodec,
    encode_block,
    no_progress,
)
from nncompress.archive.format import Method
from nncompress.archive.history import KeptLiterals
from nncompress.archive.reader import BlockRecord, MemberEnd, decode_record
from nncompress.archive.writer import RawBlock
from nncompress.coding.options import CodingOptions
from nncompress.errors import ModelMismatchError, NNCompressError
from nncompress.machine.resources import cpus, memory

from .limits import LimitedCodec, needed_to_encode, needed_to_find
from .workers import Job, Workers

log = logging.getLogger("nncompress")

SHARE = 4
"""Without a limit, blocks at once take this part of the memory: one in so many bytes."""

HISTORY_SHARE = 8
"""Of that, the literals that later blocks may repeat take this part when decoding."""

CodedBlock = tuple[Method, bytes]
"""Method of a block, and what its literals became."""


class Coder:
    """Codes blocks as ``options`` say; each codec is opened once, when it is first needed.

    As many blocks are coded at once as there are threads, or fewer where each can use several, or
    where they would take more memory together than the limit.
    """

    def __init__(self, options: CodingOptions) -> None:
        self.options = options
        self.threads = options.threads or cpus()
        self._memory = options.memory_limit or memory() // SHARE
        self._encoder: BlockCodec | None = None
        self._decoders: dict[bytes | None, BlockCodec] = {}

    @property
    def encoder(self) -> BlockCodec:
        """The codec for compressing."""
        if self._encoder is None:
            self._encoder = self._open_encoder()
            self._decoders[self._encoder.model_id] = self._encoder
        return self._encoder

    def decoder(self, model_id: bytes | None) -> BlockCodec:
        """Return the codec for blocks of a member that names ``model_id``.

        Raises:
            ModelNotFoundError: that model is not at hand.
            ModelMismatchError: the model that the options name is another.
        """
        if model_id not in self._decoders:
            self._decoders[model_id] = self._open_decoder(model_id)
        return self._decoders[model_id]

    def encode(
        self, blocks: Iterable[RawBlock], progress: Progress = no_progress
    ) -> Generator[tuple[RawBlock, CodedBlock], None, None]:
        """Yield each block with what became of it, in order.

        ``progress`` is called with the raw bytes done since the last call, and the bytes that they
        became, from any thread, one call at a time. Close the generator, and blocks that nobody
        waits for are given up.
        """
        codec, numbers = self.encoder, count()

        def plan(block: RawBlock) -> Job[CodedBlock]:
            alone = next(numbers) == 0 and block.last
            literals = block.literals
            return Job(
                partial(encode_block, codec, literals, alone=alone),
                raw_size=len(literals),
                weight=len(block.raw),
                memory=needed_to_encode(codec, len(literals)) + len(block.raw) - len(literals),
                made=lambda coded: len(coded[1]),
            )

        room = self._memory
        if self.options.memory_limit is not None:
            room -= min(room, needed_to_find(codec.copy_rules.window))
        return Workers(self.threads, room, plan, progress).run(blocks)

    def decode(
        self, records: Iterable[BlockRecord | MemberEnd], progress: Progress = no_progress
    ) -> Generator[tuple[BlockRecord | MemberEnd, Decoded], None, None]:
        """Yield each record with its literals and copies, none for the end of a member.

        As for :meth:`encode`, but bytes of the archive are done, and bytes of contents made.
        """

        def plan(record: BlockRecord | MemberEnd) -> Job[Decoded]:
            if not isinstance(record, BlockRecord):
                return Job(lambda report: Decoded(b""))
            return Job(
                partial(decode_record, self.decoder, record),
                raw_size=record.header.literal_size,
                weight=record.size,
                memory=self._needed_to_decode(record),
                made=lambda _: record.header.raw_size,
            )

        room = self._memory - self._memory // HISTORY_SHARE
        return Workers(self.threads, room, plan, progress).run(records)

    def _needed_to_decode(self, record: BlockRecord) -> int:
        header = record.header
        if header.method is Method.STORED:
            return 0
        try:
            codec = self.decoder(record.member.model_id)
            coded = record.payload[len(record.payload) - header.coded_size :]
            return codec.memory(header.method, header.literal_size, coded)
        except NNCompressError:  # raised again by decoding, when it is this block's turn
            return 0

    @property
    def history_room(self) -> int:
        """Bytes of memory that literals may take while an archive is decoded."""
        return self._memory // HISTORY_SHARE

    def history(self) -> KeptLiterals:
        """Return what keeps literals while an archive is decoded."""
        return KeptLiterals(self.history_room)

    def _open_encoder(self) -> BlockCodec:
        if self.options.method == "stored":
            return StoredCodec()
        codec = self._limited(_open_codec(self.options))
        if isinstance(codec, LimitedCodec) and codec.stores_all:
            log.warning(
                "blocks are only stored: to compress takes %d bytes of memory, more than the limit",
                needed_to_encode(codec, codec.block_size),
            )
        return codec

    def _open_decoder(self, model_id: bytes | None) -> BlockCodec:
        if model_id is None:
            return self._limited(_open_codec(replace(self.options, model=None, method="mixing")))
        model = self.options.model if self.options.model is not None else _find_model(model_id)
        codec = _open_codec(replace(self.options, model=model, method="network"))
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
        limit = self.options.memory_limit
        return codec if limit is None else LimitedCodec(codec, limit)


def _open_codec(options: CodingOptions) -> BlockCodec:
    from nncompress.coding.block import open_block_coder

    return open_block_coder(options)


def _find_model(model_id: bytes) -> Path:
    from nncompress.exact.store import find_model

    return find_model(model_id)

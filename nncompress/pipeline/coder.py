"""Open block codecs when a block first needs one, and run blocks through them, several at once.

Blocks are coded alone, so an archive does not depend on the number of threads. They run side by
side because compiled kernels do not hold Python's lock. Importing this module is cheap: numba, and
torch where it is needed, come in when a codec is opened.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from nncompress.archive.codec import (
    BlockCodec,
    Coded,
    Decoded,
    Progress,
    ReadModel,
    StoredCodec,
    check_block_size,
    encode_block,
    no_progress,
)
from nncompress.archive.format import Method
from nncompress.archive.history import KeptLiterals
from nncompress.archive.reader import BlockRecord, MemberEnd, decode_record
from nncompress.archive.writer import RawBlock
from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
from nncompress.coding.options import AUTO_MODEL, CodecSpec, CodingOptions
from nncompress.errors import (
    MemoryLimitError,
    ModelError,
    ModelMismatchError,
    ModelNotFoundError,
    NNCompressError,
)
from nncompress.machine.resources import cpus, memory

from .limits import (
    SHARE,
    LimitedCodec,
    in_units,
    needed_to_decode,
    needed_to_encode,
    needed_to_find,
)
from .pool import Job, RemoteTask, Result, ThreadPool
from .spans import Span
from .tasks import MOST_OPEN, DecodeTask, EncodeTask, Task
from .workers import Workers

if TYPE_CHECKING:
    from .cluster import Cluster

log = logging.getLogger("nncompress")

HISTORY_SHARE = 8
"""Of that, the literals that later blocks may repeat take this part when decoding."""

DEVICE_BLOCKS = 64
"""Blocks that are coded at once on a device, where they share its steps: at the default level 2,048
lanes. They wait for the device most of the time, and so are not bound to the number of cores."""


class Coder:
    """Codes blocks as ``options`` say; each codec is opened once, when it is first needed.

    As many blocks are coded at once as there are threads, or DEVICE_BLOCKS on a device; fewer where
    each can use several threads, or where they would take more memory together than the limit.

    Args:
        options: how blocks are coded.
        adjust: whether encoding may take smaller blocks, or a lower level, to keep to a memory
            limit; otherwise that is an error.
        cluster: workers elsewhere that code the blocks; None for threads of this process.
    """

    def __init__(
        self, options: CodingOptions, *, adjust: bool = True, cluster: Cluster | None = None
    ) -> None:
        self.options = options
        self.cluster = cluster
        self._adjust = adjust
        self.threads = options.threads or cpus()
        if options.chosen_device != "cpu":
            self.threads = max(self.threads, DEVICE_BLOCKS)
        self._memory = options.memory_limit or memory() // SHARE
        self._encoder: BlockCodec | None = None
        self._decoders: OrderedDict[bytes | None, BlockCodec] = OrderedDict()
        self._opening = threading.RLock()

    @property
    def encoder(self) -> BlockCodec:
        """The codec for compressing."""
        if self._encoder is None:
            self._encoder = self._open_encoder()
            self._decoders[self._encoder.model_id] = self._encoder
        return self._encoder

    def decoder(self, model_id: bytes | None, embedded: ReadModel | None = None, /) -> BlockCodec:
        """Return the codec for blocks that need the model ``model_id``, or none.

        It is the one that the options name, or an installed one, or else the one that the archive
        carries, which ``embedded`` reads.

        Raises:
            ModelNotFoundError: that model is not at hand.
            ModelMismatchError: nor is it the one that the options name.
            ModelError: the one that the archive carries is not sound.
        """
        with self._opening:
            if model_id not in self._decoders:
                self._decoders[model_id] = self._open_decoder(model_id, embedded)
                if len(self._decoders) > MOST_OPEN:
                    self._decoders.popitem(last=False)
            self._decoders.move_to_end(model_id)
            return self._decoders[model_id]

    def at_once(self, block_size: int | None = None) -> int:
        """Count the blocks that fit into memory at once, at most one a thread.

        Args:
            block_size: raw bytes of each; None for the encoder's own.

        Raises:
            ConfigError: there can be no such blocks.
        """
        size = check_block_size(block_size) if block_size else self.encoder.block_size
        needed = needed_to_encode(self.encoder, size)
        return max(1, min(self.threads, self._room_to_encode // needed))

    @property
    def _room_to_encode(self) -> int:
        """Bytes of memory that blocks may take that are encoded at once."""
        if self.options.memory_limit is None:
            return self._memory
        return max(0, self._memory - needed_to_find(self.encoder.copy_rules.window))

    def encode(
        self,
        blocks: Iterable[RawBlock],
        progress: Progress = no_progress,
        url: str | None = None,
    ) -> Generator[tuple[RawBlock, Coded], None, None]:
        """Yield each block with what became of it, in order.

        ``progress`` is called with the raw bytes done since the last call, and the bytes that they
        became, from any thread, one call at a time. Close the generator, and blocks that nobody
        waits for are given up. ``url`` is where the blocks come from, one after the other from its
        first byte on; workers on other machines read them there themselves, until one cannot.
        """
        codec, numbers, cluster = self.encoder, count(), self.cluster
        spec = None if cluster is None else self._spec(codec)
        read_there = url is not None and cluster is not None and cluster.is_elsewhere
        done = 0

        def plan(block: RawBlock) -> Job[Coded]:
            nonlocal done
            alone = next(numbers) == 0 and block.last
            literals, start = block.literals, done
            done += len(block.raw)
            job = Job(
                partial(encode_block, codec, literals, alone=alone),
                raw_size=len(literals),
                weight=len(block.raw),
                memory=len(block.raw) - len(literals),
                made=lambda coded: len(coded[1]),
            )
            if spec is None:
                return replace(job, memory=job.memory + needed_to_encode(codec, len(literals)))
            if not literals:
                return job
            task = EncodeTask(spec, literals, len(literals), alone)
            if url is None or not read_there:
                return self._elsewhere(job, task)

            def with_literals() -> Task:
                nonlocal read_there
                read_there = False
                return task

            named = replace(task, literals=Span.of(url, start, block))
            return self._elsewhere(job, named, with_literals=with_literals)

        if cluster is not None and spec is not None:
            return Workers(cluster.pool(), plan, progress).run(blocks)
        return Workers(ThreadPool(self.threads, self._room_to_encode), plan, progress).run(blocks)

    def decode(
        self, records: Iterable[BlockRecord | MemberEnd], progress: Progress = no_progress
    ) -> Generator[tuple[BlockRecord | MemberEnd, Decoded], None, None]:
        """Yield each record with its literals and copies, none for the end of a member.

        As for :meth:`encode`, but bytes of the archive are done, and bytes of contents made.
        """
        cluster = self.cluster

        def plan(record: BlockRecord | MemberEnd) -> Job[Decoded]:
            if not isinstance(record, BlockRecord):
                return Job(lambda report: Decoded(b""))
            job = Job(
                partial(decode_record, self.decoder, record),
                raw_size=record.header.literal_size,
                weight=record.size,
                made=lambda _: record.header.raw_size,
            )
            try:
                codec = self._codec_for(record)
                if codec is None:
                    return job
                if cluster is not None and (spec := self._spec(codec)) is not None:
                    task = DecodeTask(spec, replace(record, embedded=None))
                    return self._elsewhere(job, task, record.embedded)
                return replace(job, memory=needed_to_decode(codec, record))
            except NNCompressError:  # raised again by decoding, when it is this block's turn
                return job

        if cluster is not None:
            return Workers(cluster.pool(), plan, progress).run(records)
        pool = ThreadPool(self.threads, self.blocks_room)
        return Workers(pool, plan, progress).run(records)

    def _codec_for(self, record: BlockRecord) -> BlockCodec | None:
        """Return what decodes a block; None for one that is not coded."""
        header = record.header
        if header.method in (Method.STORED, Method.MODEL):
            return None
        return self.decoder(header.needed_model(record.member), record.embedded)

    def _spec(self, codec: BlockCodec) -> CodecSpec | None:
        """Return what a worker elsewhere needs to code blocks as ``codec`` does."""
        if not isinstance(codec.spec, CodecSpec):
            return None
        options = self.options
        return replace(codec.spec, threads=options.threads, memory_limit=options.memory_limit)

    def _elsewhere(
        self,
        job: Job[Result],
        task: Task,
        embedded: ReadModel | None = None,
        with_literals: Callable[[], Task] | None = None,
    ) -> Job[Result]:
        """Return the job as one that a worker elsewhere does."""

        def read_model(identity: bytes) -> bytes:
            return self._model_file(identity, embedded)

        remote = RemoteTask(task, read_model, with_literals)
        return replace(job, memory=job.memory + task.size, remote=remote)

    def _model_file(self, identity: bytes, embedded: ReadModel | None) -> bytes:
        """Return the file of a model that a codec was opened with; the receiver checks it."""
        if self.options.model not in (None, AUTO_MODEL):
            from nncompress.coding.opening import model_file
            from nncompress.exact.modelfile import read_metadata

            path = model_file(self.options)
            if read_metadata(path).get("identity") == identity.hex():
                return path.read_bytes()
        try:
            return _find_model(identity).read_bytes()
        except ModelNotFoundError:
            if embedded is None:
                raise
            return embedded()

    @property
    def blocks_room(self) -> int:
        """Bytes of memory that blocks may take that are decoded at once."""
        return self._memory - self.history_room

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
        codec, limit = _open_codec(self.options), self.options.memory_limit
        return codec if limit is None else self._fitted(codec, limit)

    def _fitted(self, wanted: BlockCodec, limit: int) -> LimitedCodec:
        """Return a codec that keeps to the limit: of smaller blocks, and else of a lower level.

        Raises:
            MemoryLimitError: not even the lowest level does, or nothing may be adjusted.
        """
        level = chosen = self.options.level or DEFAULT_LEVEL
        codec = LimitedCodec(wanted, limit)
        if codec.fits and codec.block_size == wanted.block_size:
            return codec
        if not self._adjust:
            needed = needed_to_encode(wanted, wanted.block_size)
            raise _too_much(f"without adjustments level {level} takes", needed, limit)
        while not codec.fits and level > min(LEVELS):
            level -= 1
            codec = LimitedCodec(_open_codec(replace(self.options, level=level)), limit)
        if not codec.fits:
            needed = needed_to_encode(codec, codec.block_size)
            raise _too_much(f"level {level} takes", needed, limit)
        changes = [f"level {level} instead of {chosen}"] if level != chosen else []
        sizes = [in_units(size) for size in (codec.block_size, wanted.block_size)]
        changes.append("blocks of {} instead of {}".format(*sizes))
        log.warning("to keep to %s of memory: %s", in_units(limit), ", ".join(changes))
        return codec

    def _open_decoder(self, model_id: bytes | None, embedded: ReadModel | None) -> BlockCodec:
        options = replace(self.options, embed_model=False)
        if model_id is None:
            return self._limited(_open_codec(replace(options, model=None, method="mixing")))
        missing: ModelError | None = None
        if options.model not in (None, AUTO_MODEL):
            codec = _open_codec(replace(options, method="network"))
            if codec.model_id == model_id:
                return self._limited(codec)
            missing = _mismatch(model_id, codec.model_id, options.model)
        try:
            model = _find_model(model_id)
        except ModelNotFoundError as error:
            if embedded is None:
                raise missing or error from None
            # What a stranger's model asks for is bounded, too, where no limit is set.
            limit = options.memory_limit or memory()
            return LimitedCodec(_open_embedded(embedded(), model_id, options), limit)
        return self._limited(_open_codec(replace(options, model=model, method="network")))

    def _limited(self, codec: BlockCodec) -> BlockCodec:
        limit = self.options.memory_limit
        return codec if limit is None else LimitedCodec(codec, limit)


def _mismatch(wanted: bytes, found: bytes | None, model: object) -> ModelMismatchError:
    identity = found.hex() if found else "none"
    return ModelMismatchError(
        f"the archive was made with model {wanted.hex()}, not with {model} ({identity}); "
        "give the right one with -m",
        wanted=wanted.hex(),
        found=identity,
    )


def _too_much(what: str, needed: int, limit: int) -> MemoryLimitError:
    message = f"{what} {in_units(needed)} of memory, and the limit is {in_units(limit)}: raise it"
    return MemoryLimitError(message, limit=limit, needed=needed)


def _open_codec(options: CodingOptions) -> BlockCodec:
    from nncompress.coding.auto import open_auto_coder
    from nncompress.coding.opening import open_block_coder

    return open_auto_coder(options) if options.model == AUTO_MODEL else open_block_coder(options)


def _open_embedded(file: bytes, model_id: bytes, options: CodingOptions) -> BlockCodec:
    from nncompress.coding.opening import open_embedded_coder

    return open_embedded_coder(file, model_id, options)


def _find_model(model_id: bytes) -> Path:
    from nncompress.exact.store import find_model

    return find_model(model_id)

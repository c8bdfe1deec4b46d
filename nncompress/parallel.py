"""Coding blocks, in this process or in several at once; results always come in order.

Blocks are coded alone, so an archive does not depend on the number of processes.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from nncompress.archive.codec import BlockCodec, ReportingCodec, encode_block
from nncompress.archive.format import Method
from nncompress.archive.reader import BlockRecord, MemberEnd, decode_record
from nncompress.codecs import CodecOptions
from nncompress.errors import ConfigError, NNCompressError

if TYPE_CHECKING:
    from multiprocessing.synchronize import Lock

log = logging.getLogger("nncompress")

Item = TypeVar("Item")
Result = TypeVar("Result")


class Coder:
    """Opens codecs once, when they are first needed, and runs blocks through them.

    ``processes`` is the number of blocks coded at once, 0 for one a core; above 1, worker processes
    code them. Use it as a context manager, which ends the workers.
    """

    def __init__(self, options: CodecOptions, processes: int = 1) -> None:
        if processes < 0:
            raise ConfigError(f"the number of processes must be at least 0, not {processes}")
        self.options = options
        self.processes = processes or os.cpu_count() or 1
        if sys.platform == "win32":
            self.processes = min(self.processes, 61)  # all that Python can wait for there
        self.progress: Callable[[int], None] | None = None  # told of bytes done inside a block
        self._encoder: BlockCodec | None = None
        self._decoders: dict[bytes | None, BlockCodec] = {}
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Coder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            workers = list((getattr(self._pool, "_processes", None) or {}).values())
            if error is not None:
                for worker in workers:
                    worker.terminate()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    @property
    def encoder(self) -> BlockCodec:
        """The codec for compressing."""
        if self._encoder is None:
            self._encoder = self.options.open_encoder()
            self._decoders[self._encoder.model_id] = self._encoder
        return self._encoder

    def decoder(self, model_id: bytes | None) -> BlockCodec:
        """Return the codec for blocks of a member that names ``model_id``."""
        if model_id not in self._decoders:
            self._decoders[model_id] = self.options.open_decoder(model_id)
        return self._decoders[model_id]

    def encode(
        self, blocks: Iterable[tuple[bytes, bool]]
    ) -> Iterator[tuple[tuple[bytes, bool], tuple[Method, bytes]]]:
        """Yield each block, as (raw bytes, is the last), with its method and payload."""
        return self._ordered(
            blocks,
            lambda block: encode_block(self._reporting(self.encoder), block[0]),
            _encode_in_worker,
        )

    def _reporting(self, codec: BlockCodec) -> BlockCodec:
        if isinstance(codec, ReportingCodec):
            codec.progress = self.progress
        return codec

    def decode(
        self, records: Iterable[BlockRecord | MemberEnd]
    ) -> Iterator[tuple[BlockRecord | MemberEnd, bytes]]:
        """Yield each record with its raw bytes, none for the end of a member."""

        def decode_here(record: BlockRecord | MemberEnd) -> bytes:
            if not isinstance(record, BlockRecord):
                return b""
            return decode_record(lambda model: self._reporting(self.decoder(model)), record)

        return self._ordered(records, decode_here, _decode_in_worker)

    def _ordered(
        self,
        items: Iterable[Item],
        here: Callable[[Item], Result],
        in_worker: Callable[[Item], Result],
    ) -> Iterator[tuple[Item, Result]]:
        iterator = iter(items)
        if self.processes == 1:
            for item in iterator:
                yield item, here(item)
            return
        first = next(iterator, None)
        if first is None:
            return
        second, fault = _next(iterator)
        if second is None:  # a single block is not worth the start of a worker
            yield first, here(first)
        else:
            yield from self._run_ahead(chain([first, second], iterator), in_worker)
        if fault is not None:
            raise fault

    def _run_ahead(
        self, items: Iterator[Item], in_worker: Callable[[Item], Result]
    ) -> Iterator[tuple[Item, Result]]:
        pool = self._start_pool()
        pending: deque[tuple[Item, Future[Result]]] = deque()
        fault: Exception | None = None
        more = True
        while more or pending:
            while more and len(pending) < 2 * self.processes:
                item, fault = _next(items)
                more = item is not None
                if item is not None:
                    with _interrupt_held():  # submitting may start a worker
                        pending.append((item, pool.submit(in_worker, item)))
            if pending:
                item, future = pending.popleft()
                try:
                    yield item, future.result()
                except BrokenProcessPool:
                    raise NNCompressError(
                        "a worker process died; perhaps memory ran out: use fewer with -T"
                    ) from None
        if fault is not None:
            raise fault

    def _start_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            from multiprocessing import get_context

            options = self.options
            if not options.threads:
                threads = max(1, (os.cpu_count() or 1) // self.processes)
                options = replace(options, threads=threads)
            # Not fork: threads of the parent would leave its locks held in the children.
            context = get_context("spawn")
            speaker = context.Lock() if log.isEnabledFor(logging.INFO) else None
            self._pool = ProcessPoolExecutor(
                self.processes, context, _start_worker, (options, speaker)
            )
        return self._pool


def _next(items: Iterator[Item]) -> tuple[Item | None, Exception | None]:
    """Return the next item, or None at the end with the error that brought it about, if any.

    What came before an error is still to be coded and given out.
    """
    try:
        return next(items, None), None
    except Exception as error:
        return None, error


@contextmanager
def _interrupt_held() -> Iterator[None]:
    """Hold Ctrl-C back, so that a process started inside never sees it; the parent ends workers."""
    if sys.platform == "win32":  # has no masks of signals
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: Coder | None = None


def _start_worker(options: CodecOptions, speaker: Lock | None) -> None:
    """Make this process a worker. The first with something to tell takes ``speaker``, and tells it for all."""
    global _worker
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    parent = parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    log.disabled = speaker is None  # the parent warns of what all have in common
    if speaker is not None:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("nncompress: %(message)s"))
        handler.addFilter(
            lambda record: record.levelno == logging.INFO and speaker.acquire(block=False)
        )
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    _worker = Coder(options)


def _encode_in_worker(block: tuple[bytes, bool]) -> tuple[Method, bytes]:
    assert _worker is not None
    return encode_block(_worker.encoder, block[0])


def _decode_in_worker(record: BlockRecord | MemberEnd) -> bytes:
    assert _worker is not None
    return decode_record(_worker.decoder, record) if isinstance(record, BlockRecord) else b""

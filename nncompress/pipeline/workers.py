"""Coding blocks, several at once in threads; results always come in order.

Blocks are coded alone, so an archive does not depend on the number of threads. They run side by side
because compiled kernels do not hold Python's lock.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from nncompress.archive.codec import BlockCodec, SharedCodec, encode_block
from nncompress.archive.format import Method
from nncompress.archive.reader import BlockRecord, MemberEnd, decode_record
from nncompress.errors import NNCompressError
from nncompress.machine.resources import cpus, memory

from .options import CodecOptions, needed

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int], None]
Tune = Callable[[BlockCodec], BlockCodec]

SHARE = 4
"""Without a limit, blocks at once take this part of the memory: one in so many bytes."""

_POLL = 0.5
"""Seconds. On Windows Ctrl-C is heard only between two waits."""


def no_progress(_: int) -> None:
    """Tell nobody."""


class Coder:
    """Opens codecs once, when they are first needed, and runs blocks through them.

    As many blocks are coded at once as there are threads, or fewer where each can use several, or where they would take
    more memory together than the limit, by default a quarter of what there is.
    """

    def __init__(self, options: CodecOptions) -> None:
        self.options = options
        self.threads = options.threads or cpus()
        self._memory = options.memory_limit or memory() // SHARE
        self._encoder: BlockCodec | None = None
        self._decoders: dict[bytes | None, BlockCodec] = {}

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
        self, blocks: Iterable[tuple[bytes, bool]], progress: Progress = no_progress
    ) -> Generator[tuple[tuple[bytes, bool], tuple[Method, bytes]], None, None]:
        """Yield each block, as (raw bytes, is the last), with its method and payload.

        ``progress`` is called with the raw bytes done since the last call, from any thread, one
        call at a time. Close the generator, and blocks that nobody waits for are given up.
        """
        codec = self.encoder

        def plan(block: tuple[bytes, bool]) -> _Work[tuple[Method, bytes]]:
            raw, _ = block
            return _Work(
                lambda tune: encode_block(tune(codec), raw),
                raw_size=len(raw),
                weight=len(raw),
                memory=needed(codec, len(raw)),
            )

        return _Line(self.threads, self._memory, plan, progress).results(blocks)

    def decode(
        self, records: Iterable[BlockRecord | MemberEnd], progress: Progress = no_progress
    ) -> Generator[tuple[BlockRecord | MemberEnd, bytes], None, None]:
        """Yield each record with its raw bytes, none for the end of a member.

        As for :meth:`encode`, but ``progress`` is told of bytes of the archive.
        """

        def plan(record: BlockRecord | MemberEnd) -> _Work[bytes]:
            if not isinstance(record, BlockRecord):
                return _Work(lambda tune: b"", raw_size=0, weight=0, memory=0)
            return _Work(
                lambda tune: decode_record(lambda model: tune(self.decoder(model)), record),
                raw_size=record.header.raw_size,
                weight=record.size,
                memory=self._needed(record),
            )

        return _Line(self.threads, self._memory, plan, progress).results(records)

    def _needed(self, record: BlockRecord) -> int:
        header = record.header
        if header.method is Method.STORED:
            return 0
        try:
            codec = self.decoder(record.model_id)
            return needed(codec, header.raw_size, header.method, record.payload)
        except NNCompressError:  # as decoding will say, when it is this block's turn
            return 0


@dataclass(frozen=True)
class _Work(Generic[Result]):
    """What is to be done for an item.

    ``run`` does it, with codecs that it tunes first. The block has ``raw_size`` bytes, counts for ``weight`` in reports
    of progress, and takes ``memory`` bytes.
    """

    run: Callable[[Tune], Result]
    raw_size: int
    weight: int
    memory: int


class _Line(Generic[Item, Result]):
    """Items in work, in order: a thread of its own reads them, so that what is done never waits for input."""

    def __init__(
        self,
        threads: int,
        memory: int,
        plan: Callable[[Item], _Work[Result]],
        progress: Progress,
    ) -> None:
        self._plan, self._progress = plan, progress
        self._pool = ThreadPoolExecutor(threads)
        self._places = threading.Semaphore(2 * threads)
        self._room = _Room(memory)
        self._stopped = threading.Event()
        self._telling = threading.Lock()
        self._line: SimpleQueue[tuple[Item, _Part, Future[Result]] | Exception | None] = (
            SimpleQueue()
        )

    def results(self, items: Iterable[Item]) -> Generator[tuple[Item, Result], None, None]:
        """Yield each item with its result; after those before it, the error that ended the items."""
        threading.Thread(target=self._read, args=(items,), daemon=True).start()
        try:
            while (entry := self._next()) is not None:
                if isinstance(entry, Exception):
                    raise entry
                item, part, future = entry
                while not wait([future], _POLL).done:
                    pass
                result = future.result()
                yield item, result
                part.end()
                self._places.release()
        finally:
            self._stopped.set()
            self._room.close()
            self._places.release()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> tuple[Item, _Part, Future[Result]] | Exception | None:
        while True:
            with suppress(Empty):
                return self._line.get(timeout=_POLL)

    def _read(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                self._places.acquire()
                work = self._plan(item)
                self._room.take(work.memory)
                if self._stopped.is_set():
                    return
                part = _Part(work, self._tell)
                future = self._pool.submit(work.run, _tuning(part))
                future.add_done_callback(partial(self._give_back, work.memory))
                self._line.put((item, part, future))
            self._line.put(None)
        except Exception as error:  # for the thread that waits
            self._line.put(error)

    def _give_back(self, memory: int, _: Future[Result]) -> None:
        self._room.give(memory)

    def _tell(self, size: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        if size:
            with self._telling:
                self._progress(size)


class _Stopped(Exception):
    """Nobody waits for this block any more."""


class _Room:
    """Memory for the blocks at once. One that needs more than there is has it all to itself."""

    def __init__(self, size: int) -> None:
        self._size, self._taken = size, 0
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + size <= self._size)
            self._taken += size

    def give(self, size: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._taken -= size
            self._changed.notify()

    def close(self) -> None:
        """Keep nobody waiting."""
        with self._changed:
            self._size = sys.maxsize
            self._changed.notify()


class _Part:
    """Turns a codec's reports from inside a block into those on the whole.

    A block counts for its weight when it is done, whatever its codec said before.
    """

    def __init__(self, work: _Work[Result], tell: Progress) -> None:
        self._work, self._tell = work, tell
        self._done = self._told = 0

    def add(self, size: int) -> None:
        """Take the codec's word that ``size`` more raw bytes are done."""
        weight, raw_size = self._work.weight, self._work.raw_size
        self._done = min(self._done + size, raw_size)
        new = self._done * weight // raw_size - self._told
        if new <= weight // 100:  # not for each of thousands of steps
            new = 0
        self._told += new
        self._tell(new)

    def end(self) -> None:
        """Report what is missing."""
        self._tell(self._work.weight - self._told)


def _tuning(part: _Part) -> Tune:
    def tune(codec: BlockCodec) -> BlockCodec:
        if not isinstance(codec, SharedCodec):
            return codec
        return codec.for_block(part.add)

    return tune

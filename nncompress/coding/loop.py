"""The loop that encoder and decoder share: groups of lanes take turns at the predictor and the coder.

A group's network runs while another group has its turn. Each thread drives one group, or several; the turns come in one
fixed order, so threads change nothing but time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .lanes import Layout
from .rangecoder import BitDecoder, BitEncoder

if TYPE_CHECKING:
    from ..exact.engine import Network

Plane = Callable[[NDArray[np.float64]], NDArray[np.int32]]
Progress = Callable[[int], None]


class Predictor(Protocol):
    """Gives bit probabilities and learns from the bits: a mixer or a ``PlainPredictor``, which documents both."""

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: NDArray[np.uint8],
        weights: NDArray[np.int32] | None,
        out: NDArray[np.float64],
    ) -> None:
        """Give the probabilities of the bits of known bytes, and learn them."""

    def decode_step(
        self, lo: int, hi: int, weights: NDArray[np.int32] | None, decode_plane: Plane
    ) -> NDArray[np.uint8]:
        """Decode one byte a lane, and learn it."""


class _Abandoned(Exception):
    """Another group's thread failed; its error is the one to report."""


class _Turns:
    """Groups 0, 1, 0, 1, ...; a group that cannot go on ends the game for all."""

    def __init__(self, groups: int) -> None:
        self._locks = [threading.Lock() for _ in range(groups)]
        for lock in self._locks[1:]:
            lock.acquire()
        self._failed = False

    def take(self, group: int) -> None:
        self._locks[group].acquire()
        if self._failed:
            self._locks[group].release()
            raise _Abandoned

    def pass_on(self, group: int) -> None:
        self._locks[(group + 1) % len(self._locks)].release()

    def fail(self) -> None:
        self._failed = True
        for lock in self._locks:
            if lock.locked():
                lock.release()


class _Block:
    """One block in work: the table of its bytes by step and lane, and who fills or reads it."""

    def __init__(
        self,
        layout: Layout,
        network: Network | None,
        progress: Progress | None,
        table: NDArray[np.uint8],
    ) -> None:
        self.layout, self.network, self.progress, self.table = layout, network, progress, table
        self.groups = layout.groups(split=network is not None)

    def run(
        self, threads: int, turn: Callable[[int, int, int, NDArray[np.int32] | None], None]
    ) -> None:
        """Call ``turn(step, lo, hi, weights)`` for every step and group in order; ``hi`` cuts lanes that have ended."""
        turns, errors = _Turns(len(self.groups)), list[BaseException]()
        threads = max(1, min(threads, len(self.groups)))

        def drive(first: int) -> None:
            groups = range(first, len(self.groups), threads)
            try:
                workers = [self._work(index, turns, turn) for index in groups]
                for _ in range(self.layout.steps):
                    for worker in workers:
                        next(worker)
            except _Abandoned:
                pass
            # KeyboardInterrupt too: the other threads must not wait for ever.
            except BaseException as error:
                errors.append(error)
                turns.fail()

        others = [threading.Thread(target=drive, args=(i,), daemon=True) for i in range(1, threads)]
        for other in others:
            other.start()
        drive(0)
        for other in others:
            other.join()
        if errors:
            raise errors[0]

    def _work(self, index: int, turns: _Turns, turn: Callable[..., None]) -> Iterator[None]:
        lo, hi = self.groups[index]
        lanes = self.network.lanes(hi - lo) if self.network is not None else None
        weights = lanes.start() if lanes is not None else None
        for step in range(self.layout.steps):
            count = max(0, min(hi, self.layout.active(step)) - lo)
            turns.take(index)
            if count:
                turn(step, lo, lo + count, weights[:count] if weights is not None else None)
            turns.pass_on(index)
            if lanes is not None and step + 1 < self.layout.steps:
                weights = lanes.step(self.table[step, lo:hi])
            if self.progress is not None and index == 0:
                self.progress(self.layout.lanes)
            yield


def encode(
    data: bytes,
    layout: Layout,
    network: Network | None,
    predictor: Predictor,
    threads: int = 1,
    progress: Progress | None = None,
) -> bytes:
    """Code a block; threads change nothing but time. ``progress`` is told of bytes as they are done."""
    block, encoder = _Block(layout, network, progress, layout.cut(data)), BitEncoder()
    shifts = np.arange(7, -1, -1, dtype=np.int32)[:, None]

    def turn(step: int, lo: int, hi: int, weights: NDArray[np.int32] | None) -> None:
        symbols = block.table[step, lo:hi]
        ones = np.empty((8, hi - lo))
        predictor.encode_step(lo, hi, symbols, weights, ones)
        bits = (symbols.astype(np.int32) >> shifts) & 1
        encoder.encode(bits.reshape(-1), ones.reshape(-1))

    block.run(threads, turn)
    return encoder.finish()


def decode(
    stream: bytes,
    layout: Layout,
    network: Network | None,
    predictor: Predictor,
    threads: int = 1,
    progress: Progress | None = None,
) -> bytes:
    """Undo :func:`encode`. A damaged stream gives wrong bytes, which the caller's checksum finds."""
    table = np.zeros((layout.steps, layout.lanes), dtype=np.uint8)
    block, decoder = _Block(layout, network, progress, table), BitDecoder(stream)

    def turn(step: int, lo: int, hi: int, weights: NDArray[np.int32] | None) -> None:
        block.table[step, lo:hi] = predictor.decode_step(lo, hi, weights, decoder.decode)

    block.run(threads, turn)
    return layout.join(block.table)

"""The loop that encoder and decoder share: groups of lanes take turns at the predictor and the coder.

A group's network runs while another group has its turn. Whichever thread is free takes the next job; the turns come in
one fixed order, so threads change nothing but time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .lanes import Layout
from .rangecoder import BitDecoder, BitEncoder

if TYPE_CHECKING:
    from ..exact.engine import Network, Prediction

Plane = Callable[[NDArray[np.float64]], NDArray[np.int32]]
Progress = Callable[[int], None]
Turn = Callable[[int, int, int, "Prediction | None"], None]


class Predictor(Protocol):
    """Gives bit probabilities and learns from the bits: a mixer or a ``PlainPredictor``, which documents both."""

    def encode_step(
        self,
        lo: int,
        hi: int,
        symbols: NDArray[np.uint8],
        prediction: Prediction | None,
        out: NDArray[np.float64],
    ) -> None:
        """Give the probabilities of the bits of known bytes, and learn them."""

    def decode_step(
        self, lo: int, hi: int, prediction: Prediction | None, decode_plane: Plane
    ) -> NDArray[np.uint8]:
        """Decode one byte a lane, and learn it."""


class _Order:
    """Who works on what: jobs are numbered by step and group, and whichever thread is free takes the next.

    A job is a group's turn, then the step of its network. Turns come one after the other, in the order of the jobs; a
    job also waits for the job before it of the same group. Fixed places would make a thread whose core is slower, or
    has other work, hold up the others.
    """

    def __init__(self, groups: int, steps: int) -> None:
        self._groups, self._jobs = groups, groups * steps
        self._taken = self._turned = 0
        self._stepped = [0] * groups
        self._failed = False
        self._changed = threading.Condition()

    def take(self) -> tuple[int, int] | None:
        """Wait for the turn of the next job, and return its step and group; None when all is done, or has failed."""
        with self._changed:
            job = self._taken
            if job == self._jobs:
                return None
            self._taken += 1
            step, group = divmod(job, self._groups)
            self._changed.wait_for(
                lambda: self._failed or (self._turned == job and self._stepped[group] == step)
            )
            return None if self._failed else (step, group)

    def end_turn(self) -> None:
        """Let the next turn begin."""
        with self._changed:
            self._turned += 1
            self._changed.notify_all()

    def end_job(self, group: int) -> None:
        """Let the group have its next turn."""
        with self._changed:
            self._stepped[group] += 1
            self._changed.notify_all()

    def fail(self) -> None:
        """End it for all threads."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()


class _Group:
    """Some lanes: their network's state, and what it says of their next byte."""

    def __init__(self, lo: int, hi: int, network: Network | None) -> None:
        self.lo, self.hi = lo, hi
        self.lanes = network.lanes(hi - lo) if network is not None else None
        self.prediction = self.lanes.start() if self.lanes is not None else None


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
        ranges = layout.groups(split=network is not None)
        self.groups = [_Group(lo, hi, network) for lo, hi in ranges]

    def run(self, threads: int, turn: Turn) -> None:
        """Call ``turn(step, lo, hi, prediction)`` for every step and group in order, without ended lanes."""
        count = max(1, min(threads, len(self.groups)))
        if count == 1:
            for step in range(self.layout.steps):
                for group in range(len(self.groups)):
                    self._take_turn(step, group, turn)
                    self._step(step, group)
            return
        order, errors = _Order(len(self.groups), self.layout.steps), list[BaseException]()

        def drive() -> None:
            try:
                if self.network is not None:
                    self.network.start_thread()
                while (job := order.take()) is not None:
                    self._take_turn(*job, turn)
                    order.end_turn()
                    self._step(*job)
                    order.end_job(job[1])
            # KeyboardInterrupt too: the other threads must not wait for ever.
            except BaseException as error:
                errors.append(error)
                order.fail()

        others = [threading.Thread(target=drive, daemon=True) for _ in range(count - 1)]
        for other in others:
            other.start()
        drive()
        for other in others:
            other.join()
        if errors:
            raise errors[0]

    def _take_turn(self, step: int, index: int, turn: Turn) -> None:
        group = self.groups[index]
        count = max(0, min(group.hi, self.layout.active(step)) - group.lo)
        if count:
            prediction = group.prediction.first(count) if group.prediction is not None else None
            turn(step, group.lo, group.lo + count, prediction)

    def _step(self, step: int, index: int) -> None:
        """Let the network read the bytes of a step."""
        group = self.groups[index]
        if group.lanes is not None and step + 1 < self.layout.steps:
            group.prediction = group.lanes.step(self.table[step, group.lo : group.hi])
        if self.progress is not None and index == 0:
            self.progress(self.layout.lanes)


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

    def turn(step: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        symbols = block.table[step, lo:hi]
        ones = np.empty((8, hi - lo))
        predictor.encode_step(lo, hi, symbols, prediction, ones)
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

    def turn(step: int, lo: int, hi: int, prediction: Prediction | None) -> None:
        block.table[step, lo:hi] = predictor.decode_step(lo, hi, prediction, decoder.decode)

    block.run(threads, turn)
    return layout.join(block.table)

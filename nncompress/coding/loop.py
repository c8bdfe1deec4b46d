"""Run the loop that encoder and decoder share: groups of lanes take turns at predictor and coder.

A group's network runs while another group has its turn. Whichever thread is free takes the next
job; the turns come in one fixed order, so threads change nothing but time. Without a network there
is one group, and many steps make a turn. :mod:`.compiled_loop` is this loop in compiled code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nncompress.archive.codec import Progress, no_progress
from nncompress.lanes import Layout

from .cores import Loan
from .planes import PlaneDecoder, PlaneEncoder, StepPredictor

if TYPE_CHECKING:
    from nncompress.exact.engine import Network, Prediction
    from nncompress.mixing.predictor import Predictor

    from .compiled_steps import TableDecoder, TableEncoder

    StepEncoder = PlaneEncoder | TableEncoder
    StepCoder = StepEncoder | PlaneDecoder | TableDecoder

Turn = Callable[[int, int, int, int, "Prediction | None"], None]
"""Codes steps, from the first number to before the second, of lanes, from the third to before the
fourth."""

OpenEncoder = Callable[[StepPredictor, NDArray[np.uint8]], "StepEncoder"]


@runtime_checkable
class SharedNetwork(Protocol):
    """A network whose steps several blocks share: :class:`.lockstep.Lockstep`."""

    def run(self, layout: Layout, coder: StepCoder, progress: Progress) -> None:
        """Code a block."""


TURN_SIZE = 1 << 14
"""Bytes of a turn where there is no network; between two, Python reports progress and hears Ctrl-C.
"""


class _Order:
    """Gives jobs to threads: they are numbered by step and group, and a free thread takes the next.

    A job is a group's turn, then the step of its network. Turns come one after the other, in the
    order of the jobs; a job also waits for the job before it of the same group. Fixed places would
    make a thread whose core is slower, or has other work, hold up the others.
    """

    def __init__(self, groups: int, steps: int) -> None:
        self._groups, self._jobs = groups, groups * steps
        self._taken = self._turned = 0
        self._stepped = [0] * groups
        self._failed = False
        self._changed = threading.Condition()

    def take(self) -> tuple[int, int] | None:
        """Wait for the next job's turn, and return its step and group; None when all is over."""
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
    """Some lanes, with their network's state and its prediction of their next byte."""

    def __init__(self, lo: int, hi: int, network: Network) -> None:
        self.lo, self.hi = lo, hi
        self.lanes = network.lanes(hi - lo)
        self.prediction = self.lanes.start()


class _Block:
    """One block in work beside a network."""

    def __init__(
        self,
        layout: Layout,
        network: Network,
        coder: StepCoder,
        progress: Progress,
    ) -> None:
        self.layout, self.network, self.coder, self.progress = layout, network, coder, progress
        self.groups = [_Group(lo, hi, network) for lo, hi in layout.groups()]

    def run(self, threads: int) -> None:
        """Take the turns of every step and group in order, without ended lanes."""
        order = _Order(len(self.groups), self.layout.steps)

        def work() -> None:
            self.network.start_thread()
            while (job := order.take()) is not None:
                self._take_turn(*job)
                order.end_turn()
                self._step(*job)
                order.end_job(job[1])

        _in_threads(min(threads, len(self.groups)), work, order.fail)

    def _take_turn(self, step: int, index: int) -> None:
        group = self.groups[index]
        count = max(0, min(group.hi, self.layout.active(step)) - group.lo)
        if count:
            prediction = group.prediction.first(count)
            self.coder.code(step, step + 1, group.lo, group.lo + count, prediction)

    def _step(self, step: int, index: int) -> None:
        """Let the network read the bytes of a step."""
        group = self.groups[index]
        if step + 1 < self.layout.steps:
            group.prediction = group.lanes.step(self.coder.table[step, group.lo : group.hi])
        if index == 0:
            self.progress(self.layout.lanes)


def _in_threads(count: int, work: Callable[[], None], fail: Callable[[], None]) -> None:
    """Do ``work`` in ``count`` threads, this one included.

    An error in one of them ends the others, through ``fail``, and is raised here.
    """
    errors = list[BaseException]()

    @contextmanager
    def guard() -> Iterator[None]:
        try:
            yield
        # KeyboardInterrupt too: the other threads must not wait for ever.
        except BaseException as error:
            errors.append(error)
            fail()

    def other() -> None:
        with guard():
            work()

    others = [threading.Thread(target=other, daemon=True) for _ in range(count - 1)]
    started = list[threading.Thread]()
    with suppress(RuntimeError):  # no more threads: the interpreter ends, or a limit is reached
        for thread in others:
            thread.start()
            started.append(thread)
    with guard():
        work()
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]


def _run(
    layout: Layout,
    network: Network | SharedNetwork | None,
    coder: StepCoder,
    threads: Loan | int,
    progress: Progress,
) -> None:
    loan = threads if isinstance(threads, Loan) else Loan.of(threads)
    if network is None:
        _run_alone(layout, coder.code, progress)
    elif isinstance(network, SharedNetwork):
        network.run(layout, coder, progress)
    elif network.is_compiled and not isinstance(coder, PlaneEncoder | PlaneDecoder):
        from .compiled_loop import CompiledLoop

        loop = CompiledLoop(layout, network, coder, progress, loan)
        _in_threads(min(loan.most, len(layout.groups())), loop.work, loop.fail)
    else:
        _Block(layout, network, coder, progress).run(loan.count)


def _run_alone(layout: Layout, turn: Turn, progress: Progress) -> None:
    whole, stride = layout.size // layout.lanes, max(1, TURN_SIZE // layout.lanes)
    stops = [*range(stride, whole, stride), whole, layout.steps]
    first = 0
    for last in stops:
        if last > first:
            active = layout.active(first)
            turn(first, last, 0, active, None)
            progress((last - first) * active)
        first = last


def encode(
    data: bytes,
    layout: Layout,
    network: Network | SharedNetwork | None,
    predictor: StepPredictor,
    threads: Loan | int = 1,
    progress: Progress = no_progress,
    open_encoder: OpenEncoder | None = None,
) -> bytes:
    """Code a block.

    Args:
        data: its raw bytes.
        layout: its lanes.
        network: None where the predictor needs none; one that blocks share has its own threads.
        predictor: one that has seen nothing.
        threads: the most that work on it, or the cores that it borrows; they change nothing but
            time.
        progress: called with raw bytes as they are done, and bytes of the stream.
        open_encoder: makes what codes steps, of a predictor and the bytes by step and lane; None
            for the fastest there is.

    Returns:
        the range coder's stream.
    """
    coder = (open_encoder or _open_encoder)(predictor, layout.cut(data))
    told = 0

    def report(size: int, _: int = 0, /) -> None:
        nonlocal told
        before, told = told, coder.size
        progress(size, told - before)

    _run(layout, network, coder, threads, report)
    return coder.finish()


def decode(
    stream: bytes,
    layout: Layout,
    network: Network | SharedNetwork | None,
    predictor: StepPredictor,
    threads: Loan | int = 1,
    progress: Progress = no_progress,
) -> bytes:
    """Undo :func:`encode`; arguments as there.

    Raises:
        DamagedArchiveError: no encoder makes this stream. Other damage gives wrong bytes, which the
            caller's checksum finds.
    """
    table = np.zeros((layout.steps, layout.lanes), dtype=np.uint8)
    coder = _open_decoder(predictor, table, stream)
    _run(layout, network, coder, threads, lambda size, _=0, /: progress(size, size))
    return layout.join(table)


def _open_encoder(predictor: StepPredictor, table: NDArray[np.uint8]) -> StepEncoder:
    if is_mixer(predictor):
        from .compiled_steps import CompiledEncoder

        return CompiledEncoder(predictor, table)
    if _is_network_alone(predictor):
        from .network_steps import NetworkEncoder

        return NetworkEncoder(table)
    return PlaneEncoder(predictor, table)


def _open_decoder(
    predictor: StepPredictor, table: NDArray[np.uint8], stream: bytes
) -> PlaneDecoder | TableDecoder:
    if is_mixer(predictor):
        from .compiled_steps import CompiledDecoder

        return CompiledDecoder(predictor, table, stream)
    if _is_network_alone(predictor):
        from .network_steps import NetworkDecoder

        return NetworkDecoder(table, stream)
    return PlaneDecoder(predictor, table, stream)


def _is_network_alone(predictor: StepPredictor) -> bool:
    from .network_predictor import NetworkPredictor

    return isinstance(predictor, NetworkPredictor)


def is_mixer(predictor: StepPredictor) -> TypeGuard[Predictor]:
    """Return whether a predictor mixes, and so can be stepped in compiled code."""
    from nncompress.mixing.predictor import Predictor

    return isinstance(predictor, Predictor)

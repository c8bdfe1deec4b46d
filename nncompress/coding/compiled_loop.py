"""The loop of :mod:`.loop` in compiled code, for a network of our own products and a mixer.

Python's lock, its conditions and the calls of a step take an eighth of the time of two threads otherwise. Here each
thread is in one compiled function, where it takes jobs until it has done some or must wait for long.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.kernels.program import Program, run
from nncompress.machine import atomics
from nncompress.machine.jit import inline, jit
from nncompress.machine.tables import describe, matrix, vector
from nncompress.mixing.state import opened

from .compiled_steps import CompiledDecoder, CompiledEncoder, code_step
from .rangecoder_compiled import PLACE

if TYPE_CHECKING:
    from nncompress.archive.codec import Progress
    from nncompress.exact.engine import Network
    from nncompress.lanes import Layout


TAKEN, TURNED, FAILED, ASLEEP, STEPPED = range(5)
"""Places of what threads share: jobs taken, turns ended, whether to give up, whether a thread sleeps in Python, and
from the last on how many steps each group's network has done since its lanes began."""

JOB, IN_STEP, DONE = range(3)
"""Places of what a thread has for itself: its job or -1, whether its turn is over, and bytes coded but not told of."""

ENDED, PAUSED, WAITING, WAKE, CROWDED, UNSOUND = range(6)
"""Why a thread comes back: nothing is left, or it failed elsewhere; it has done its number of jobs; it waits for long;
another sleeps that may go on; words have no room; the stream is none."""

SPINS = 4000
"""Looks at a number before a thread sleeps: about a tenth of a millisecond, a turn of 16 lanes."""

JOBS = 64
"""Jobs until Python sees to progress, and to Ctrl-C."""

NAP = 0.1
"""Seconds after which a sleeping thread looks again by itself."""


@inline
def _may_turn(shared, job, groups):
    step, group = divmod(job, groups)
    turned, stepped = atomics.get(shared, TURNED), atomics.get(shared, STEPPED + group)
    return turned == job and stepped == step


@inline
def _spin(shared, job, groups):
    """Wait for a job's turn; False where it takes long."""
    for _ in range(SPINS):
        if _may_turn(shared, job, groups) or atomics.get(shared, FAILED):
            return True
        atomics.pause()
    return False


@jit
def _doze(shared, job, groups):
    """Have others wake this thread, unless the job's turn has come; whether to sleep."""
    atomics.put(shared, ASLEEP, 1)
    return not (_may_turn(shared, job, groups) or atomics.get(shared, FAILED))


@inline
def _take_turn(s, decoding, table, size, width, step, ports, lo, hi, bits, ones, coder, words):
    """Code a group's lanes that still have a byte; returns how many, or -1 for a stream that no encoder makes."""
    lanes = table.shape[1]
    hi = min(hi, lanes if (step + 1) * lanes <= size else size % lanes)
    if hi <= lo:
        return 0
    weights, vectors = matrix(ports, 1, np.int32), matrix(ports, 2, np.int8)
    s.hidden[lo:hi, :width] = vectors[: hi - lo, :width]
    row = table[step]
    sound = code_step(s, decoding, row, lo, hi, weights[: hi - lo], bits, ones, coder, words)
    if decoding and np.int64(coder[PLACE]) == len(words):
        sound = False
    return hi - lo if sound else -1


@inline
def _step(table, step, window, ports, program, lo, hi):
    """Let a group's network read the bytes of a step. It has read one more before: that with which lanes start."""
    vector(ports, 0, np.uint8)[: hi - lo] = table[step, lo:hi]
    run(program, (step + 1) % window, min(step + 2, window))


@jit
def _drive(
    shared,
    own,
    size,
    width,
    window,
    ranges,
    ports,
    programs,
    mixer,
    decoding,
    table,
    bits,
    ones,
    coder,
    words,
):
    """Take jobs as :class:`.loop._Order` gives them, and say why no more."""
    s = opened(mixer)
    groups, steps = len(ranges), len(table)
    for _ in range(JOBS):
        if own[JOB] < 0:
            own[JOB], own[IN_STEP] = atomics.add(shared, TAKEN, 1), 0
        job = own[JOB]
        if job >= groups * steps:
            return ENDED
        step, group = divmod(job, groups)
        lo, hi = ranges[group]
        if not own[IN_STEP]:
            if not _spin(shared, job, groups):
                return WAITING
            if atomics.get(shared, FAILED):
                return ENDED
            room = vector(words, 0, np.uint32)
            if not decoding and np.int64(coder[PLACE]) + 8 * (hi - lo) > len(room):
                return CROWDED
            done = _take_turn(
                s, decoding, table, size, width, step, ports[group], lo, hi, bits, ones, coder, room
            )
            if done < 0:
                return UNSOUND
            own[DONE] += done
            own[IN_STEP] = 1
            atomics.put(shared, TURNED, job + 1)
            if atomics.get(shared, ASLEEP):
                return WAKE
        if step + 1 < steps:
            _step(table, step, window, ports[group], programs[group], lo, hi)
        own[JOB] = -1
        atomics.put(shared, STEPPED + group, step + 1)
        if atomics.get(shared, ASLEEP):
            return WAKE
    return PAUSED


class CompiledLoop:
    """One block in work: what the compiled loop needs, and the threads' meeting place in Python."""

    def __init__(
        self,
        layout: Layout,
        network: Network,
        coder: CompiledEncoder | CompiledDecoder,
        progress: Progress,
    ) -> None:
        self._coder, self._progress = coder, progress
        ranges = layout.groups()
        self._lanes = [network.lanes(hi - lo) for lo, hi in ranges]
        for (lo, hi), lanes in zip(ranges, self._lanes, strict=True):
            coder.mixer.take(lo, hi, lanes.start())  # checks that they fit
        ports = [describe((own.symbols, own.weights, own.activations)) for own in self._lanes]
        programs = [_table(own.advance) for own in self._lanes]
        self._groups = len(ranges)
        self._shared = np.zeros(STEPPED + self._groups, np.int64)
        self._places = (
            layout.size,
            coder.mixer.width,
            network.config.window,
            np.array(ranges, np.int64),
            np.stack(ports),
            np.stack(programs),
            coder.mixer.addresses,
            coder.decoding,
            coder.table,
            *coder.scratch,
            coder.coder.state,
        )
        self._words = describe([coder.coder.words])
        self._changed = threading.Condition()

    def work(self) -> None:
        """Do jobs until all are done; what every thread calls."""
        own = np.array([-1, 0, 0], np.int64)
        while (why := _drive(self._shared, own, *self._places, self._words)) != ENDED:
            self._tell(own)
            if why == WAITING:
                self._sleep(int(own[JOB]))
            elif why == WAKE:
                self._wake()
            elif why == CROWDED:
                self._make_room()
            elif why == UNSOUND:
                self._coder.check(False)
        self._tell(own)
        self._wake()

    def fail(self) -> None:
        """Let all threads end."""
        self._shared[FAILED] = 1
        self._wake()

    def _tell(self, own: NDArray[np.int64]) -> None:
        if own[DONE]:
            with self._changed:
                self._progress(int(own[DONE]))
        own[DONE] = 0

    def _sleep(self, job: int) -> None:
        with self._changed:
            if _doze(self._shared, job, self._groups):
                self._changed.wait(NAP)

    def _wake(self) -> None:
        with self._changed:
            self._shared[ASLEEP] = 0
            self._changed.notify_all()

    def _make_room(self) -> None:
        """Called in a turn, so that nobody else uses the words."""
        self._coder.reserve(self._coder.table.nbytes // 4 + 8 * self._coder.table.shape[1])
        self._words[:] = describe([self._coder.coder.words])


def _table(advance: Any) -> NDArray[np.int64]:
    assert isinstance(advance, Program)
    return advance.table

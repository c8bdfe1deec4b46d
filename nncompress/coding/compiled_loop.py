"""Run the loop of :mod:`.loop` in compiled code, for a network whose step is compiled too.

Python's lock, its conditions and the calls of a step would take an eighth of the time of two
threads. Here each thread stays in one compiled function, :func:`_run_jobs`, where it takes jobs
until it has done some, or must wait for long.

A *job* is one group's *turn* at the predictor and the coder, for one step, and then that group's
step of the network. Jobs are numbered by step and group, ``job = step * groups + group``. A thread
goes through these states, and comes back to Python with one of :class:`Stop` (in capitals)::

       ┌──────────────────────────────────────────────────────────────┐
       ▼                                                              │
    number < WORKING? ──(no)──▶ SPARE ─▶ stand by in Python ─▶ again  │
       │                                                              │
       ▼                                                              │
    take a job: TAKEN += 1 ──(none left)──▶ ENDED                     │
       │                                                              │
       ▼                                                              │
    wait for its turn: TURNED == job and STEPPED[group] == step       │
       │        │                                                     │
       │        └─(SPINS looks)─▶ WAITING ─▶ sleep in Python ─▶ look again
       ▼                                                              │
    code the group's bytes ──(wrong stream)──▶ UNSOUND                │
       │        └──(no room for words)──▶ CROWDED ─▶ make room ─▶ again
       ▼                                                              │
    end the turn: TURNED = job + 1 ──(a thread sleeps)──▶ WAKE        │
       ▼                                                              │
    step the group's network: STEPPED[group] = step + 1 ──▶ WAKE ─────┤
       └──(JOBS jobs done)──▶ PAUSED ─▶ report progress ──────────────┘

Why turns come in order: only the thread with job == TURNED codes, and it alone writes TURNED. So
the predictor, the coder and the words have one user at a time, and sequentially consistent accesses
(:mod:`nncompress.machine.atomics`) hand what it wrote to the next.

Why no wake-up is lost. A thread that wants to sleep holds the lock of the condition, sets ASLEEP,
and then looks once more whether its turn has come or a thread has failed (:func:`_must_sleep`).
Only then does it wait, which gives the lock away. A thread that ends a turn or a step writes TURNED
or STEPPED first, and looks at ASLEEP after that. Both orders are kept, since all four accesses are
sequentially consistent: of the two threads at least one sees what the other wrote. Either the
sleeper sees that its turn has come, and does not sleep; or the other thread sees ASLEEP, and wakes
all under the lock, which it gets only once the sleeper waits. ASLEEP is cleared under that lock
too, by the thread that then wakes all, so whoever sleeps again sets it anew. A thread that fails
sets FAILED before it takes the lock to wake the others. ``NAP`` is no part of this argument: it
bounds the damage if the argument is wrong, and the stress test runs without it.

Fewer threads may work than there are, since several are slower than one where other processes want
the same cores (:mod:`.thread_count`). A thread looks at WORKING only where it has no job, so one
that stands by keeps no turn and no group back: the others take all jobs that follow. Thread 0 never
stands by, as WORKING is at least 1; it alone writes WORKING. No thread stands by for ever: it waits
in a condition of its own, under whose lock it first looks whether it is to work, whether all jobs
are taken, and whether a thread has failed. Whoever makes one of the three true wakes all under that
lock afterwards: thread 0 when it writes WORKING; every thread that ENDED, for it saw that no job
was left; and the one that fails.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncompress.exact.kernels.program import Program, address_of_run_program
from nncompress.machine import atomics
from nncompress.machine.calls import call
from nncompress.machine.jit import inline, jit

from .compiled_steps import (
    WORDS,
    TableDecoder,
    TableEncoder,
    Words,
    open_words,
)
from .rangecoder_compiled import PLACE
from .shared_block import (
    ASLEEP,
    BLOCK,
    DONE,
    FAILED,
    IN_STEP,
    JOB,
    OWN_NUMBER,
    OWN_SIZE,
    PORT,
    STEPPED,
    TAKEN,
    TURNED,
    WORKING,
    Port,
    SharedBlock,
    Stop,
)
from .thread_count import ThreadCount

if TYPE_CHECKING:
    from nncompress.archive.codec import Progress
    from nncompress.exact.engine import Network
    from nncompress.lanes import Layout

    from .cores import Loan

# Plain integers for compiled code.
_ENDED, _PAUSED, _WAITING = int(Stop.ENDED), int(Stop.PAUSED), int(Stop.WAITING)
_WAKE, _CROWDED, _UNSOUND = int(Stop.WAKE), int(Stop.CROWDED), int(Stop.UNSOUND)
_SPARE = int(Stop.SPARE)

SPINS = 4000
"""Looks at a number before a thread sleeps: about a tenth of a millisecond, a turn of 16 lanes."""

JOBS = 16
"""Jobs until Python sees to progress, to Ctrl-C, and to the number of threads."""

NAP = 0.1
"""Seconds after which a sleeping thread looks again by itself."""

_open_port, _open_block = PORT.opener(), BLOCK.opener()


@inline
def _may_turn(shared, job, groups):
    step, group = divmod(job, groups)
    turned, stepped = atomics.get(shared, TURNED), atomics.get(shared, STEPPED + group)
    return turned == job and stepped == step


@inline
def _is_spare(shared, number, jobs):
    """Whether a thread is to stand by: not once all jobs are taken or a thread has failed."""
    working, taken = atomics.get(shared, WORKING), atomics.get(shared, TAKEN)
    return number >= working and taken < jobs and not atomics.get(shared, FAILED)


@inline
def _spin(shared, job, groups):
    """Wait for a job's turn; False where it takes long."""
    for _ in range(SPINS):
        if _may_turn(shared, job, groups) or atomics.get(shared, FAILED):
            return True
        atomics.pause()
    return False


@jit
def _must_sleep(shared, job, groups):
    """Announce that this thread will sleep; False where its turn has come meanwhile."""
    atomics.put(shared, ASLEEP, 1)
    return not (_may_turn(shared, job, groups) or atomics.get(shared, FAILED))


@jit
def _stands_by(shared, number, jobs):
    """Tell Python whether a thread is to stand by."""
    return _is_spare(shared, number, jobs)


@inline
def has_room(block, words, lo, hi):
    """Whether a turn's words fit, at most one a bit."""
    return block.decoding or np.int64(block.coder[PLACE]) + 8 * (hi - lo) <= len(words)


@inline
def take_turn(block, words, step, group, lo, hi):
    """Code the lanes of a group that have a byte; return how many, or -1 for a wrong stream."""
    lanes = block.rows.shape[1]
    hi = min(hi, lanes if (step + 1) * lanes <= block.size else block.size % lanes)
    if hi <= lo:
        return 0
    port, width = _open_port(block.ports[group]), block.width
    for lane in range(hi - lo):
        for i in range(width):
            block.hidden[lo + lane, i] = port.hidden[lane, i]
    turn = np.int64(block.turns[group].ctypes.data)
    sound = call(block.code_steps, (turn, step, step + 1, lo, hi)) != 0
    if block.decoding and np.int64(block.coder[PLACE]) == len(words):
        sound = False
    return hi - lo if sound else -1


@inline
def _step_network(block, step, group, lo, hi):
    """Let a group's network read a step's bytes.

    It has read one byte more than there were steps: that with which lanes start.
    """
    port = _open_port(block.ports[group])
    for lane in range(hi - lo):
        port.symbols[lane] = block.rows[step, lo + lane]
    program, slot = np.int64(block.programs[group].ctypes.data), (step + 1) % block.window
    call(block.run_program, (program, slot, min(step + 2, block.window)))


@jit
def _run_jobs(table, own):
    """Take jobs, and return why no more for now, one of :class:`Stop`.

    Args:
        table: of a :class:`SharedBlock`.
        own: int64 [OWN_SIZE], what the thread has for itself.
    """
    block = _open_block(table)
    shared, groups, steps = block.shared, len(block.groups), len(block.rows)
    for _ in range(JOBS):
        if own[JOB] < 0:
            if _is_spare(shared, own[OWN_NUMBER], groups * steps):
                return _SPARE
            own[JOB], own[IN_STEP] = atomics.add(shared, TAKEN, 1), 0
        job = own[JOB]
        if job >= groups * steps:
            return _ENDED
        step, group = divmod(job, groups)
        lo, hi = block.groups[group, 0], block.groups[group, 1]
        if not own[IN_STEP]:
            if not _spin(shared, job, groups):
                return _WAITING
            if atomics.get(shared, FAILED):
                return _ENDED
            words = open_words(block.words).words
            if not has_room(block, words, lo, hi):
                return _CROWDED
            done = take_turn(block, words, step, group, lo, hi)
            if done < 0:
                return _UNSOUND
            own[DONE] += done
            own[IN_STEP] = 1
            atomics.put(shared, TURNED, job + 1)
            if atomics.get(shared, ASLEEP):
                return _WAKE
        if step + 1 < steps:
            _step_network(block, step, group, lo, hi)
        own[JOB] = -1
        atomics.put(shared, STEPPED + group, step + 1)
        if atomics.get(shared, ASLEEP):
            return _WAKE
    return _PAUSED


class CompiledLoop:
    """One block in work: what the compiled function needs, and where threads sleep in Python."""

    def __init__(
        self,
        layout: Layout,
        network: Network,
        coder: TableEncoder | TableDecoder,
        progress: Progress,
        loan: Loan,
    ) -> None:
        self._coder, self._progress, self._loan = coder, progress, loan
        groups = layout.groups()
        lanes = [network.lanes(hi - lo) for lo, hi in groups]
        for (lo, hi), own in zip(groups, lanes, strict=True):
            coder.take(lo, hi, own.start())  # checks that they fit
        ports = [PORT.fill(Port(own.symbols, own.activations)) for own in lanes]
        self._groups, self._jobs = len(groups), len(groups) * layout.steps
        self._numbers = itertools.count()
        self._shared = np.zeros(STEPPED + self._groups, np.int64)
        self._shared[WORKING] = min(loan.count, self._groups)
        self._words = WORDS.fill(Words(coder.coder.words))
        turns = [coder.turn(own.weights, self._words) for own in lanes]
        self._block = SharedBlock(
            shared=self._shared,
            size=layout.size,
            width=coder.width,
            window=network.config.window,
            decoding=coder.decoding,
            groups=np.array(groups, np.int64),
            ports=np.stack(ports),
            programs=np.stack([_table_of(own.advance) for own in lanes]),
            run_program=address_of_run_program(),
            turns=np.stack(turns),
            code_steps=coder.kernel_address(),
            hidden=coder.hidden,
            rows=coder.table,
            coder=coder.coder.state,
            words=self._words,
        )
        self._lanes = lanes  # keeps alive what the tables point to, as self._block does
        self._table = BLOCK.fill(self._block)
        self._changed, self._recalled = threading.Condition(), threading.Condition()

    def work(self) -> None:
        """Do jobs until all are done; every thread of the block calls it.

        Raises:
            DamagedArchiveError: no encoder makes this stream.
        """
        own = np.zeros(OWN_SIZE, np.int64)
        own[JOB], own[OWN_NUMBER] = -1, next(self._numbers)
        count = ThreadCount(int(self._shared[WORKING])) if own[OWN_NUMBER] == 0 else None
        while (why := Stop(_run_jobs(self._table, own))) is not Stop.ENDED:
            self._report(own)
            if count is not None:
                self._adapt(count)
            if why is Stop.WAITING:
                self._sleep(int(own[JOB]))
            elif why is Stop.WAKE:
                self._wake()
            elif why is Stop.CROWDED:
                self._make_room()
            elif why is Stop.UNSOUND:
                self._coder.check(False)
            elif why is Stop.SPARE:
                self._stand_by(int(own[OWN_NUMBER]))
        self._report(own)
        self._wake()
        self._recall()

    def fail(self) -> None:
        """Let all threads end."""
        self._shared[FAILED] = 1
        self._wake()
        self._recall()

    def _report(self, own: NDArray[np.int64]) -> None:
        if own[DONE]:
            with self._changed:
                self._progress(int(own[DONE]))
        own[DONE] = 0

    def _sleep(self, job: int) -> None:
        with self._changed:
            if _must_sleep(self._shared, job, self._groups):
                self._changed.wait(NAP)

    def _wake(self) -> None:
        with self._changed:
            self._shared[ASLEEP] = 0
            self._changed.notify_all()

    def _adapt(self, count: ThreadCount) -> None:
        """Let as many threads work as go fastest, of those that have cores."""
        working = count.look(int(self._shared[TURNED]), self._allowed)
        if working != self._shared[WORKING]:
            self._shared[WORKING] = working
            self._recall()

    def _allowed(self) -> int:
        return min(self._loan.adjust(), self._groups)

    def _stand_by(self, number: int) -> None:
        """Wait until this thread is to work again, or all is over."""
        with self._recalled:
            if _stands_by(self._shared, number, self._jobs):
                self._recalled.wait(NAP)

    def _recall(self) -> None:
        """Wake the threads that stand by."""
        with self._recalled:
            self._recalled.notify_all()

    def _make_room(self) -> None:
        """Move the words to a larger array; called in a turn, when no other thread uses them."""
        self._coder.reserve(self._coder.table.nbytes // 4 + 8 * self._coder.table.shape[1])
        self._words[:] = WORDS.fill(Words(self._coder.coder.words))


def _table_of(advance: Any) -> NDArray[np.int64]:
    assert isinstance(advance, Program)
    return advance.table

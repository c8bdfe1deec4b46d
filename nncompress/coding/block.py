"""Code a block: which method it gets, and what its payload begins with.

The payload of a coded block is a head (:mod:`.head`), then the range coder's stream.
:mod:`.choice` picks method and filter, :mod:`.kinds` the kind of the data.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.copies import CopyRules
from nncompress.archive.format import MODEL_ID_SIZE, Method, most_raw_bytes
from nncompress.errors import ConfigError
from nncompress.lanes import MOST_GROUPS, Layout, read_layout
from nncompress.machine.resources import cpus
from nncompress.mixing.profiles import Kind
from nncompress.transforms.filters import apply_transform, undo_transform

from .choice import TRY_ALL, Plan, choose_plans, take_sample
from .cores import Cores, Loan
from .head import Head, read_head
from .kinds import kind_of
from .levels import DEFAULT_LEVEL, LEVELS, Level
from .loop import OpenEncoder, decode, encode
from .options import CodecSpec
from .predictors import make_predictor, predictor_memory
from .records import NO_RECORDS

if TYPE_CHECKING:
    from subprocess import Popen

    from nncompress.exact.engine import Network
    from nncompress.exact.modelfile import Model

    from .lockstep import Lockstep
    from .planes import StepPredictor


_COMPILED = ("cpu", "auto")
"""Device and kernels with which the network's steps are compiled at the first run."""

NETWORK_TIME = 4
"""To code a block beside a network takes about so many times as long as with mixing alone."""


class BlockCoder:
    """Codes blocks with a model, or with adaptive mixing alone where ``model`` is None.

    It is the archive layer's :class:`~nncompress.archive.codec.BlockCodec`; several threads may
    code blocks at once, and share its network and its cores.

    Args:
        model: what the network computes with.
        level: lanes, profiles and block sizes.
        method: "auto", "network", "network+mixing" or "mixing".
        device: "cpu", "cuda" or "cuda:N".
        kernels: "auto", "numba", "torch" or "triton": see
            :class:`~nncompress.exact.engine.Network`.
        threads: 0 for one a core.
        embedded: the member that carries the model, where archives are to begin with it.
        cores: what blocks borrow threads from; None for as many of its own.

    Raises:
        ConfigError: the method needs a model, and there is none.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        level: Level = LEVELS[DEFAULT_LEVEL],
        method: str = "auto",
        device: str = "cpu",
        kernels: str = "auto",
        threads: int = 0,
        embedded: bytes | None = None,
        cores: Cores | None = None,
    ) -> None:
        if model is None and method not in ("mixing", "auto"):
            raise ConfigError(f"method {method!r} needs a model")
        self.model, self.level, self.method = model, level, method
        self.device, self.kernels = device, kernels
        self.threads = threads or cpus()
        self.embedded = embedded
        # More threads than cores only wait; a device's threads wait for the device.
        most = min(self.threads, cpus()) if device == "cpu" else self.threads
        self.cores = cores or Cores(most)
        self._network: Network | None = None
        self._lockstep: Lockstep | None = None
        self._starting = threading.RLock()
        mixes = model is not None and method in ("auto", Method.NETWORK_MIXING.label)
        self._compiling = _compile_aside() if mixes and (device, kernels) == _COMPILED else None

    @property
    def model_id(self) -> bytes | None:
        """Identity of the model, 16 bytes, or None."""
        return self.model.identity if self.model is not None else None

    @property
    def spec(self) -> CodecSpec:
        """What another process needs to code blocks likewise."""
        models = () if self.model_id is None else (self.model_id,)
        return CodecSpec(self.level, self.method, models, self.model_id, self.device)

    @property
    def block_size(self) -> int:
        """Bytes a block should have."""
        return self.level.block_size

    @property
    def first_block_size(self) -> int:
        """Bytes that the first blocks should have."""
        return self.level.first_block_size

    @property
    def copy_rules(self) -> CopyRules:
        """What becomes a copy before blocks are coded."""
        return self.level.copies

    @property
    def network(self) -> Network:
        """The model on the device, checked against its known answers when first asked for."""
        with self._starting:
            if self._network is None:
                _wait_for(self._compiling)
                self._network = _start_network(self.model, self.device, self.kernels, self.threads)
            return self._network

    @property
    def shares_steps(self) -> bool:
        """Whether blocks that are coded at once share the network's steps, as on a GPU."""
        return self.device != "cpu" or self.kernels == "torch"

    def _network_for(self, layout: Layout) -> Network | Lockstep:
        """Return what a block with these lanes runs through."""
        if not self.shares_steps:
            return self.network
        with self._starting:
            if self._lockstep is None:
                self._lockstep = _start_lockstep(self.network, self.threads)
            return self._lockstep if self._lockstep.takes(layout) else self.network

    def choose(self, data: bytes) -> BlockCoder:
        """Return itself: it has no other model."""
        return self

    def trial(self, data: bytes) -> int:
        """Return the bytes that a sample of a block takes with the network; blocks are not empty.

        A small block is its own sample.
        """
        method = Method.NETWORK_MIXING if self.method == "auto" else self._forced
        sample, bits = data, self.level.lanes_bits(len(data), method)
        if len(data) > TRY_ALL:
            sample, bits = take_sample(data)
        layout = Layout(len(sample), 1 << bits)
        with self.cores.lend(self._usable_threads(layout, method)) as loan:
            return len(self._encode(Plan(method), sample, layout, loan))

    @property
    def memory_of_weights(self) -> int:
        """Bytes of memory that the model takes, whether or not a block is coded."""
        return self.model.parameters.memory_bytes(0) if self.model is not None else 0

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        """Code a block, and return its method and payload.

        The choice of method depends on the bytes, the level, the model and ``alone``.
        """
        most = max(self._usable_threads(self.level.layout(len(data), m), m) for m in self._methods)
        with self.cores.lend(most) as loan:

            def cost(method: Method, sample: bytes, bits: int) -> int:
                layout = Layout(len(sample), 1 << bits)
                return len(self._encode(Plan(method), sample, layout, loan))

            plans = choose_plans(data, self._methods, self.method == "auto", cost)
            if not any(plan.method.needs_model for plan in plans):
                loan.keep(1)
            coded = []
            weights = [NETWORK_TIME if plan.method.needs_model else 1 for plan in plans]
            for plan, weight in zip(plans, weights, strict=True):
                layout = self.level.layout(len(data), plan.method)
                told = _scaled(progress, weight, sum(weights))
                payload = self._encode(plan, data, layout, loan, told)
                if len(data) > most_raw_bytes(len(payload)):  # decoders would not believe it
                    payload = self._encode(Plan(plan.method), data, layout, loan)
                coded.append((payload, plan.method))
        if self.method == "auto":
            coded.append((data, Method.STORED))
        payload, method = min(coded, key=lambda pair: _archive_bytes(*pair, alone=alone))
        return method, payload

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Undo :meth:`encode`.

        Raises:
            DamagedArchiveError: the payload's first bytes cannot be, or its stream is wrong.
        """
        head, stream = read_head(method, payload, size)
        coded = head.modelled(size)
        layout = read_layout(coded, head.lanes_bits, network=head.method.needs_model)
        with self.cores.lend(self._usable_threads(layout, head.method)) as loan:
            predictor = self._predictor(head, layout)
            with self._running(head.method, layout, loan) as network:
                told = _scaled(progress, size, coded)
                data = decode(stream, layout, network, predictor, loan, told)
        return undo_transform(head.transform, data, size)

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return the bytes of memory that a block of ``size`` raw bytes takes at most.

        The libraries are not counted. To decode ``payload``, which names its lanes and its profile;
        without one, to encode.
        """
        method = Method(method)
        if payload:
            head, _ = read_head(method, payload, size)
            number = head.profile
            layout = read_layout(head.modelled(size), head.lanes_bits, network=method.needs_model)
        else:
            layout, number = self.level.layout(size, method), self.level.profile(method, Kind.TEXT)
        total = 5 * size
        if method.needs_model and self.model is not None:
            total += self.model.parameters.memory_bytes(layout.lanes)
        total += predictor_memory(self.model, method, number, layout)
        return total + total // 16  # what passes while tables are filled

    @property
    def _methods(self) -> list[Method]:
        """The methods that may be used, mixing alone first."""
        if self.method != "auto":
            return [self._forced]
        return [Method.MIXING] + ([Method.NETWORK_MIXING] if self._uses_network else [])

    def _usable_threads(self, layout: Layout, method: Method) -> int:
        """Count the threads that a block can use: one a group beside a network of its own."""
        own = method.needs_model and not self.shares_steps
        return len(layout.groups()) if own else 1

    @property
    def _uses_network(self) -> bool:
        if self.method != "auto":
            return self._forced.needs_model
        return self.model is not None and self.level.network

    @property
    def _forced(self) -> Method:
        return Method[self.method.upper().replace("+", "_")]

    def _encode(
        self,
        plan: Plan,
        data: bytes,
        layout: Layout,
        loan: Loan,
        progress: Progress = no_progress,
    ) -> bytes:
        """Code as planned, and return the payload."""
        changed = apply_transform(plan.transform, data)
        if not plan.transform.keeps_size:
            progress = _scaled(progress, len(data), len(changed), made=False)
            layout = Layout(len(changed), layout.lanes)
        kind, records = Kind.TEXT, NO_RECORDS
        if plan.method is Method.MIXING:
            for_code = plan.transform.is_for_code
            kind, records = (Kind.BINARY, NO_RECORDS) if for_code else kind_of(changed)
        head = Head(
            plan.method,
            layout.lanes.bit_length() - 1,
            self.level.profile(plan.method, kind),
            plan.transform,
            records,
            0 if plan.transform.keeps_size else len(changed),
        )
        predictor, opener = self._predictor(head, layout), self._opener(layout)
        with self._running(plan.method, layout, loan) as network:
            stream = encode(changed, layout, network, predictor, loan, progress, opener)
        return head.bytes + stream

    @contextmanager
    def _running(
        self, method: Method, layout: Layout, loan: Loan
    ) -> Iterator[Network | Lockstep | None]:
        """Have what a block runs through, without cores of its own where others share it."""
        network = self._network_for(layout) if method.needs_model else None
        is_shared = network is not None and network is self._lockstep
        with loan.away() if is_shared else nullcontext():
            yield network

    def _opener(self, layout: Layout) -> OpenEncoder | None:
        """Return what makes the encoder of a block with these lanes; None for the usual one."""
        return None

    def _predictor(self, head: Head, layout: Layout) -> StepPredictor:
        return make_predictor(self.model, head.method, head.profile, layout, head.records)


def _scaled(progress: Progress, part: int, whole: int, *, made: bool = True) -> Progress:
    """Return what reports ``part`` in place of ``whole`` bytes that are done, in equal measure.

    Bytes that were made of them are scaled likewise only if ``made``.
    """
    done = more = 0
    of_made = part if made else whole

    def report(size: int, made_size: int = 0, /) -> None:
        nonlocal done, more
        before = done * part // whole, more * of_made // whole
        done, more = done + size, more + made_size
        progress(done * part // whole - before[0], more * of_made // whole - before[1])

    return report


def _archive_bytes(payload: bytes, method: Method, *, alone: bool) -> int:
    """Count what a block adds to its archive, less what every block adds."""
    if method is Method.STORED:
        return len(payload)
    size_field = (len(payload).bit_length() + 7) // 8
    names_model = alone and method.needs_model
    return len(payload) + size_field + (MODEL_ID_SIZE if names_model else 0)


def _compile_aside() -> Popen[bytes] | None:
    from .aside import compile_network

    return compile_network()


def _wait_for(compiling: Popen[bytes] | None) -> None:
    if compiling is not None:
        from .aside import wait_for_network

        wait_for_network(compiling)


def _start_network(model: Model | None, device: str, kernels: str, threads: int) -> Network:
    from nncompress.exact.opening import open_network

    if model is None:
        raise ConfigError("this method needs a model: give one with -m")
    # The groups of lanes have a thread each; what is left over goes to the products inside.
    return open_network(model, device, kernels, threads=max(1, threads // MOST_GROUPS))


def _start_lockstep(network: Network, threads: int) -> Lockstep:
    from .lockstep import Lockstep, rows_within

    return Lockstep(network, threads, rows_within(network, network.memory_for_rows()))

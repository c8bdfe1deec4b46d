"""Code a block: which method it gets, and what its payload begins with.

The payload of a coded block is one byte, then the range coder's stream. The byte's low nibble is
log2 of the number of lanes; the high nibble is the number of the mixer's profile, 0 where there is
no mixer.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nncompress.archive.codec import Progress, no_progress
from nncompress.archive.format import MODEL_ID_SIZE, Method
from nncompress.errors import ConfigError, DamagedArchiveError
from nncompress.lanes import MOST_GROUPS, Layout, read_layout
from nncompress.machine.resources import cpus

from .cores import Cores
from .levels import DEFAULT_LEVEL, LEVELS, Level
from .loop import decode, encode
from .options import CodingOptions
from .predictors import make_predictor, predictor_memory

if TYPE_CHECKING:
    from nncompress.exact.engine import Network
    from nncompress.exact.modelfile import Model

    from .planes import StepPredictor

SAMPLE_PIECES = 32
SAMPLE_PIECE = 512
"""A large block is judged by this many pieces of this many bytes, spread over it, each a lane."""

NETWORK_GAIN = 0.97
"""The network is used where it brings a sample below this part of what mixing alone makes of it."""


class BlockCoder:
    """Codes blocks with a model, or with adaptive mixing alone where ``model`` is None.

    It is the archive layer's :class:`~nncompress.archive.codec.BlockCodec`; several threads may
    code blocks at once, and share its network and its cores.

    Args:
        model: what the network computes with.
        level: lanes, profiles and block sizes.
        method: "auto", "network", "network+mixing" or "mixing".
        device: "cpu", "cuda" or "cuda:N".
        kernels: "auto", "numba" or "torch"; see :class:`~nncompress.exact.engine.Network`.
        threads: 0 for one a core.

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
    ) -> None:
        if model is None and method not in ("mixing", "auto"):
            raise ConfigError(f"method {method!r} needs a model")
        self.model, self.level, self.method = model, level, method
        self.device, self.kernels = device, kernels
        self.threads = threads or cpus()
        self._cores = Cores(self.threads)
        self._network: Network | None = None
        self._starting = threading.Lock()

    @property
    def model_id(self) -> bytes | None:
        """Identity of the model, 16 bytes, or None."""
        return self.model.identity if self.model is not None else None

    @property
    def block_size(self) -> int:
        """Bytes a block should have."""
        return self.level.block_size

    @property
    def first_block_size(self) -> int:
        """Bytes that the first blocks should have."""
        return self.level.first_block_size

    @property
    def network(self) -> Network:
        """The model on the device, checked against its known answers when first asked for."""
        with self._starting:
            if self._network is None:
                self._network = _start_network(self.model, self.device, self.kernels, self.threads)
            return self._network

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        """Code a block, and return its method and payload.

        The choice of method depends on the bytes, the level, the model and ``alone``.
        """
        bits = self.level.lanes_bits(len(data))
        most = _usable_threads(self.level.layout(len(data)), self._uses_network)
        with self._cores.lend(most) as loan:
            candidates = self._candidates(data, loan.count)
            if not any(method.needs_model for method in candidates):
                loan.keep(1)
            coded = [
                (self._encode(method, data, bits, loan.count, progress), method)
                for method in candidates
            ]
        if self.method == "auto":
            coded.append((data, Method.STORED))
        payload, method = min(coded, key=lambda pair: _archive_bytes(*pair, alone=alone))
        return method, payload

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Undo :meth:`encode`.

        Raises:
            DamagedArchiveError: the payload's first byte cannot be, or its stream is wrong.
        """
        if not payload:
            raise DamagedArchiveError("damaged archive: a coded block is empty")
        layout, needs_model = read_layout(size, payload[0] & 15), Method(method).needs_model
        with self._cores.lend(_usable_threads(layout, needs_model)) as loan:
            predictor = self._predictor(Method(method), payload[0] >> 4, layout)
            network = self.network if needs_model else None
            return decode(payload[1:], layout, network, predictor, loan.count, progress)

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return the bytes of memory that a block of ``size`` raw bytes takes at most.

        The libraries are not counted. To decode ``payload``, which names its lanes and its profile;
        without one, to encode.
        """
        if payload:
            layout, number = read_layout(size, payload[0] & 15), payload[0] >> 4
        else:
            layout = self.level.layout(size)
            number = self.level.profile(Method(method))
        total = 4 * size
        if Method(method).needs_model and self.model is not None:
            total += self.model.parameters.memory_bytes(layout.lanes)
        total += predictor_memory(self.model, Method(method), number, layout)
        return total + total // 16  # what passes while tables are filled

    def _candidates(self, data: bytes, threads: int) -> list[Method]:
        """List the methods to try: both for little data, else the one that codes a sample best."""
        if self.method != "auto":
            return [self._forced]
        if len(data) <= SAMPLE_PIECES * SAMPLE_PIECE:
            return [Method.MIXING] + ([Method.NETWORK_MIXING] if self._uses_network else [])
        sample, bits = _sample(data), SAMPLE_PIECES.bit_length() - 1
        mixing = len(self._encode(Method.MIXING, sample, bits, threads))
        if mixing >= len(sample):
            return []
        if self._uses_network:
            network = len(self._encode(Method.NETWORK_MIXING, sample, bits, threads))
            if network < NETWORK_GAIN * mixing:
                return [Method.NETWORK_MIXING]
        return [Method.MIXING]

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
        method: Method,
        data: bytes,
        bits: int,
        threads: int,
        progress: Progress = no_progress,
    ) -> bytes:
        """Code in 2**``bits`` lanes, and return the payload."""
        layout = Layout(len(data), 1 << bits)
        number = self.level.profile(method)
        predictor = self._predictor(method, number, layout)
        network = self.network if method.needs_model else None
        stream = encode(data, layout, network, predictor, threads, progress)
        return bytes([number << 4 | bits]) + stream

    def _predictor(self, method: Method, number: int, layout: Layout) -> StepPredictor:
        return make_predictor(self.model, method, number, layout)


def _archive_bytes(payload: bytes, method: Method, *, alone: bool) -> int:
    """Count what a block adds to its archive, less what every block adds."""
    if method is Method.STORED:
        return len(payload)
    size_field = (len(payload).bit_length() + 7) // 8
    names_model = alone and method.needs_model
    return len(payload) + size_field + (MODEL_ID_SIZE if names_model else 0)


def _usable_threads(layout: Layout, network: bool) -> int:
    """Count the threads that a block can use: one a group beside a network."""
    return len(layout.groups()) if network else 1


def _sample(data: bytes) -> bytes:
    stride = (len(data) - SAMPLE_PIECE) // (SAMPLE_PIECES - 1)
    return b"".join(data[i * stride : i * stride + SAMPLE_PIECE] for i in range(SAMPLE_PIECES))


def _start_network(model: Model | None, device: str, kernels: str, threads: int) -> Network:
    from nncompress.exact.engine import Network

    if model is None:
        raise ConfigError("this method needs a model: give one with -m")
    # The groups of lanes have a thread each; what is left over goes to the products inside.
    network = Network(model.parameters, device, kernels, threads=max(1, threads // MOST_GROUPS))
    model.check(network)
    return network


def model_file(options: CodingOptions) -> Path:
    """Return the model file that the options name, or that belongs to their level.

    Raises:
        ModelNotFoundError: there is none.
    """
    from nncompress.exact.store import resolve_model

    named = options.model
    return resolve_model(named if named is not None else _level(options).model)


def open_block_coder(options: CodingOptions) -> BlockCoder:
    """Open what codes blocks as the options say; their memory limit is not its concern.

    Raises:
        ModelError: a model is wanted and there is none, or it is damaged.
    """
    method, level = options.method or "auto", _level(options)
    model = None
    if method != "mixing" and (level.network or method != "auto"):
        from nncompress.exact.modelfile import load_model

        model = load_model(model_file(options))
    device = "cpu" if options.device == "auto" else options.device
    return BlockCoder(model, level=level, method=method, device=device, threads=options.threads)


def _level(options: CodingOptions) -> Level:
    return LEVELS[options.level or DEFAULT_LEVEL]

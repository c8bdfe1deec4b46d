"""The block codec: which methods there are, which one a block gets, and what its payload begins with.

The payload of a coded block is one byte, then the range coder's stream. The byte's low nibble is log2 of the number of
lanes; the high nibble is the number of the mixer's profile, 0 where there is no mixer.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nncompress.archive.format import Method
from nncompress.errors import ConfigError, DamagedArchiveError
from nncompress.lanes import Layout, read_layout
from nncompress.machine.resources import cpus

from .cores import Cores
from .groups import MOST_GROUPS
from .levels import DEFAULT_LEVEL, KINDS_ARRAYS, LEVELS, PROFILES, Level, initial_prefix
from .loop import decode, encode

if TYPE_CHECKING:
    from nncompress.exact.engine import Network
    from nncompress.exact.modelfile import Model
    from nncompress.mixing.clusters import Kinds
    from nncompress.mixing.profiles import MixerSpec

    from .planes import Predictor

SAMPLE_PIECES = 32
SAMPLE_PIECE = 512
"""A large block is judged by this many pieces of this many bytes, spread over it, each a lane of its own."""

NETWORK_GAIN = 0.97
"""The network is used where it brings a sample below this part of what mixing alone makes of it."""


class Codec:
    """Codes blocks with a model, or with adaptive mixing alone where ``model`` is None.

    method: "auto", "network", "network+mixing" or "mixing". threads: 0 for one a core.
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
        self._cores = Cores(self.threads)  # one for all copies
        self.progress: Callable[[int], None] | None = None
        """Called with the number of raw bytes done since the last call, while a block is coded."""
        self._networks: list[Network] = []  # none or one, for all copies
        self._starting = threading.Lock()

    def for_block(self, progress: Callable[[int], None]) -> Codec:
        """A copy for one block, with the same model, network and cores; several can be at work at once."""
        own = copy.copy(self)
        own.progress = progress
        return own

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
            if not self._networks:
                network = _start_network(self.model, self.device, self.kernels, self.threads)
                self._networks.append(network)
            return self._networks[0]

    def encode(self, data: bytes) -> tuple[int, bytes]:
        """Code a block: (method, payload). The choice depends on the bytes, the level and the model alone."""
        bits, progress = self.level.lanes_bits(len(data)), self.progress
        most = _threads(Layout(len(data), 1 << bits), self._uses_network)
        with self._cores.lend(most) as loan:
            candidates = self._candidates(data, loan.count)
            if not any(method.needs_model for method in candidates):
                loan.keep(1)
            coded = [
                (self._encode(method, data, bits, loan.count, progress), method)
                for method in candidates
            ]
        if not coded:
            return Method.STORED, data
        payload, method = min(coded, key=lambda pair: len(pair[0]))
        return method, payload

    def decode(self, method: int, payload: bytes, size: int) -> bytes:
        """Undo :meth:`encode`; raises :class:`DamagedArchiveError` where the payload's first byte cannot be."""
        if not payload:
            raise DamagedArchiveError("damaged archive: a coded block is empty")
        layout, needs_model = read_layout(size, payload[0] & 15), Method(method).needs_model
        with self._cores.lend(_threads(layout, needs_model)) as loan:
            predictor = self._predictor(Method(method), payload[0] >> 4, layout)
            network = self.network if needs_model else None
            return decode(payload[1:], layout, network, predictor, loan.count, self.progress)

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return the bytes of memory that a block of ``size`` bytes takes at most, besides the libraries.

        To decode ``payload``, which names its lanes and its mixer; without one, to encode.
        """
        if payload:
            layout, profile = read_layout(size, payload[0] & 15), payload[0] >> 4
        else:
            layout = Layout(size, 1 << self.level.lanes_bits(size))
            profile = self.level.profile(Method(method))
        total = 4 * size
        if Method(method).needs_model and self.model is not None:
            total += self.model.parameters.memory_bytes(layout.lanes)
        if Method(method) in (Method.MIXING, Method.NETWORK_MIXING):
            from nncompress.mixing.allocation import memory_bytes

            spec, width = _mixer_spec(Method(method), profile), self._width(Method(method))
            total += memory_bytes(spec, layout.lanes, size, width)
        return total + total // 16  # what passes while tables are filled

    def _candidates(self, data: bytes, threads: int) -> list[Method]:
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
        progress: Callable[[int], None] | None = None,
    ) -> bytes:
        """Code in 2**``bits`` lanes; returns the payload."""
        layout = Layout(len(data), 1 << bits)
        profile = self.level.profile(method)
        predictor = self._predictor(method, profile, layout)
        network = self.network if method.needs_model else None
        stream = encode(data, layout, network, predictor, threads, progress)
        return bytes([profile << 4 | bits]) + stream

    def _predictor(self, method: Method, profile: int, layout: Layout) -> Predictor:
        if method is Method.NETWORK:
            from .network_predictor import PlainPredictor

            return PlainPredictor(layout.lanes)
        from nncompress.mixing.predictor import Mixer

        spec = _mixer_spec(method, profile)
        initial, kinds = self._initial(method, profile), self._kinds(method)
        return Mixer(spec, layout.lanes, layout.size, initial, kinds)

    def _kinds(self, method: Method) -> Kinds | None:
        """Return the kinds of hidden vectors that the model tells apart, if it has a part."""
        from nncompress.mixing.clusters import Kinds

        if self.model is None or not method.needs_model:
            return None
        arrays = [self.model.mixing.get(name) for name in KINDS_ARRAYS]
        if arrays[0] is None or arrays[1] is None:
            return Kinds.none(self.model.parameters.config.dim)
        return Kinds(arrays[0], arrays[1])

    def _width(self, method: Method) -> int:
        """Length of the hidden vector that a mixer is given; 0 without a network."""
        return (
            self.model.parameters.config.dim if self.model is not None and method.needs_model else 0
        )

    def _initial(self, method: Method, profile: int) -> dict[str, NDArray[Any]] | None:
        """Return the starting values that the model has for a mixer, if any."""
        if self.model is None or not method.needs_model:
            return None
        prefix, arrays = initial_prefix(method, profile), self.model.mixing
        return {k[len(prefix) :]: a for k, a in arrays.items() if k.startswith(prefix)} or None


def _mixer_spec(method: Method, profile: int) -> MixerSpec:
    spec = PROFILES.get((method, profile))
    if spec is None:
        raise DamagedArchiveError(
            f"damaged archive: no mixer profile {profile} for method {method.label}"
        )
    return spec


def _threads(layout: Layout, network: bool) -> int:
    """How many threads a block can use: one a group beside a network."""
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


def model_file(model: str | Path | None, level: int | None) -> Path:
    """Return the model of that path or name; None is the one that belongs to the level, None for the default level.

    Raises :class:`ModelNotFoundError`.
    """
    from nncompress.exact.store import resolve_model

    return resolve_model(model if model is not None else LEVELS[level or DEFAULT_LEVEL].model)


def open_codec(
    model: str | Path | None = None,
    *,
    level: int | None = None,
    method: str | None = None,
    device: str = "auto",
    threads: int = 0,
) -> Codec:
    """Open a codec.

    model: see :func:`model_file`. level: 1 (fastest) to 9 (smallest).
    device: "cpu", "cuda", or "auto", which is the CPU: a GPU gains only with thousands of lanes. Raises
    :class:`ModelError` where a model is wanted and there is none.
    """
    method, chosen = method or "auto", LEVELS[level or DEFAULT_LEVEL]
    loaded = None
    if method != "mixing" and (chosen.network or method != "auto"):
        from nncompress.exact.modelfile import load_model

        loaded = load_model(model_file(model, level))
    device = "cpu" if device == "auto" else device
    return Codec(loaded, level=chosen, method=method, device=device, threads=threads)

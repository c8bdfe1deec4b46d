"""Code each block with that of the installed models which fits it best.

The choice depends on the block, the level and the models that are installed: not on their names,
their order, threads, time or memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nncompress.archive.codec import Progress, no_progress
from nncompress.errors import ConfigError, ModelError, ModelNotFoundError

from .block import BlockCoder
from .cores import Cores
from .levels import LEVELS, Level
from .opening import level_of, open_block_coder
from .options import CodecSpec, CodingOptions

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model

log = logging.getLogger("nncompress")

MOST_TRIED = 8
"""Models that a block is tried with at most: each takes memory, and time for a sample."""


class AutoCoder:
    """Has each block coded by the coder whose model makes a sample of it smallest.

    It is one of the archive layer's :class:`~nncompress.archive.codec.BlockCodec`.

    Args:
        coders: one or more, each with a model of its own.
        named: identity of the model that headers name; others stand in the blocks that need them.
    """

    embedded: bytes | None = None

    def __init__(self, coders: Sequence[BlockCoder], named: bytes | None) -> None:
        self._coders = sorted(coders, key=lambda coder: coder.model_id or b"")
        fitting = [coder for coder in self._coders if coder.model_id == named]
        self._named = (fitting or self._coders)[0]
        self.model_id = self._named.model_id
        self.block_size = self._named.block_size
        self.first_block_size = self._named.first_block_size
        self.copy_rules = self._named.copy_rules

    @property
    def spec(self) -> CodecSpec:
        """What another process needs to code blocks likewise."""
        models = tuple(identity for identity in self.models if identity is not None)
        return replace(self._named.spec, models=models)

    @property
    def models(self) -> list[bytes | None]:
        """Identities of the models that blocks are tried with."""
        return [coder.model_id for coder in self._coders]

    def choose(self, data: bytes) -> BlockCoder:
        """Return the coder for a block; of equal ones the first by the identity of its model."""
        if len(self._coders) == 1:
            return self._named
        costs = [coder.trial(data) for coder in self._coders]
        return self._coders[costs.index(min(costs))]

    def encode(
        self, data: bytes, progress: Progress = no_progress, *, alone: bool = False
    ) -> tuple[int, bytes]:
        """Code a block with the model that fits it best, and return its method and payload."""
        return self.choose(data).encode(data, progress, alone=alone)

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Decode a block that needs no other model than the one that ``model_id`` names."""
        return self._named.decode(method, payload, size, progress)

    def memory(self, method: int, size: int, payload: bytes | None = None) -> int:
        """Return what a block takes with any of the models, and what the others take beside it."""
        weights = sum(coder.memory_of_weights for coder in self._coders)
        return weights + max(coder.memory(method, size, payload) for coder in self._coders)


def open_auto_coder(options: CodingOptions) -> AutoCoder | BlockCoder:
    """Open what codes blocks with the models that are installed; the options name none.

    Up to the last levels, models are tried whose networks have no more parameters than that of the
    level, so that a level stays about as fast as it is.

    Raises:
        ModelNotFoundError: there is none.
        ConfigError: there are too many.
    """
    level, method = level_of(options), options.method or "auto"
    if method == "mixing" or not (level.network or method != "auto"):
        return open_block_coder(replace(options, model=None))
    own, models = _models_to_try(level)
    if not models:
        raise ModelNotFoundError("no sound model is installed: add one with 'models import'")
    coders, cores = [], None
    for model in models:
        coder = BlockCoder(
            model,
            level=level,
            method=method,
            device=options.chosen_device,
            threads=options.threads,
            cores=cores,
        )
        cores = coder.cores
        coders.append(coder)
    return AutoCoder(coders, own)


def open_as_specified(
    spec: CodecSpec, find: Callable[[bytes], Model], threads: int, cores: Cores
) -> AutoCoder | BlockCoder:
    """Open what codes blocks as a codec of another process does.

    Args:
        spec: of that codec.
        find: returns the model with an identity.
        threads: how many to use.
        cores: what blocks borrow threads from.
    """

    def open_with(model: Model | None) -> BlockCoder:
        return BlockCoder(
            model,
            level=spec.level,
            method=spec.method,
            device=spec.device,
            threads=threads,
            cores=cores,
        )

    if not spec.models:
        return open_with(None)
    coders = [open_with(find(identity)) for identity in spec.models]
    return coders[0] if len(coders) == 1 else AutoCoder(coders, spec.named)


def _models_to_try(level: Level) -> tuple[bytes | None, list[Model]]:
    """Return the identity of the level's own model, if it is installed, and those to be tried."""
    from nncompress.exact.modelfile import load_model
    from nncompress.exact.store import installed_models

    sizes: dict[Path, int] = {}
    for path in installed_models():
        try:
            sizes[path] = _parameters(path)
        except ModelError as error:
            log.warning("%s; this model is not tried", error)
    own = next((path for path in sizes if path.stem == level.model), None)
    if own is not None and level.model != LEVELS[max(LEVELS)].model:
        sizes = {path: size for path, size in sizes.items() if size <= sizes[own]}
    models = {}
    identity = None
    for path in sizes:
        try:
            model = load_model(path)
        except ModelError as error:
            log.warning("%s; this model is not tried", error)
            continue
        models[model.identity] = model
        identity = model.identity if path == own else identity
        if len(models) > MOST_TRIED:
            raise ConfigError(
                f"more than {MOST_TRIED} models are installed that could be tried: name one with -m"
            )
    return identity, list(models.values())


def _parameters(path: Path) -> int:
    """Return how many parameters the network in a model file has, by its metadata."""
    from nncompress.exact.config import SHARNNConfig
    from nncompress.exact.modelfile import read_metadata

    try:
        return SHARNNConfig.from_json(read_metadata(path).get("config", "")).parameter_count()
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: its metadata are damaged ({error})") from None

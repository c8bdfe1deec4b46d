"""Code one block in a process that knows nothing but the task: the side of the worker.

A task names models by their identity. A worker that lacks one says so (:class:`NeedsModels`), and
is sent the same task with the model's file, whose contents must have that identity. It keeps the
model in memory. Literals may be named by where they are in a file behind a URL (:mod:`.spans`).
Codecs are opened once a process, and blocks at once share its cores and memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from nncompress._version import __version__
from nncompress.archive.codec import (
    BlockCodec,
    Coded,
    Decoded,
    Progress,
    encode_block,
    no_progress,
    source_of,
)
from nncompress.archive.reader import BlockRecord, decode_record
from nncompress.coding.cores import Cores
from nncompress.coding.options import CodecSpec
from nncompress.errors import ClusterError, ModelNotFoundError
from nncompress.machine.resources import cpus, memory

from .limits import SHARE, LimitedCodec, Room, needed_to_decode, needed_to_encode
from .spans import Span

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST_OPEN = 8
"""Codecs that are kept open, and models that are kept in memory; others are opened anew."""


class NeedsModels(Exception):
    """A worker lacks models; ``args[0]`` lists their identities."""


@dataclass(frozen=True)
class EncodeTask:
    """Literals of a block that are to be coded.

    Attributes:
        spec: how.
        literals: the bytes, or where the worker reads them.
        literal_size: how many they are.
        alone: whether the archive has no other block.
        version: of nncompress, of the process that asks.
    """

    spec: CodecSpec
    literals: bytes | Span
    literal_size: int
    alone: bool = False
    version: str = __version__

    @property
    def size(self) -> int:
        """Bytes that the task and its result take, at most."""
        return 2 * self.literal_size

    def run(self, codec: BlockCodec, room: Room, progress: Progress) -> Coded:
        """Code the block once there is room for it."""
        with room.held(needed_to_encode(codec, self.literal_size)):
            given = self.literals
            literals = given.read() if isinstance(given, Span) else given
            return encode_block(codec, literals, progress, alone=self.alone)


@dataclass(frozen=True)
class DecodeTask:
    """A block whose literals are to be restored, and checked.

    Attributes:
        spec: with the model that the block needs, or none.
        record: the block, without the model that its archive may carry.
        version: of nncompress, of the process that asks.
    """

    spec: CodecSpec
    record: BlockRecord
    version: str = __version__

    @property
    def size(self) -> int:
        """Bytes that the task and its result take, at most."""
        return len(self.record.payload) + self.record.header.raw_size

    def run(self, codec: BlockCodec, room: Room, progress: Progress) -> Decoded:
        """Decode the block once there is room for it."""
        with room.held(needed_to_decode(codec, self.record)):
            return decode_record(source_of(codec), self.record, progress)


Task: TypeAlias = EncodeTask | DecodeTask


def run_task(
    task: Task,
    *files: bytes,
    threads: int = 0,
    memory_share: int = 0,
    progress: Progress = no_progress,
) -> Coded | Decoded:
    """Do a task, in whatever process this is.

    Args:
        task: what to do.
        files: of models that this process said it lacks.
        threads: how many the tasks at once may use, where the task does not say; 0 for one a core.
        memory_share: bytes that they may take, likewise; 0 for a part of the machine's memory.
        progress: told of the raw bytes done.

    Raises:
        ClusterError: it comes from another version of nncompress.
        NeedsModels: a model is not at hand.
        NeedsLiterals: the literals cannot be read where they are said to be.
        NNCompressError: the block cannot be coded or decoded.
    """
    if task.version != __version__:
        raise ClusterError(
            f"a worker has nncompress {__version__}, and this is {task.version}: "
            "install the same version on all machines"
        )
    for file in files:
        _keep_model(file)
    spec = task.spec
    spec = replace(spec, threads=spec.threads or threads or cpus())
    room = _kept(_rooms, spec.memory_limit or memory_share or memory() // SHARE, Room)
    codec = _kept(_codecs, spec, _open)
    return task.run(codec, room, progress)


_lock = threading.RLock()
_codecs: OrderedDict[CodecSpec, BlockCodec] = OrderedDict()
_cores: OrderedDict[int, Cores] = OrderedDict()
_rooms: OrderedDict[int, Room] = OrderedDict()
_models: OrderedDict[bytes, Model] = OrderedDict()
"""What this process has opened, and the models that it was sent."""


def _kept(kept: OrderedDict[Key, Value], key: Key, make: Callable[[Key], Value]) -> Value:
    """Return what is kept under a key, or make it; what was used last is kept."""
    with _lock:
        if key not in kept:
            kept[key] = make(key)
            if len(kept) > MOST_OPEN:
                kept.popitem(last=False)
        kept.move_to_end(key)
        return kept[key]


def _open(spec: CodecSpec) -> BlockCodec:
    from nncompress.coding.auto import open_as_specified

    models = {identity: _find(identity) for identity in spec.models}
    if missing := [identity for identity, model in models.items() if model is None]:
        raise NeedsModels(missing)
    found = {identity: model for identity, model in models.items() if model is not None}
    cores = _kept(_cores, spec.threads, Cores)
    codec = open_as_specified(spec, found.__getitem__, spec.threads, cores)
    # Rather an error than a worker that the system ends, and then the next one.
    return LimitedCodec(codec, spec.memory_limit or memory())


def _find(identity: bytes) -> Model | None:
    """Return the model with an identity: one that was sent, or one that is installed."""
    from nncompress.exact.modelfile import load_model
    from nncompress.exact.store import find_model

    if identity in _models:
        return _models[identity]
    try:
        return load_model(find_model(identity))
    except ModelNotFoundError:
        return None


def _keep_model(file: bytes) -> None:
    """Check a model that was sent as strictly as one that is imported, and keep it."""
    from nncompress.coding.predictors import check_mixing
    from nncompress.exact.modelfile import read_model_bytes

    label = "the model that was sent to a worker"
    model = read_model_bytes(file, label)
    check_mixing(model, label)
    _kept(_models, model.identity, lambda _: model)

"""Open what codes blocks, as options, or an archive that carries its model, ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nncompress.archive.embedded import model_member
from nncompress.errors import ConfigError, DeviceError, ModelError

from .block import BlockCoder
from .embedded import LABEL, check_embeddable, read_embedded
from .levels import DEFAULT_LEVEL, LEVELS, Level
from .options import AUTO_MODEL, CodingOptions


def model_file(options: CodingOptions) -> Path:
    """Return the model file that the options name, or that belongs to their level.

    Raises:
        ModelNotFoundError: there is none.
    """
    from nncompress.exact.store import resolve_model

    if options.model == AUTO_MODEL:
        raise ConfigError("-m auto is for compressing: name a model")
    named = options.model
    return resolve_model(named if named is not None else level_of(options).model)


def open_block_coder(options: CodingOptions) -> BlockCoder:
    """Open what codes blocks as the options say; their memory limit is not its concern.

    Raises:
        ModelError: a model is wanted and there is none, or it is damaged.
        ConfigError: archives are to carry the model, and there is none, or it is too large.
    """
    method, level = options.method or "auto", level_of(options)
    model = embedded = None
    if method != "mixing" and (level.network or method != "auto"):
        from nncompress.exact.modelfile import load_model

        model = load_model(path := model_file(options))
        if options.embed_model:
            check_embeddable(model)
            embedded = model_member(model.identity, path.read_bytes())
    elif options.embed_model:
        raise ConfigError("this level and method use no model that the archive could carry")
    return BlockCoder(
        model,
        level=level,
        method=method,
        device=options.chosen_device,
        threads=options.threads,
        embedded=embedded,
    )


def open_embedded_coder(file: bytes, model_id: bytes, options: CodingOptions) -> BlockCoder:
    """Open what decodes the blocks of a model that the archive carries, once all of it is checked.

    Args:
        file: the model file.
        model_id: the identity that it must have.
        options: device and threads.

    Raises:
        DamagedArchiveError: it is another model.
        ModelError: it is none, not sound, or its known answer is not what the device computes.
    """
    model = read_embedded(file, model_id)
    coder = BlockCoder(
        model, method="network", device=options.chosen_device, threads=options.threads
    )
    try:
        coder.network.lanes(1)
    except DeviceError as error:
        raise ModelError(f"{LABEL} is not sound, or this device not exact: {error}") from None
    return coder


def level_of(options: CodingOptions) -> Level:
    """Return the level that options name, with their window."""
    level = LEVELS[options.level or DEFAULT_LEVEL]
    if options.window is None:
        return level
    return replace(level, copies=replace(level.copies, window=options.window))

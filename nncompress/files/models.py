"""What ``nncompress models`` does with model files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncompress.errors import ConfigError, FileError, ModelError
from nncompress.pipeline.stream import READ_SIZE

from .output import OutputFile, os_failure

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model


def describe_models() -> list[dict[str, Any]]:
    """Return the facts about all installed models, see :func:`describe_model`."""
    from nncompress.exact.store import installed_models

    return [describe_model(path) for path in installed_models()]


def describe_model(model: str | Path | None) -> dict[str, Any]:
    """Return name, path, size in bytes, identity, config and summary of a model, for JSON.

    ``fault`` is None, or why the file is not a sound model; its tensors are not read.
    """
    from nncompress.exact.modelfile import read_metadata
    from nncompress.exact.store import resolve_model

    path = resolve_model(model)
    facts: dict[str, Any] = {"name": path.stem, "path": str(path), "size": 0}
    try:
        facts["size"] = path.stat().st_size
        metadata = read_metadata(path)
        config, summary = json.loads(metadata["config"]), json.loads(metadata["summary"])
        identity = metadata["identity"]
        if not re.fullmatch("[0-9a-f]{32}", identity):
            raise ValueError("not an identity")
    except (ModelError, OSError) as error:
        return {**facts, "identity": None, "fault": str(error)}
    except (KeyError, ValueError, RecursionError):
        return {**facts, "identity": None, "fault": f"{path}: its metadata are damaged"}
    return {**facts, "identity": identity, "config": config, "summary": summary, "fault": None}


def model_card(model: str | None) -> str | None:
    """Return the text of the card beside a model file, None if there is none."""
    from nncompress.exact.store import resolve_model

    card = resolve_model(model).with_suffix(".md")
    if not os.path.isfile(card):  # noqa: PTH113
        return None
    try:
        return card.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise os_failure(card, error) from None


def verify_model(model: str | None, device: str) -> str:
    """Check a model, and that ``device`` computes it exactly; returns its identity.

    Raises ModelError and DeviceError.
    """
    from nncompress.exact.engine import Network
    from nncompress.exact.store import resolve_model

    loaded = _load(resolve_model(model))
    loaded.check(Network(loaded.parameters, "cpu" if device == "auto" else device))
    return loaded.identity.hex()


def import_model(path: Path, name: str | None, *, force: bool) -> Path:
    """Check a model file and copy it to the user's folder; returns its place there."""
    from nncompress.exact.modelfile import MODEL_SUFFIX, user_folder

    stem = name or path.stem
    if Path(stem).name != stem or stem.startswith("."):
        raise ConfigError(f"{stem!r} cannot be the name of a model")
    folder = user_folder()
    if folder is None:
        raise FileError("there is no home folder: name one for models in XDG_DATA_HOME")
    target = folder / (stem + MODEL_SUFFIX)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_failure(target.parent, error) from None
    _copy(path, target, force=force)
    return target


def export_model(model: str | None, target: Path, *, force: bool) -> Path:
    """Check an installed model and copy it to ``target``, a file or a folder; returns the file."""
    from nncompress.exact.store import resolve_model

    source = resolve_model(model)
    if target.is_dir():
        target = target / source.name
    _copy(source, target, force=force)
    return target


def _copy(source: Path, target: Path, *, force: bool) -> None:
    _load(source)  # damaged and foreign files are not passed on
    if target.exists() and target.samefile(source):
        raise FileError(f"{target}: is source and target at once", str(target))
    with OutputFile(target, force=force) as out:
        try:
            with source.open("rb") as file:
                while data := file.read(READ_SIZE):
                    out.write(data)
        except OSError as error:
            raise os_failure(source, error) from None
        out.sync()
        out.commit()


def _load(path: Path) -> Model:
    """Load a model, and try that a mixer can be made from each of its arrays.

    Raises:
        ModelError: the model is damaged, or does not fit the mixer.
    """
    from nncompress.coding.predictors import check_mixing
    from nncompress.exact.modelfile import load_model

    model = load_model(path)
    check_mixing(model, str(path))
    return model

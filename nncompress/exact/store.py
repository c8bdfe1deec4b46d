"""Find models by name, by path, or by the identity that an archive records."""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path

from nncompress.errors import ModelError, ModelNotFoundError

from .modelfile import MODEL_SUFFIX, load_model, model_folders, read_metadata

log = logging.getLogger("nncompress")

DEFAULT_NAME = "default"


def installed_models() -> list[Path]:
    """Return all model files in the known folders, the default one first, the others by name.

    Of files of one name in several folders, that in the first folder counts.
    """
    found: dict[str, Path] = {}
    for path in _model_files():
        found.setdefault(path.name, path)
    return sorted(found.values(), key=lambda path: (path.stem != DEFAULT_NAME, path.stem))


def _model_files() -> list[Path]:
    """Return the regular files in all folders, the first folders first."""
    files = [path for f in model_folders() for path in sorted(f.glob(f"*{MODEL_SUFFIX}"))]
    return [path for path in files if os.path.isfile(path)]  # noqa: PTH113


def resolve_model(model: str | Path | None) -> Path:
    """Return the file of a model.

    Args:
        model: a path, or the name of an installed model; None for the default model. Text is a
            path if it has a separator or ends in ``.nncmodel``: a file of the current folder that
            is called ``default`` must not take the place of that model.

    Raises:
        ModelNotFoundError: there is none; its message has the names that there are.
    """
    name = str(model) if model is not None else DEFAULT_NAME
    if model is not None and _is_path(model) and os.path.exists(name):  # noqa: PTH110
        return Path(name)
    installed = installed_models()
    if not isinstance(model, Path):
        for candidate in installed:
            if name in (candidate.stem, candidate.name):
                return candidate
    known = ", ".join(candidate.stem for candidate in installed) or "none"
    advice = f"give a file with -m, or one of: {known}"
    if os.path.exists(name):  # noqa: PTH110
        advice = f"it is not among those installed ({known}); for the file write ./{name}"
    raise ModelNotFoundError(f"no model {name!r}: {advice}", wanted=name)


def _is_path(model: str | Path) -> bool:
    separators = {os.sep, os.altsep or os.sep}
    return (
        isinstance(model, Path)
        or model.endswith(MODEL_SUFFIX)
        or any(separator in model for separator in separators)
    )


def find_model(identity: bytes) -> Path:
    """Return the file of the installed model with this identity.

    Files that are no sound models are left out with a warning, so that none hides the right one.

    Args:
        identity: 16 bytes, as an archive records them.

    Raises:
        ModelNotFoundError: it is not installed; the error has the identity.
    """
    wanted = identity.hex()
    for path in _model_files():
        try:
            if read_metadata(path).get("identity") == wanted:
                load_model(path)  # what it says of itself may be wrong
                return path
        except ModelError as error:
            _warn(f"{error}; this model file is left out")
    raise ModelNotFoundError(
        f"this archive needs the model {wanted}, which is not installed: get its file and give it "
        "with -m, or add it with 'nncompress models import FILE'",
        wanted=wanted,
    )


@cache
def _warn(message: str) -> None:
    """Log a warning, once a process."""
    log.warning(message)

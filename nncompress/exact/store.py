"""Find models by name, by path, or by their identity, as an archive records it."""

from __future__ import annotations

import logging
import os
import re
from functools import cache
from pathlib import Path

from nncompress.errors import ModelError, ModelNotFoundError

from .modelfile import (
    IDENTITY_SIZE,
    MODEL_SUFFIX,
    comes_along,
    load_model,
    model_folders,
    read_metadata,
    user_folder,
)

log = logging.getLogger("nncompress")

DEFAULT_NAME = "default"


IDENTITY = re.compile(f"[0-9a-f]{{{2 * IDENTITY_SIZE}}}")
"""A whole identity in digits."""

LEAST_DIGITS = 4
"""So many digits of an identity stand for a model."""


def installed_models() -> list[Path]:
    """Return all model files in the known folders: the default one, then the others by name.

    Of files with one name and one identity there is the first; of those with one name alone, there
    are all, and the one that the name means comes first.
    """
    found: dict[tuple[str, str], Path] = {}
    for path in _model_files():
        found.setdefault((path.name, _identity(path)), path)
    return sorted(
        found.values(),
        key=lambda path: (path.stem != DEFAULT_NAME, path.stem, not comes_along(path)),
    )


def own_models() -> list[Path]:
    """Return the model files in the user's folder, damaged ones too."""
    return [path for path in _model_files() if path.parent == user_folder()]


def same_name(path: Path, name: str) -> bool:
    """Whether a model file has a name; some systems do not tell large letters from small ones."""
    return path.stem.casefold() == name.removesuffix(MODEL_SUFFIX).casefold()


def _model_files() -> list[Path]:
    """Return the regular files in all folders, the first folders first."""
    files = [path for f in model_folders() for path in sorted(f.glob(f"*{MODEL_SUFFIX}"))]
    return [path for path in files if os.path.isfile(path)]  # noqa: PTH113


def _identity(path: Path) -> str:
    """Return what a file says is its identity; nothing if it is no model file."""
    try:
        identity = read_metadata(path).get("identity", "")
    except ModelError:
        return ""
    return identity if IDENTITY.fullmatch(identity) else ""


def resolve_model(model: str | Path | None) -> Path:
    """Return the file of a model.

    The name of a model that comes with the package always means that one, so that a level means
    the same everywhere; others of that name are found by their identity.

    Args:
        model: a path, the name of an installed model, or the first digits of its identity, at
            least ``LEAST_DIGITS``; None for the default model. Text is a path if it has a separator
            or ends in ``.nncmodel``: a file of the current folder that is called ``default`` must
            not take the place of that model.

    Raises:
        ModelNotFoundError: there is none, or the name stands for several; its message has the
            names that there are.
    """
    name = str(model) if model is not None else DEFAULT_NAME
    if model is not None and _is_path(model) and os.path.exists(name):  # noqa: PTH110
        return Path(name)
    if not isinstance(model, Path):
        found = None
        if not IDENTITY.fullmatch(name):  # no file takes the place of what an archive names
            found = _by_name(name)
        if found := found or _by_identity(name):
            return found
    known = ", ".join(dict.fromkeys(path.stem for path in installed_models())) or "none"
    advice = f"give a file with -m, or one of: {known}"
    if os.path.exists(name):  # noqa: PTH110
        advice = f"it is not among those installed ({known}); for the file write ./{name}"
    raise ModelNotFoundError(f"no model {name!r}: {advice}", wanted=name)


def _by_name(name: str) -> Path | None:
    """Return the model file that a name means, or None.

    Raises:
        ModelNotFoundError: it stands for different models, of which none comes with the package.
    """
    found = [path for path in _model_files() if name in (path.stem, path.name)]
    if len(found) < 2:
        return found[0] if found else None
    found.sort(key=comes_along, reverse=True)
    identities: dict[str, Path] = {}
    for path in found:
        identities.setdefault(_identity(path), path)
    others = {key: path for key, path in identities.items() if key and path != found[0]}
    if not comes_along(found[0]):
        sound = {key: path for key, path in identities.items() if key}
        if len(sound) > 1:
            raise _several(name, sound)
        return next(iter(sound.values()), found[0])
    for identity, path in others.items():
        _warn(
            f"{path}: is not what {found[0].stem!r} means, a model that comes with nncompress: "
            f"rename it with 'nncompress models rename', or name it by its identity, {identity[:8]}"
        )
    return found[0]


def _by_identity(digits: str) -> Path | None:
    """Return the file of the model whose identity begins with ``digits``, or None.

    Raises:
        ModelNotFoundError: there are several.
    """
    if not re.fullmatch(f"[0-9a-fA-F]{{{LEAST_DIGITS},{2 * IDENTITY_SIZE}}}", digits):
        return None
    found: dict[str, Path] = {}
    for path in _model_files():
        if (identity := _identity(path)).startswith(digits.lower()):
            found.setdefault(identity, path)
    if len(found) > 1:
        raise _several(digits, found)
    return find_model(bytes.fromhex(*found)) if found else None


def _several(name: str, found: dict[str, Path]) -> ModelNotFoundError:
    """Return the error for a name of several models."""
    each = ", ".join(f"{identity[:12]} ({path})" for identity, path in found.items())
    return ModelNotFoundError(
        f"{name!r} stands for several models: name one by its identity: {each}", wanted=name
    )


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

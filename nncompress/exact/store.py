"""Find models by name, by path, or by the identity that an archive records."""

from __future__ import annotations

from pathlib import Path

from nncompress.errors import ModelError, ModelNotFoundError

from .modelfile import MODEL_SUFFIX, model_folders, read_metadata

DEFAULT_NAME = "default"


def installed_models() -> list[Path]:
    """Return all model files in the known folders, the default one first, the others by name.

    Of files of one name in several folders, that in the first folder counts.
    """
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob(f"*{MODEL_SUFFIX}")):
            found.setdefault(path.name, path)
    return sorted(found.values(), key=lambda path: (path.stem != DEFAULT_NAME, path.stem))


def resolve_model(model: str | Path | None) -> Path:
    """Return the file of a model.

    Args:
        model: a path, or the name of an installed model; None for the default model.

    Raises:
        ModelNotFoundError: there is none; its message has the names that there are.
    """
    name = str(model) if model is not None else DEFAULT_NAME
    path = Path(name)
    if model is not None and path.is_file():
        return path
    installed = installed_models()
    for candidate in installed:
        if name in (candidate.stem, candidate.name):
            return candidate
    known = ", ".join(candidate.stem for candidate in installed) or "none"
    raise ModelNotFoundError(
        f"no model {name!r}: give a file with -m, or one of: {known}", wanted=name
    )


def find_model(identity: bytes) -> Path:
    """Return the file of the installed model with this identity.

    Args:
        identity: 16 bytes, as an archive records them.

    Raises:
        ModelNotFoundError: it is not installed; the error has the identity.
    """
    wanted = identity.hex()
    for path in installed_models():
        try:
            if read_metadata(path).get("identity") == wanted:
                return path
        except ModelError:
            continue  # a broken file in a models folder must not hide the right one
    raise ModelNotFoundError(
        f"this archive needs the model {wanted}, which is not installed: get its file and give it "
        "with -m, or add it with 'nncompress models import FILE'",
        wanted=wanted,
    )

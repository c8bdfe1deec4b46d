"""What ``nncompress models`` does with model files."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncompress.errors import ConfigError, FileError, ModelError
from nncompress.pipeline.stream import READ_SIZE

from .output import OutputFile, os_failure, write_file

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model

CARD = ".md"
"""The end of the name of a model's card, which stands beside its file."""

RESERVED = ("auto",)
"""Words that -m takes and that are no models' names."""


def describe_models() -> list[dict[str, Any]]:
    """Return the facts about all installed models, see :func:`describe_model`.

    ``by_name`` says whether the name means this model, and not another of the same name.
    """
    from nncompress.exact.modelfile import comes_along
    from nncompress.exact.store import installed_models

    paths = installed_models()
    names = Counter(path.stem for path in paths)
    return [
        {**describe_model(path), "by_name": names[path.stem] == 1 or comes_along(path)}
        for path in paths
    ]


def describe_model(model: str | Path | None) -> dict[str, Any]:
    """Return name, path, size in bytes, identity, config and summary of a model, for JSON.

    ``fault`` is None, or why the file is not a sound model; its tensors are not read.
    """
    from nncompress.exact.modelfile import read_metadata
    from nncompress.exact.store import IDENTITY, resolve_model

    path = resolve_model(model)
    facts: dict[str, Any] = {"name": path.stem, "path": str(path), "size": 0}
    try:
        facts["size"] = path.stat().st_size
        metadata = read_metadata(path)
        config, summary = json.loads(metadata["config"]), json.loads(metadata["summary"])
        identity = metadata["identity"]
        if not IDENTITY.fullmatch(identity):
            raise ValueError("not an identity")
    except (ModelError, OSError) as error:
        return {**facts, "identity": None, "fault": str(error)}
    except (KeyError, ValueError, RecursionError):
        return {**facts, "identity": None, "fault": f"{path}: its metadata are damaged"}
    return {**facts, "identity": identity, "config": config, "summary": summary, "fault": None}


def model_card(model: str | None) -> str | None:
    """Return the text of the card beside a model file, None if there is none."""
    from nncompress.exact.store import resolve_model

    card = resolve_model(model).with_suffix(CARD)
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
    from nncompress.exact.opening import open_network
    from nncompress.exact.store import resolve_model

    loaded = _load(resolve_model(model))
    open_network(loaded, "cpu" if device == "auto" else device)
    return loaded.identity.hex()


def import_model(path: Path, name: str | None, *, force: bool) -> Path:
    """Check a model file and copy it, and its card, to the user's folder; returns its place there.

    Where the same model is installed under that name, nothing is done, and its file is returned.

    Raises:
        ConfigError: the name can be none.
        FileError: the name is taken; ``force`` replaces one of the user's own models.
        ModelError: the file is no sound model.
    """
    from nncompress.exact.store import own_models, same_name

    name = _proved_name(path.stem if name is None else name)
    identity = _load(path).identity.hex()
    for taken in _models_named(name):
        if _is_sound(taken, identity):
            return taken
        if taken not in own_models():
            raise FileError(f"{_taken(name, taken)}: choose another with --name", str(taken))
        if not force:
            raise FileError(
                f"{_taken(name, taken)}: choose another with --name, or replace it with -f; "
                "archives made with it would not open any more",
                str(taken),
            )
    target = next(filter(lambda own: same_name(own, name), own_models()), _place_of(name))
    _copy(path, target, force=force)
    _copy_card(path, target)
    return target


def rename_model(model: str, name: str) -> Path:
    """Give one of the user's own models, and its card, another name; returns the file.

    Raises:
        ConfigError: the name can be none.
        FileError: the name is taken.
        ModelError: the model is not one of the user's own.
    """
    path, name = own_model(model), _proved_name(name)
    target = _place_of(name)
    taken = [other for other in _models_named(name) if other != path]
    if not taken and os.path.lexists(target) and not target.samefile(path):
        taken = [target]  # which is no regular file
    if taken:
        raise FileError(f"{_taken(name, taken[0])}: choose another", str(taken[0]))
    try:
        path.rename(target)
        if (card := path.with_suffix(CARD)).is_file():
            card.replace(target.with_suffix(CARD))
    except OSError as error:
        raise os_failure(path, error) from None
    return target


def remove_model(path: Path) -> None:
    """Delete one of the user's own models, and its card."""
    try:
        path.unlink()
        path.with_suffix(CARD).unlink(missing_ok=True)
    except OSError as error:
        raise os_failure(path, error) from None


def own_model(model: str) -> Path:
    """Return the file of one of the user's own models, by its name or its identity.

    A damaged one is found by its name, too. The user's own comes before one of the same name that
    comes with the package.

    Raises:
        ModelError: it is none of the user's own, or there is no such model.
    """
    from nncompress.exact.modelfile import comes_along, user_folder
    from nncompress.exact.store import own_models, resolve_model

    named = [path for path in own_models() if model in (path.stem, path.name)]
    path = named[0] if named else resolve_model(model)
    if path in own_models():
        return path
    if comes_along(path):
        raise ModelError(f"{path.stem}: comes with nncompress, and stays as it is")
    raise ModelError(f"{path}: is not in your models folder, {user_folder()}")


def _proved_name(name: str) -> str:
    """Return the name of a model without the suffix, or raise ConfigError where it can be none."""
    from nncompress.exact.modelfile import MODEL_SUFFIX
    from nncompress.exact.store import IDENTITY

    stem = name.removesuffix(MODEL_SUFFIX)
    if not re.fullmatch(r"[^\W_][\w.+@ -]*", stem) or stem != stem.strip():
        raise ConfigError(
            f"{stem!r} cannot be the name of a model: letters, digits and . _ + @ - can"
        )
    if IDENTITY.fullmatch(stem.lower()) or stem.lower() in RESERVED:
        raise ConfigError(f"{stem!r} means something else with -m: choose another with --name")
    return stem


def _place_of(name: str) -> Path:
    """Return where the user's model of that name stands; its folder is there."""
    from nncompress.exact.modelfile import MODEL_SUFFIX, user_folder

    folder = user_folder()
    if folder is None:
        raise FileError("there is no home folder: name one for models in XDG_DATA_HOME")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_failure(folder, error) from None
    return folder / (name + MODEL_SUFFIX)


def _models_named(name: str) -> list[Path]:
    """Return the installed models with that name, and damaged files that have it."""
    from nncompress.exact.store import installed_models, same_name

    return [path for path in installed_models() if same_name(path, name)]


def _is_sound(path: Path, identity: str) -> bool:
    """Whether a file is a sound model, and the one with that identity."""
    from nncompress.exact.modelfile import load_model

    try:
        return load_model(path).identity.hex() == identity
    except ModelError:
        return False


def _taken(name: str, path: Path) -> str:
    from nncompress.exact.modelfile import comes_along

    return f"{name}: is the name of " + (
        "a model that comes with nncompress" if comes_along(path) else f"the model {path}"
    )


def _copy_card(source: Path, target: Path) -> None:
    """Copy the card beside a model; a model without one gets none of another before it."""
    card = source.with_suffix(CARD)
    try:
        if card.is_file():
            write_file(target.with_suffix(CARD), card.read_bytes())
        else:
            target.with_suffix(CARD).unlink(missing_ok=True)
    except OSError as error:
        raise os_failure(card, error) from None


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

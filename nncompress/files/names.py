"""Which files a command works on, and what their results are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nncompress.errors import ConfigError

SUFFIX = ".nnc"
TAR_SUFFIX = ".tnn"  # short for .tar.nnc, as .tgz is for .tar.gz
STDIN = "-"


def label(name: str) -> str:
    """Return what to call the file ``name`` in messages."""
    return "standard input" if name == STDIN else name


class Skip(Exception):
    """A file is left alone for the reason given; a warning, not an error."""


def archive_name(path: Path, *, force: bool) -> Path:
    """Return the archive's name for the file ``path``; Skip if it looks like an archive already."""
    if path.suffix in (SUFFIX, TAR_SUFFIX) and not force:
        raise Skip(f"{path}: already has the suffix {path.suffix}, left unchanged")
    return path.with_name(path.name + SUFFIX)


def contents_name(path: Path) -> Path:
    """Return the name for the contents of the archive ``path``; Skip if it has no known suffix."""
    if path.suffix == SUFFIX and path.stem:
        return path.with_name(path.stem)
    if path.suffix == TAR_SUFFIX:
        return path.with_suffix(".tar")
    raise Skip(f"{path}: unknown suffix, ignored; use -o or -c to say where the contents go")


def place_output(output: Path | None, default: Path, sources: int) -> Path:
    """Return where a result goes: -o names a file, or a folder for any number of files."""
    if output is None:
        return default
    if output.is_dir():
        return output / default.name
    if sources > 1:
        raise ConfigError(f"-o {output} is no folder, but there are {sources} files")
    return output


def expand(paths: tuple[str, ...], *, recursive: bool, archives: bool) -> Iterator[str]:
    """Yield the files meant by ``paths``, and those in folders if ``recursive``.

    In folders, links are not followed, and only files with (``archives``) or without an archive's
    suffix are taken. A folder is given as it is if not ``recursive``.
    """
    for name in paths or (STDIN,):
        if not name:
            raise ConfigError("an empty name is no file's")
        path = Path(name)
        if name == STDIN or not recursive or not path.is_dir():
            yield name
            continue
        for found in sorted(path.rglob("*")):
            is_archive = found.suffix in (SUFFIX, TAR_SUFFIX)
            if found.is_file() and not found.is_symlink() and is_archive == archives:
                yield str(found)

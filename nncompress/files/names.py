"""Which files a command works on, and what their results are called."""

from __future__ import annotations

import os
from pathlib import Path

from nncompress.errors import ConfigError, FileError
from nncompress.pipeline.remote import Place, Url, is_url
from nncompress.pipeline.remote_errors import hide_secrets

SUFFIX = ".nnc"
TAR_SUFFIX = ".tnn"  # short for .tar.nnc, as .tgz is for .tar.gz
STDIN = "-"


def label(name: str) -> str:
    """Return what to call the file ``name`` in messages: a URL without its secrets."""
    if is_url(name):
        return hide_secrets(name)
    return "standard input" if name == STDIN else name


def ends_as_folder(name: str) -> bool:
    """Whether a name ends in a slash, as only that of a folder may; a Path would forget it."""
    return name.endswith(tuple(filter(None, (os.sep, os.altsep))))


class Skip(Exception):
    """A file is left alone for the reason given; a warning, not an error."""


def archive_suffix(path: Place, suffix: str = SUFFIX) -> str | None:
    """Return the suffix by which ``path`` is an archive's name, if it has one.

    Args:
        path: the file's name.
        suffix: one that counts besides the usual ones.
    """
    for known in (suffix, SUFFIX, TAR_SUFFIX):
        if path.name.endswith(known) and path.name != known:
            return known
    return None


def archive_name(path: Place, *, force: bool, suffix: str = SUFFIX) -> Place:
    """Return the archive's name for the file ``path``; Skip if it looks like an archive already."""
    known = archive_suffix(path, suffix)
    if known is not None and not force:
        raise Skip(f"{path}: already has the suffix {known}, left unchanged")
    return path.with_name(path.name + suffix)


def contents_name(path: Place, suffix: str = SUFFIX) -> Place:
    """Return the name for the contents of the archive ``path``; Skip if it has no known suffix."""
    known = archive_suffix(path, suffix)
    if known is not None:
        end = ".tar" if known == TAR_SUFFIX else ""
        return path.with_name(path.name.removesuffix(known) + end)
    raise Skip(f"{path}: unknown suffix, ignored; use -o or -c to say where the contents go")


def place_output(output: Place | None, default: Place, sources: int) -> Place:
    """Return where a result goes: -o names a file, or a folder for any number of files."""
    if output is None:
        return default
    if output.is_dir():
        if isinstance(default, Url) and Path(default.name).name != default.name:
            raise FileError(f"{default}: its name can be none in a folder; use -o", str(default))
        return output / default.name
    if sources > 1:
        raise ConfigError(f"-o {output} is no folder, but there are {sources} files")
    return output

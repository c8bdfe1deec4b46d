"""Find the files that a command works on, in folders too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nncompress.errors import FileError, NNCompressError
from nncompress.pipeline.remote import Place, Url, is_url, place_of

from .names import STDIN, SUFFIX, archive_suffix, ends_as_folder
from .output import os_failure


def expand(
    paths: tuple[str, ...],
    *,
    recursive: bool,
    archives: bool,
    failed: Callable[[Exception], None],
    suffix: str = SUFFIX,
) -> Iterator[str]:
    """Yield the files meant by ``paths``, and those in folders if ``recursive``.

    A path may be a URL; what a file:// URL stands for is given as a path. In folders, links are not
    followed, and only files with (``archives``) or without an archive's suffix are taken. A folder
    is given as it is if not ``recursive``.

    Args:
        paths: files and folders; none stand for standard input.
        recursive: whether to look into folders.
        archives: which files of a folder are meant.
        failed: told of each name or folder that cannot be read; the others follow.
        suffix: that of archives, besides those that all archives may have.
    """
    for name in paths or (STDIN,):
        try:
            place = place_of(name)
        except NNCompressError as error:
            failed(error)
            continue
        if isinstance(place, Url):
            found = _behind(place, recursive, failed)
        else:
            found = _on_disk(str(place) if is_url(name) else name, recursive, failed)
        for file in found:
            if file.named or (archive_suffix(file.place, suffix) is not None) == archives:
                yield file.name


@dataclass
class _File:
    """A file that was found: its name, and whether the user gave that."""

    name: str
    place: Place
    named: bool


def _behind(url: Url, recursive: bool, failed: Callable[[Exception], None]) -> Iterator[_File]:
    """Yield what a URL stands for."""
    try:
        if recursive and url.is_dir():
            for found in url.find():
                yield _File(found.text, found, named=False)
            return
    except OSError as error:
        failed(os_failure(url, error))
        return
    yield _File(url.text, url, named=True)


def _on_disk(name: str, recursive: bool, failed: Callable[[Exception], None]) -> Iterator[_File]:
    """Yield what a path stands for."""
    if not name:
        failed(FileError("an empty name is no file's"))
    elif ends_as_folder(name) and not os.path.isdir(name):  # noqa: PTH112
        failed(FileError(f"{name}: is no folder", name))
    elif name == STDIN or not recursive or not os.path.isdir(name):  # noqa: PTH112
        # Unlike Path.is_dir, that never raises: opening the file says what is wrong with it.
        yield _File(name, Path(name), named=True)
    else:
        for found in _files_in(str(Path(name)), failed):
            yield _File(found, Path(found), named=False)


def _files_in(folder: str, failed: Callable[[Exception], None]) -> Iterator[str]:
    """Yield the regular files below a folder, in the order of their names, however deep it is."""
    waiting = [(folder, True)]  # a list, where recursion would end at Python's limit
    while waiting:
        path, is_folder = waiting.pop()
        if is_folder:
            waiting += reversed(_entries(path, failed))
        else:
            yield path


def _entries(folder: str, failed: Callable[[Exception], None]) -> list[tuple[str, bool]]:
    """Return path, and whether it is a folder, of all files and folders in one, sorted."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder or entry.is_file(follow_symlinks=False):
                        found.append((entry.path, is_folder))
                except OSError as error:
                    failed(os_failure(entry.path, error))
    except OSError as error:
        failed(os_failure(folder, error))
    return sorted(found)

"""Which names a run may give to its results: not what it has written, nor what it has yet to read.

``-f`` replaces files from before, and these are none.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator

from nncompress.errors import FileError
from nncompress.pipeline.remote import Place, Url, place_of

from .names import STDIN


class Run:
    """Remember the files that one run has still to read, and those that it has written."""

    def __init__(self, sources: Iterable[str] = ()) -> None:
        self._keys = {name: list(_keys(name)) for name in sources if name != STDIN}
        self._unread = Counter(key for name in self._keys for key in self._keys[name])
        self._written: set[Hashable] = set()

    def begin(self, name: str) -> None:
        """Note that the source ``name`` is read now."""
        self._unread.subtract(self._keys.pop(name, ()))

    def check(self, target: Place) -> None:
        """Raise FileError if ``target`` is a result of this run, or a source still to be read."""
        keys = list(_keys(target, follow=False))
        if any(key in self._written for key in keys):
            raise FileError(
                f"{target}: was written in this run, for another file; use -o or another folder",
                str(target),
            )
        if any(self._unread[key] > 0 for key in keys):
            raise FileError(
                f"{target}: is still to be read in this run; name it first, or use -o", str(target)
            )

    def wrote(self, target: Place) -> None:
        """Note that ``target`` is a result of this run."""
        self._written.update(_keys(target, follow=False))


def _keys(path: str | Place, *, follow: bool = True) -> Iterator[Hashable]:
    """Yield what two names of one file have in common: its full name, or its place on disk."""
    place = place_of(path) if isinstance(path, str) else path
    if isinstance(place, Url):
        yield place
        return
    folder, name = os.path.split(os.path.abspath(place))  # noqa: PTH100 (also of what is not there)
    yield os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    try:
        status = place.stat(follow_symlinks=follow)
    except OSError:
        return
    if status.st_ino:
        yield status.st_dev, status.st_ino


def descriptor_of(path: Place) -> int | None:
    """Return which open descriptor ``path`` stands for, as /dev/stdout and /dev/fd/3 do.

    Links that lead there count too. To open such a path anew would truncate the file behind it.
    """
    if isinstance(path, Url):
        return None
    folders = {os.path.realpath(name) for name in ("/dev/fd", "/proc/self/fd")}
    for _ in range(40):  # links that Linux follows
        if re.fullmatch(r"[0-9]{1,9}", path.name) and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / os.readlink(path)  # noqa: PTH115
    return None


def is_special(path: Place) -> bool:
    """Return whether a device, a pipe or a socket has this name itself; a link is none."""
    if isinstance(path, Url):
        return False
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def is_terminal(path: Place | None) -> bool:
    """Return whether ``path`` stands for an open descriptor of a terminal."""
    handle = None if path is None else descriptor_of(path)
    return handle is not None and os.isatty(handle)

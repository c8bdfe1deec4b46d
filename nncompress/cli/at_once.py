"""Work on several files at once, on a cluster, and speak of them in the order of their names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nncompress.archive.codec import Progress
from nncompress.files.names import STDIN
from nncompress.pipeline.pool import POLL
from nncompress.pipeline.remote import Place, Url, place_of
from nncompress.pipeline.stream import Totals

from .console import Console

if TYPE_CHECKING:
    from nncompress.pipeline.cluster import Cluster

MOST_FILES = 32
"""Files that are open at once, each with threads of its own."""


class _Turn:
    """What the work on one file says: kept until all files before it are done.

    It is a :class:`~nncompress.files.convert.Reporter`.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kept: list[Callable[[], None]] = []
        self._came = threading.Event()

    def come(self) -> None:
        """Let questions be asked from now on: the files before this one are done."""
        self._came.set()

    def speak(self) -> None:
        """Say what was kept."""
        for say in self._kept:
            say()

    @contextmanager
    def progress(
        self,
        label: str,
        size: int,
        *,
        restores: bool = False,
        passes: int = 1,
        in_sight: bool = True,
    ) -> Iterator[Progress]:
        """Count the bytes of the file among those of all."""
        yield self._console.count_among_all(restores, passes)

    @contextmanager
    def checking(self) -> Iterator[Progress]:
        """Count them once more."""
        yield self._console.count_checked

    def may_replace(self, path: Path) -> bool | None:
        """Ask once it is this file's turn."""
        self._came.wait()
        return self._console.may_replace(path)

    def result(self, message: str, totals: Totals) -> None:
        """Keep how the file went."""
        self._kept.append(lambda: self._console.result(message, totals))

    def warn(self, message: str) -> None:
        """Keep a warning."""
        self._kept.append(lambda: self._console.warn(message))


FileWork = Callable[..., None]
"""Does the file whose name it is given, and speaks to ``reporter`` where that is given too."""


@contextmanager
def working_on(
    console: Console,
    cluster: Cluster | None,
    names: Sequence[str],
    targets: Callable[[], Sequence[Place | None]] = list,
) -> Iterator[Callable[[FileWork], int]]:
    """Yield what does a work for all files, and returns the exit status.

    Args:
        console: where files report, in order.
        cluster: works on several files at once; None for one after the other.
        names: of the files.
        targets: gives the names of their results, and is asked only for a cluster; files whose
            results meet are done one after the other.
    """
    at_once = cluster is not None and len(names) > 1 and STDIN not in names
    at_once = at_once and _are_apart(names, targets())
    with console.one_work(list(names), at_once=at_once):
        if cluster is not None and at_once:
            yield partial(_each_at_once, console, cluster, names)
        else:
            yield partial(console.each, names)


def _each_at_once(console: Console, cluster: Cluster, names: Sequence[str], work: FileWork) -> int:
    turns = {name: _Turn(console) for name in names}
    threads = ThreadPoolExecutor(min(MOST_FILES, len(names), cluster.workers + 1))
    try:
        futures = {name: threads.submit(work, name, reporter=turns[name]) for name in names}
        return console.each(names, lambda name: _report(turns[name], futures[name]))
    except Exception:
        cluster.close()  # so that all of them end soon
        for turn in turns.values():
            turn.come()
        threads.shutdown(cancel_futures=True)
        raise
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _report(turn: _Turn, future: Future[None]) -> None:
    """Wait for a file, and say what the work on it said; raise what ended it."""
    turn.come()
    while not wait([future], POLL).done:  # Windows hears Ctrl-C between two waits
        pass
    turn.speak()
    future.result()


def _are_apart(names: Sequence[str], targets: Sequence[Place | None]) -> bool:
    """Whether no result has the name of another one, or of a source."""
    if None in targets:
        return False
    places = [_unique(place_of(name)) for name in names]
    places += [_unique(place) for place in targets if place is not None]
    return len(set(places)) == len(places)


def _unique(place: Place) -> str:
    """Return what two names of one file have in common."""
    if isinstance(place, Url):
        return str(place)
    return str(place.parent.resolve() / place.name).casefold()

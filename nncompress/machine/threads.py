"""Threads that the end of the program lets come to an end, for a while.

Python ends a daemon thread wherever it next asks for Python's lock. Inside C++ code, such as
torch's, that ends the whole process by an abort, so the last steps of work that nobody waits for
get some time.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from weakref import WeakSet

GRACE = 5.0
"""Seconds that all of them get together."""

_started: WeakSet[threading.Thread] = WeakSet()


def start_daemon(work: Callable[[], None], name: str | None = None) -> None:
    """Start a thread whose work is soon over once nobody waits for it.

    Raises:
        RuntimeError: there can be no thread: the interpreter ends, or a limit is reached.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    _started.add(thread)


@atexit.register
def _let_all_end() -> None:
    end = time.monotonic() + GRACE
    for thread in list(_started):
        if thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))

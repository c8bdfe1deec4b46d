"""Teach other libraries to read and write ``.nnc``; each module here is named after the library.

To import ``nncompress.integrations.fsspec``, ``.joblib`` or ``.smart_open`` registers the format
with that library in this process; nothing else is imported. numcodecs and zarr find their modules
by entry points, without an import.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

REGISTERED = ("fsspec", "joblib", "smart_open")
"""Libraries that must be told of a format in each process."""


def register() -> tuple[str, ...]:
    """Register the format with those of the libraries that are installed, and return their names.

    >>> import nncompress.integrations
    >>> nncompress.integrations.register() == nncompress.integrations.register()
    True
    """
    found = tuple(name for name in REGISTERED if find_spec(name) is not None)
    for name in found:
        import_module(f"{__name__}.{name}")
    return found

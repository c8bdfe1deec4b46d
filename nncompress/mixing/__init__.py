"""Adaptive context mixing in integer arithmetic; see docs/mixing.md.

Importing the package is cheap; the names below import numba when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nncompress.mixing.spec import BEST, FAST, FULL, MEDIUM, RICH, MixerSpec

if TYPE_CHECKING:
    from nncompress.mixing.initial import train_initial
    from nncompress.mixing.kinds import Kinds, train_kinds
    from nncompress.mixing.layout import memory_bytes
    from nncompress.mixing.mixer import Mixer

__all__ = [
    "BEST",
    "FAST",
    "FULL",
    "MEDIUM",
    "RICH",
    "Kinds",
    "Mixer",
    "MixerSpec",
    "memory_bytes",
    "train_initial",
    "train_kinds",
]

_HOMES = {
    "Kinds": "kinds",
    "Mixer": "mixer",
    "memory_bytes": "layout",
    "train_initial": "initial",
    "train_kinds": "kinds",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

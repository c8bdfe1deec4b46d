"""The command line. Nothing imports it; each command is a module without logic of its own."""

from __future__ import annotations

from .app import main, nnccat, unnncompress

__all__ = ["main", "nnccat", "unnncompress"]

"""Lossless compression with a trained SHA-RNN in exact integer arithmetic."""

from __future__ import annotations

from nncompress._version import __version__

__all__ = ["__version__"]

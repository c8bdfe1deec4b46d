"""Files on disk: safe writing, names, and what the commands do with a file."""

from __future__ import annotations

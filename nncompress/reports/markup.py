"""Make markup of text, and read the style sheets and scripts that come along."""

from __future__ import annotations

from html import escape
from importlib import resources


def asset(name: str) -> str:
    """Return a style sheet or a script that comes along."""
    return resources.files(__package__).joinpath(f"assets/{name}").read_text(encoding="utf-8")


def as_markup(text: str) -> str:
    """Return text as markup; control characters, which HTML does not allow, become visible ones."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return escape(shown.encode("utf-8", "backslashreplace").decode())

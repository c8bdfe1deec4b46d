r"""Show names, and other words of strangers, so that they cannot command a terminal.

On a terminal, control characters and those that turn the direction of text are shown as ``\x1b``
or ``\u202e``, as ls does; elsewhere a name is written as the bytes it has.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from typing import TextIO

_CONTROL = "\x00-\x1f\x7f-\x9f\ud800-\udfff"
_MARKS = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
"""Marks that turn the direction of text, and separators that end a line."""

_UNSAFE = re.compile(f"[{_CONTROL}{_MARKS}]")
_UNSAFE_IN_TEXT = re.compile(f"(?![\n\t])[{_CONTROL}{_MARKS}]")
_LINE_ENDS = re.compile("[\n\r]")

_HANDLER = "nncompress.names"


def escape(text: str, *, lines: bool = False) -> str:
    """Return ``text`` without anything that a terminal would obey.

    Args:
        text: a name, a message, or text of several lines.
        lines: whether the ends of lines, and tabs, are meant and stay.
    """
    return (_UNSAFE_IN_TEXT if lines else _UNSAFE).sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # how Python names a byte that is no text
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def for_stream(text: str, file: TextIO, *, lines: bool = False) -> str:
    """Return ``text`` as it is, or escaped if ``file`` is a terminal."""
    return escape(text, lines=lines) if file.isatty() else text


def one_line(text: str, file: TextIO) -> str:
    """Return a message that stays one line, and is escaped if ``file`` is a terminal."""
    return _LINE_ENDS.sub(_escaped, for_stream(text, file))


def say(message: str) -> None:
    """Print a message on standard error; where that cannot take it, it is lost."""
    try:
        sys.stderr.write(one_line(message, sys.stderr) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:  # such as a full disk: the exit status says it, too
        return


def show_text(text: str, *, lines: bool = False) -> None:
    """Print text on standard output; see :func:`escape`."""
    sys.stdout.write(for_stream(text, sys.stdout, lines=lines) + "\n")
    sys.stdout.flush()


def write_names_as_bytes() -> None:
    """Let the standard files take every name, also one that their encoding does not have."""
    codecs.register_error(_HANDLER, _as_bytes)
    for file in (sys.stdout, sys.stderr):
        if hasattr(file, "reconfigure"):
            file.reconfigure(errors=_HANDLER)


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return os.fsencode(error.object[error.start : error.end]), error.end

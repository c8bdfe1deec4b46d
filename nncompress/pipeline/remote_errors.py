"""Errors of the packages that stores need, as OSErrors on one line that shows no password."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from nncompress.errors import NNCompressError

_SECRETS = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"(\bhttps?://[^\s?'\"]*)\?[^\s'\"]*")


def hide_secrets(text: str) -> str:
    """Return ``text`` without the users, passwords and signatures that URLs in it carry."""
    return _QUERY.sub(r"\1?...", _SECRETS.sub("", text))


@contextmanager
def remote_errors(url: str) -> Iterator[None]:
    """Turn what packages of stores raise into OSErrors that name the URL, on one line."""
    try:
        yield
    except (NNCompressError, io.UnsupportedOperation, MemoryError):
        raise
    except Exception as error:
        raise as_os_error(error, url) from None


def as_os_error(error: Exception, url: str) -> OSError:
    """Return the OSError to raise for what a package raised while it worked on ``url``."""
    text = getattr(error, "strerror", None) or str(error)
    cause = error.__cause__
    if isinstance(error, FileNotFoundError):
        # HTTP raises it for everything; the cause tells whether there is really no such file.
        if getattr(cause, "status", 404) == 404 and not isinstance(cause, OSError):
            missing = "" if text in url else _one_line(text)
            return FileNotFoundError(
                errno.ENOENT, missing or os.strerror(errno.ENOENT), hide_secrets(url)
            )
        text = str(cause)
        error = cause if isinstance(cause, Exception) else error
    number = getattr(error, "errno", None) or errno.EIO
    if number == errno.EPIPE:  # which would pass for standard output, closed by its reader
        number = errno.EIO
    if getattr(error, "status", None) in range(400, 408):  # HTTP's word for what will not change
        number = errno.EACCES
    if isinstance(error, ValueError) and "range requests" in text:
        number = errno.ENOTSUP
        text = (
            "the server does not send parts of files; simplecache::URL fetches it as a whole first"
        )
    return OSError(number, _one_line(text) or type(error).__name__, hide_secrets(url))


def _one_line(text: str) -> str:
    return hide_secrets(" ".join(text.split()))

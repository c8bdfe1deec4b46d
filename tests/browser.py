"""Opens pages in Chromium without a window, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

BROWSER = next(
    (path for path in map(shutil.which, ("chromium", "google-chrome", "chrome")) if path), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")


@dataclass
class Opened:
    """A page as it stood after its scripts had run.

    Attributes:
        document: the elements, as HTML.
        said: what the browser wrote on standard error.
    """

    document: str
    said: str

    @property
    def elements(self) -> int:
        """How many elements there are."""
        return len(re.findall(r"<[a-zA-Z]", self.document))

    def inside(self, name: str) -> str:
        """The HTML in the ``div`` of that id, up to the first end of a ``div``."""
        found = re.search(rf'id="{name}"[^>]*>(.*?)</div>', self.document, re.DOTALL)
        assert found, name
        return found[1]


def browse(page: Path, fragment: str = "", first: str = "", then: str = "") -> Opened:
    """Open a page at a fragment.

    Args:
        page: the file, which is not changed.
        fragment: of its address, with the #.
        first: a script that runs before those of the page.
        then: a script that runs when the page is ready.
    """
    html = page.read_text(encoding="utf-8")
    html = html.replace("<head>", f"<head><script>{first}</script>", 1)
    wait = "new MutationObserver((_, own) => { own.disconnect(); %s })"
    wait += '.observe(document.body, {attributes: true, attributeFilter: ["data-ready"]});'
    html = html.replace("<h1>", f"<script>{wait % then}</script><h1>", 1)
    other = page.with_name("opened.html")
    other.write_text(html, encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr"]
    command += ["--virtual-time-budget=20000", "--window-size=1280,900"]
    done = subprocess.run(
        [*command, "--dump-dom", other.as_uri() + fragment],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=True,
    )
    return Opened(done.stdout, done.stderr)

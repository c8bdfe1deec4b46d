"""The page of a comparison can be read on a phone and on a desk."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nncompress.coding.options import CodingOptions
from nncompress.reports.compare import Trial
from nncompress.reports.comparison_page import comparison_page

BROWSER = next(
    (path for path in map(shutil.which, ("chromium", "google-chrome", "chrome")) if path), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")

PHONE, DESK = 390, 1280

LOOK = """<script>addEventListener("load", () => {
const right = (element) => element.getBoundingClientRect().right;
const image = document.querySelector("img");
parent.postMessage(JSON.stringify({
  width: innerWidth,
  page: document.documentElement.scrollWidth,
  tables: [...document.querySelectorAll(".scroll")].map(right),
  image: image ? right(image) : 0,
  letters: image ? image.getBoundingClientRect().width / image.naturalWidth : 0,
  shape: image ? image.naturalHeight / image.naturalWidth : 0,
}), "*");
});</script></body>"""
"""Measures the page once all of it, pictures included, is there."""


FRAME = """<!DOCTYPE html><body><script>addEventListener("message", (event) => {
document.body.dataset.found = event.data;
});</script><iframe src="page.html" style="width: {width}px; height: 900px; border: 0"></iframe>
</body>"""
"""A window of any width; Chromium's own is never narrower than 500 pixels."""


def look(page: str, width: int, folder: Path) -> dict[str, Any]:
    """What the page measures in a window of so many pixels."""
    (folder / "page.html").write_text(page.replace("</body>", LOOK), encoding="utf-8")
    path = folder / "frame.html"
    path.write_text(FRAME.replace("{width}", str(width)), encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr"]
    command += ["--virtual-time-budget=10000", "--window-size=1400,1000", "--hide-scrollbars"]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=True,
    )
    assert "CONSOLE" not in done.stderr  # nothing failed to load
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found
    facts: dict[str, Any] = json.loads(found[1].replace("&quot;", '"'))
    return facts


@pytest.fixture(scope="module")
def page() -> str:
    pytest.importorskip("matplotlib")
    trials = [
        Trial(
            "a file with a name that is long enough to need more than one line on a phone.txt",
            1_000_000,
            f"codec {number}",
            version="codec 1.2.3",
            command="codec --with many --options that --make a --long line --of words input",
            date="2026-11-29T13:00:00+00:00",
            compressed=200_000 + 9_000 * number,
            compress_seconds=8 / (number + 1),
            decompress_seconds=1 / (number + 1),
            peak_memory=10**8,
            restored=True,
        )
        for number in range(9)
    ]
    options = CodingOptions("no such model")  # then there is no map
    return comparison_page(trials, ("file", b"contents"), options, ["absent -9"])


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_page_fits_its_window(page: str, width: int, tmp_path: Path) -> None:
    found = look(page, width, tmp_path)
    assert found["width"] == width
    assert found["page"] <= width  # nothing has to be moved sideways but tables of their own
    assert max(found["tables"]) <= width
    assert 0 < found["image"] <= width


def test_letters_of_the_picture_are_not_made_tiny_on_a_phone(page: str, tmp_path: Path) -> None:
    phone, desk = (look(page, width, tmp_path) for width in (PHONE, DESK))
    assert phone["letters"] > 0.8 < desk["letters"]
    assert phone["shape"] > 1.5 * desk["shape"]  # another picture, narrow and high
